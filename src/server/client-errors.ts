/** Answers to what the HTTP parser refused, before there is a request: written to the socket by hand. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { problem } from './problems.js';

interface ParserError extends Error {
  readonly code?: string;
}

const DETAILS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'the request line and headers are larger than the service takes',
  ERR_HTTP_REQUEST_TIMEOUT: 'the request did not arrive in time',
};

/** Answers once and closes: what else is on the connection cannot be told from the broken request. */
export function answerClientError(error: ParserError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
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
