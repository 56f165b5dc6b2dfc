/** Responses to requests that Node's HTTP server rejects before Fastify sees them. */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { type ErrorCode, ShmTableError, show } from '../errors.js';
import { timers } from '../memory/index.js';
import { type Problem, problem } from './problems.js';
import { newRequestId } from './request-ids.js';
import { isAnswered, lastPending, refuseArriving, stopRequests } from './request-queue.js';

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
/** How long a client may take to read the refusal and to close its side. */
const LINGER_MS = 1000;

const refused = new WeakSet<Socket>();
/** Connections whose current request may take any time to arrive. */
const unhurried = new WeakSet<Socket>();

/** Exempts a request from the time limit for its arrival; it must only continue to arrive. */
export function allowAnyDuration({ raw }: FastifyRequest): void {
  const { socket } = raw;
  unhurried.add(socket);
  raw.once('close', () => unhurried.delete(socket));
}

export class ClientErrors {
  readonly #headers: Readonly<Record<string, string>>;

  /** @param headers the headers of every response */
  constructor(headers: Readonly<Record<string, string>>) {
    this.#headers = headers;
  }

  /**
   * Responds to a request that the parser rejected, and closes: the rest of the connection's bytes cannot be delimited.
   * All requests before it get their responses first, because a client assigns responses to its requests in order.
   */
  answer(error: ParserError, socket: Socket): void {
    if (error.code === TOO_SLOW && unhurried.has(socket)) return;
    // Every further piece of invalid input is reported, too.
    if (refused.has(socket)) return;
    if (!REFUSAL.test(error.code ?? '') || socket.destroyed || !socket.writable || isAnswered(socket)) {
      socket.destroy();
      return;
    }
    refused.add(socket);
    const { code, detail } = REFUSALS[error.code ?? ''] ?? NOT_HTTP;
    if (refuseArriving(socket, new ShmTableError(code, detail))) return;
    const refusal = problem(code, detail);
    const pending = lastPending(socket);
    if (pending === undefined) {
      this.#refuse(refusal, socket);
      return;
    }
    // Nothing more is read until then.
    socket.pause();
    pending.once('finish', () => this.#refuse(refusal, socket));
  }

  /** Responds to a connection that exceeds the limit of the worker. */
  refuseConnection(socket: Socket, limit: number): void {
    const { status } = TOO_MANY_CONNECTIONS;
    const detail = `the worker has ${limit} connections, its limit; try again`;
    this.#endWith(socket, problem(TOO_MANY_CONNECTIONS.code, detail, status), { 'Retry-After': RETRY_AFTER_S });
  }

  /** Responds to CONNECT, for which Node has no request listener: this is not a proxy. */
  answerConnect(request: IncomingMessage, socket: Duplex): void {
    const document = problem('ERR_METHOD_NOT_ALLOWED', `no resource supports CONNECT, got ${show(request.url)}`);
    this.#endWith(socket, document, { Allow: 'DELETE, GET, HEAD, PATCH, POST, PUT' });
  }

  /** What the client still sends is read, so that its end is noticed, but no request in it is executed. */
  #refuse(refusal: Problem, socket: Socket): void {
    stopRequests(socket);
    this.#endWith(socket, refusal);
    socket.resume();
    const limit = timers.setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('close', () => timers.clearTimeout(limit));
  }

  /** Sends a problem document as the last response of a connection. */
  #endWith(socket: Duplex, document: Problem, headers: Readonly<Record<string, string | number>> = {}): void {
    const body = JSON.stringify(document);
    const all = {
      'Content-Type': 'application/problem+json',
      'Content-Length': Buffer.byteLength(body),
      Connection: 'close',
      'X-Request-Id': newRequestId(),
      ...headers,
      ...this.#headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${document.status} ${STATUS_CODES[document.status]}\r\n${lines.join('')}\r\n${body}`);
  }
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
