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

/** The last two responses begun on a connection, which are sent in the order of their requests. */
interface Responses {
  last: ServerResponse;
  before: ServerResponse | undefined;
}

const responses = new WeakMap<Socket, Responses>();
const refused = new WeakSet<Socket>();

/** Notes that a response is begun. Called for every request. */
export function noteResponse(response: ServerResponse): void {
  // Not the response's own socket, which it gets when it is its turn.
  const { socket } = response.req;
  const noted = responses.get(socket);
  if (noted === undefined) {
    responses.set(socket, { last: response, before: undefined });
    return;
  }
  noted.before = noted.last.writableFinished ? undefined : noted.last;
  noted.last = response;
}

/**
 * Responds to a request that the parser rejected, and closes: the rest of the connection's bytes cannot be delimited.
 * All that came before is answered first, because a client takes the responses for those of its requests, in order.
 */
export function answerClientError(error: ParserError, socket: Socket): void {
  // Each further piece of what cannot be parsed is reported, too.
  if (refused.has(socket)) return;
  if (!REFUSAL.test(error.code ?? '') || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  refused.add(socket);
  const detail = DETAILS[error.code ?? ''] ?? 'the request is not HTTP';
  const pending = lastPending(socket);
  if (pending === undefined) {
    refuse(detail, socket);
    return;
  }
  // Nothing more is read meanwhile.
  socket.pause();
  pending.once('finish', () => refuse(detail, socket));
}

/** The last response under way whose request has arrived in full; the one after it may be the rejected request's. */
function lastPending(socket: Socket): ServerResponse | undefined {
  const noted = responses.get(socket);
  const candidate = noted?.last.req.complete === true ? noted.last : noted?.before;
  return candidate === undefined || candidate.writableFinished ? undefined : candidate;
}

function refuse(detail: string, socket: Socket): void {
  const document = problem('ERR_ARGUMENT', detail);
  const body = JSON.stringify(document);
  socket.end(
    `HTTP/1.1 ${document.status} ${STATUS_CODES[document.status]}\r\n` +
      `Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  // For the end of the client's side to be seen.
  socket.resume();
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
