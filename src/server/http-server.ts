/** The HTTP or HTTPS server of an app, with limits on the size and the duration of requests. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { protectiveHeaders } from './access/protective-headers.js';
import { answerUnknownExpectation, type ClientErrors } from './client-errors.js';
import { isAwaiting, oneAtATime } from './request-queue.js';
import { type ResponseRules, responsesUnder } from './service-response.js';
import type { ServiceSettings } from './settings/settings-schema.js';
import { readTlsFiles } from './settings/tls-files.js';

/** Enough for a key of 255 percent-encoded bytes, and for longer keys, which are then rejected with a proper error. */
export const MAX_HEADER_BYTES = 32 * 1024;
/** Longer than load balancers keep connections, so that none of them sends a request on a closing one. */
const KEEP_ALIVE_MS = 72_000;
/** A client may read nothing for this many times the limit for a request to arrive. */
export const UNREAD_PER_ARRIVAL = 2;
/** Bounds of the interval between checks for slow requests, which is a tenth of their time limit. */
const LONGEST_CHECK_MS = 5000;
const SHORTEST_CHECK_MS = 50;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The headers of every response, with names in lower case. */
export function commonHeaders({ tls, workerHeader }: ServiceSettings): Record<string, string> {
  return { ...protectiveHeaders(tls !== undefined), ...(workerHeader && { 'shm-worker': String(process.pid) }) };
}

export function createHttpServer(
  listener: RequestListener,
  settings: ServiceSettings,
  clientErrors: ClientErrors,
  rules: Pick<ResponseRules, 'isLast' | 'ended'>,
): Server {
  const { tls } = settings;
  const { requestTimeoutMs } = settings.limits;
  const options = {
    ServerResponse: responsesUnder({ ...rules, headers: commonHeaders(settings) }),
    // Node's own response to a missing Host is not a problem document.
    requireHostHeader: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    connectionsCheckingInterval: checkIntervalMs(requestTimeoutMs),
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  const server =
    tls === undefined
      ? createServer(options, oneAtATime(listener))
      : createTlsServer({ ...options, ...readTlsFiles(tls), handshakeTimeout: requestTimeoutMs }, oneAtATime(listener));
  // Longer than the request timeout, so that a client that sends slowly gets the error of that one first.
  const silenceMs = Math.min(UNREAD_PER_ARRIVAL * requestTimeoutMs, MAX_TIMER_MS);
  server.setTimeout(silenceMs);
  server.on('timeout', (socket: Socket) => {
    // Nothing is heard of a client that waits for a server of a cluster, or for a long count.
    if (isAwaiting(socket)) socket.setTimeout(silenceMs);
    else socket.destroy();
  });
  // The bytes are limited. A limit on the number of headers would silently drop some, perhaps a condition or a token.
  server.maxHeadersCount = 0;
  server.on('checkExpectation', answerUnknownExpectation);
  server.on('connect', (request, socket) => clientErrors.answerConnect(request, socket));
  // A client that has sent its last request may close its side and wait for the responses. Node has no option for this.
  Object.assign(server, { httpAllowHalfOpen: true });
  return server;
}

function checkIntervalMs(requestTimeoutMs: number): number {
  if (requestTimeoutMs === 0) return LONGEST_CHECK_MS;
  return Math.min(LONGEST_CHECK_MS, Math.max(SHORTEST_CHECK_MS, requestTimeoutMs / 10));
}
