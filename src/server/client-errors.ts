/** Answers to what Node's HTTP server refuses by itself, before Fastify sees a request. */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { show } from '../errors.js';
import { problem } from './problems.js';

interface ParserError extends Error {
  readonly code?: string;
}

const DETAILS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'the request line and headers are larger than the service takes',
  ERR_HTTP_REQUEST_TIMEOUT: 'the request did not arrive in time',
};

/** The parser's refusals. Whatever else goes wrong on a connection leaves nobody who could be answered. */
const REFUSAL = /^(HPE|ERR_HTTP)_/;

/** Answers what the parser refused, once, and closes: what else is on the connection cannot be told from the broken request. */
export function answerClientError(error: ParserError, socket: Socket): void {
  if (!REFUSAL.test(error.code ?? '') || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const document = problem('ERR_ARGUMENT', DETAILS[error.code ?? ''] ?? 'the request is not HTTP');
  const body = JSON.stringify(document);
  socket.end(
    `HTTP/1.1 ${document.status} ${STATUS_CODES[document.status]}\r\n` +
      `Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Answers an `Expect` header other than `100-continue`. */
export function answerUnknownExpectation(request: IncomingMessage, response: ServerResponse): void {
  const document = problem('ERR_ARGUMENT', `Expect: ${show(request.headers.expect)} is not 100-continue`);
  const body = JSON.stringify(document);
  response.writeHead(document.status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  response.end(body);
}
