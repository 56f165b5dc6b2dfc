/** An id for each request, the client's own (`X-Request-Id`) or a new one; responses and log lines include it. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { hook } from './request-hooks.js';
import type { RoutesApp } from './service-routes.js';

const HEADER = 'x-request-id';
/** Ids that are safe in logs and other services. */
const ACCEPTED = /^[\w.:/+=@-]{1,128}$/;

export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const { [HEADER]: given } = headers;
  return typeof given === 'string' && ACCEPTED.test(given) ? given : randomUUID();
}

export function answerWithRequestId(app: RoutesApp): void {
  app.addHook(
    'onRequest',
    hook((request, reply) => {
      reply.header(HEADER, request.id);
    }),
  );
}
