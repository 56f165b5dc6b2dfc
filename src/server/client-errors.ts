/** Responses to requests that Node's HTTP server rejects before Fastify sees them. */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { show } from '../errors.js';
import { problem } from './problems.js';

interface ParserError extends Error {
  readonly code?: string;
}

const DETAILS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'the request line and headers exceed the limit of 32 KiB',
  ERR_HTTP_REQUEST_TIMEOUT: 'the request did not arrive in time',
};

/** Errors of the parser. After any other error on a connection there is no client left to respond to. */
const REFUSAL = /^(HPE|ERR_HTTP)_/;

/**
 * Responds to a request that the parser rejected, and closes: the rest of the connection's bytes cannot be delimited.
 */
export function answerClientError(error: ParserError, socket: Socket): void {
  if (!REFUSAL.test(error.code ?? '') || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  // What came before these bytes is answered first: a client takes the first response for that of its first request.
  const response = responses.get(socket);
  const isUnderWay = response?.req.complete === true && !response.writableFinished;
  if (!isUnderWay) refuse(error, socket);
  else response.once('finish', () => refuse(error, socket));
}

/** The last response begun on each connection. */
const responses = new WeakMap<Socket, ServerResponse>();

/** Notes that a response is under way. Called for every request. */
export function noteResponse(response: ServerResponse): void {
  if (response.socket !== null) responses.set(response.socket, response);
}

function refuse(error: ParserError, socket: Socket): void {
  const document = problem('ERR_ARGUMENT', DETAILS[error.code ?? ''] ?? 'the request is not HTTP');
  const body = JSON.stringify(document);
  socket.end(
    `HTTP/1.1 ${document.status} ${STATUS_CODES[document.status]}\r\n` +
      `Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
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
