import type { Static } from 'typebox';
import type { ConnectionDrain } from '../connection-drain.js';
import { Type } from '../json-schema.js';
import { serviceProblems } from '../route-problems.js';
import { jsonAnswer } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';

const state = Type.Object({ status: Type.String() });

type State = Static<typeof state>;

/** `/healthz` and `/readyz`: whether the process is alive; whether it accepts requests. */
export function healthRoutes(app: RoutesApp, drain: ConnectionDrain): void {
  app.get(
    '/healthz',
    {
      config: { scope: 'none', rateLimit: false },
      schema: {
        operationId: 'health',
        tags: ['operation'],
        summary: 'Reports that this worker is alive',
        response: {
          200: jsonAnswer<State>('The worker is alive', state, { example: { status: 'alive' } }),
          ...serviceProblems(),
        },
      },
    },
    async () => ({ status: 'alive' }),
  );

  app.get(
    '/readyz',
    {
      config: { scope: 'none', rateLimit: false },
      schema: {
        operationId: 'readiness',
        tags: ['operation'],
        summary: 'Reports whether this worker accepts requests',
        response: {
          200: jsonAnswer<State>('The worker is ready', state, { example: { status: 'ready' } }),
          503: jsonAnswer<State>('The worker is shutting down', state, { example: { status: 'draining' } }),
          ...serviceProblems(),
        },
      },
    },
    async (_request, reply) => {
      if (drain.begun) reply.code(503);
      return { status: drain.begun ? 'draining' : 'ready' };
    },
  );
}
