/** Log lines about requests: about all of them if `accessLog` is set, and always about actions of administrators. */
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { hook } from './request-hooks.js';
import type { RoutesApp } from './service-routes.js';

/** Longer paths are truncated in logs and events. */
const MAX_PATH = 200;

/** The path of a request as logs show it: without the query, in which clients may send secrets. */
export function loggedPath({ url = '' }: { readonly url?: string | undefined }): string {
  const [path] = url.split('?', 1);
  return path.slice(0, MAX_PATH);
}

/** Logs every request. A line costs more than the request that it is about. */
export function logRequests(app: RoutesApp, serviceLog: FastifyBaseLogger): void {
  const log = atLeastInfo(serviceLog);
  app.addHook(
    'onResponse',
    hook((request, reply) => log.info(aboutRequest(request, reply), 'request')),
  );
}

/** Logs requests that need the scope `admin`, including those that are refused. */
export function logAdminActions(app: RoutesApp, serviceLog: FastifyBaseLogger): void {
  const log = atLeastInfo(serviceLog);
  const write = hook((request, reply) => log.info(aboutRequest(request, reply), 'admin action'));
  app.addHook('onRoute', (route) => {
    if (route.config?.scope === 'admin') route.onResponse = [...[route.onResponse ?? []].flat(), write];
  });
}

/** A log that writes `info` lines even if the level is `warn` or above, unless it is `silent`. */
function atLeastInfo(log: FastifyBaseLogger): FastifyBaseLogger {
  const isQuiet = ['warn', 'error', 'fatal'].includes(log.level);
  return log.child({}, isQuiet ? { level: 'info' } : {});
}

function aboutRequest(request: FastifyRequest, reply: FastifyReply): object {
  const { method, id, ip, token } = request;
  return {
    reqId: id,
    method,
    url: loggedPath(request),
    status: reply.statusCode,
    durationMs: Math.round(reply.elapsedTime * 1000) / 1000,
    // The client of a Unix socket has none.
    ...(ip !== undefined && { remoteAddress: ip }),
    ...(token !== undefined && { token: token.name }),
  };
}
