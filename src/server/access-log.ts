/** Log lines about requests: about all of them if `accessLog` is set, and always about actions of administrators. */
import type { ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyContextConfig, FastifyRequest } from 'fastify';
import { monotonicMs } from '../memory/index.js';
import { clientAddress } from './access/trusted-proxies.js';
import { statusOf } from './service-response.js';

/** Longer paths are truncated in logs and events. */
const MAX_PATH = 200;

/** The scheme and authority of a target, which may have a name and a password. */
const AUTHORITY = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/;
const PATH_END = /[?#]/;

/** The path of a request as logs show it: without the query, in which clients may send secrets. */
export function loggedPath({ url = '' }: { readonly url?: string | undefined }): string {
  const [path] = url.replace(AUTHORITY, '').split(PATH_END, 1);
  return path.slice(0, MAX_PATH);
}

export class RequestLog {
  readonly #log: FastifyBaseLogger;
  readonly #logsAll: boolean;

  /** @param logsAll whether every request is logged, which costs more than the request itself */
  constructor(serviceLog: FastifyBaseLogger, logsAll: boolean) {
    this.#log = atLeastInfo(serviceLog);
    this.#logsAll = logsAll;
  }

  /** A step of every request: those that concern the log are logged when they have ended, even if the client left. */
  note({ scope }: FastifyContextConfig, request: FastifyRequest, response: ServerResponse): void {
    if (this.#logsAll) this.#logAtEnd('request', request, response);
    if (scope === 'admin') this.#logAtEnd('admin action', request, response);
  }

  #logAtEnd(message: string, request: FastifyRequest, response: ServerResponse): void {
    // A connection that has ended has no address.
    const { method } = request;
    const remoteAddress = clientAddress(request);
    response.once('close', () => {
      const { token } = request;
      const line = {
        reqId: request.id,
        method,
        url: loggedPath(request),
        status: statusOf(response),
        durationMs: Math.round((monotonicMs() - (response.beganMs ?? 0)) * 1000) / 1000,
        // The client of a Unix socket has none.
        ...(remoteAddress !== undefined && { remoteAddress }),
        ...(token !== undefined && { token: token.name }),
      };
      this.#log.info(line, message);
    });
  }
}

/** A log that writes `info` lines even if the level is `warn` or above, unless it is `silent`. */
function atLeastInfo(log: FastifyBaseLogger): FastifyBaseLogger {
  const isQuiet = ['warn', 'error', 'fatal'].includes(log.level);
  return log.child({}, isQuiet ? { level: 'info' } : {});
}
