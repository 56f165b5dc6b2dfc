/** Responses to requests that Node's HTTP server rejects before Fastify sees them. */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { type ErrorCode, show } from '../errors.js';
import { type Problem, problem } from './problems.js';
import { isAnswered, lastPending } from './request-queue.js';

interface ParserError extends Error {
  readonly code?: string;
}

interface Refusal {
  readonly code: ErrorCode;
  readonly detail: string;
}

/** Reported once for each request. */
const TOO_SLOW = 'ERR_HTTP_REQUEST_TIMEOUT';

const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    code: 'ERR_HEADERS_TOO_LARGE',
    detail: 'the request line and headers exceed the limit of 32 KiB',
  },
  [TOO_SLOW]: { code: 'ERR_REQUEST_TIMEOUT', detail: 'the request did not arrive in time' },
};
const NOT_HTTP: Refusal = { code: 'ERR_ARGUMENT', detail: 'the request is not HTTP' };

/** Errors of the parser. After any other error on a connection there is no client left to respond to. */
const REFUSAL = /^(HPE|ERR_HTTP)_/;

/** ERR_RATE_LIMITED is usually 429 for one client; here all clients together have too many connections. */
const TOO_MANY_CONNECTIONS = { code: 'ERR_RATE_LIMITED', status: 503 } as const;
const RETRY_AFTER_S = 1;

const refused = new WeakSet<Socket>();
/** Connections whose current request may take any time to arrive. */
const unhurried = new WeakSet<Socket>();

/** Exempts a request from the time limit for its arrival; it must only continue to arrive. */
export function allowAnyDuration({ raw }: FastifyRequest): void {
  const { socket } = raw;
  unhurried.add(socket);
  raw.once('close', () => unhurried.delete(socket));
}

/**
 * Responds to a request that the parser rejected, and closes: the rest of the connection's bytes cannot be delimited.
 * All requests before it get their responses first, because a client assigns responses to its requests in order.
 */
export function answerClientError(error: ParserError, socket: Socket): void {
  if (error.code === TOO_SLOW && unhurried.has(socket)) return;
  // Every further piece of invalid input is reported, too.
  if (refused.has(socket)) return;
  if (!REFUSAL.test(error.code ?? '') || socket.destroyed || !socket.writable || isAnswered(socket)) {
    socket.destroy();
    return;
  }
  refused.add(socket);
  const refusal = REFUSALS[error.code ?? ''] ?? NOT_HTTP;
  const pending = lastPending(socket);
  if (pending === undefined) {
    refuse(refusal, socket);
    return;
  }
  // Nothing more is read until then.
  socket.pause();
  pending.once('finish', () => refuse(refusal, socket));
}

function refuse({ code, detail }: Refusal, socket: Socket): void {
  const document = problem(code, detail);
  endWith(socket, document);
  // Reading is resumed so that the end of the client's side is noticed.
  socket.resume();
}

/** Sends a problem document as the last response of a connection. */
function endWith(socket: Duplex, document: Problem, headers: readonly string[] = []): void {
  const body = JSON.stringify(document);
  const head = [
    `HTTP/1.1 ${document.status} ${STATUS_CODES[document.status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...headers,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** Responds to a connection that exceeds the limit of the worker. */
export function refuseConnection(socket: Socket, limit: number): void {
  const { status } = TOO_MANY_CONNECTIONS;
  const detail = `the worker has ${limit} connections, its limit; try again`;
  endWith(socket, problem(TOO_MANY_CONNECTIONS.code, detail, status), [`Retry-After: ${RETRY_AFTER_S}`]);
}

/** Responds to CONNECT, for which Node has no request listener: this is not a proxy. */
export function answerConnect(request: IncomingMessage, socket: Duplex): void {
  const document = problem('ERR_METHOD_NOT_ALLOWED', `no resource supports CONNECT, got ${show(request.url)}`);
  endWith(socket, document, ['Allow: DELETE, GET, HEAD, PATCH, POST, PUT']);
}

/** Responds to an `Expect` header other than `100-continue`. */
export function answerUnknownExpectation(request: IncomingMessage, response: ServerResponse): void {
  const document = problem('ERR_ARGUMENT', `Expect must be 100-continue, got ${show(request.headers.expect)}`);
  const body = JSON.stringify(document);
  response.writeHead(document.status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  response.end(body);
}
