/** The HTTP or HTTPS server under an app, with limits on what a client may send and on how slowly. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { answerUnknownExpectation } from './client-errors.js';
import type { ServiceSettings } from './settings/settings-schema.js';
import { readTlsFiles } from './settings/tls-files.js';

/** Room for a key of 255 percent-encoded bytes, and for longer ones, which are then refused by name. */
export const MAX_HEADER_BYTES = 32 * 1024;
/** Longer than load balancers keep connections, so that none of them sends into one that closes. */
const KEEP_ALIVE_MS = 72_000;
/** How often requests that are slow to arrive are looked for: a tenth of their limit, within these. */
const LONGEST_CHECK_MS = 5000;
const SHORTEST_CHECK_MS = 50;
const MAX_TIMER_MS = 2 ** 31 - 1;

export function createHttpServer(listener: RequestListener, { limits, tls }: ServiceSettings): Server {
  const { requestTimeoutMs } = limits;
  const options = {
    // Without a Host, Node would answer by itself, and not with a problem document.
    requireHostHeader: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs,
    connectionsCheckingInterval: checkIntervalMs(requestTimeoutMs),
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  const server =
    tls === undefined
      ? createServer(options, listener)
      : createTlsServer({ ...options, ...readTlsFiles(tls), handshakeTimeout: requestTimeoutMs }, listener);
  // A client that takes nothing of its answer is given longer: one that sends slowly shall be told so first.
  server.setTimeout(Math.min(2 * requestTimeoutMs, MAX_TIMER_MS));
  // The bytes are limited. A limited number of headers would drop those beyond it, a condition or a token among them.
  server.maxHeadersCount = 0;
  server.on('checkExpectation', answerUnknownExpectation);
  return server;
}

function checkIntervalMs(requestTimeoutMs: number): number {
  if (requestTimeoutMs === 0) return LONGEST_CHECK_MS;
  return Math.min(LONGEST_CHECK_MS, Math.max(SHORTEST_CHECK_MS, requestTimeoutMs / 10));
}
