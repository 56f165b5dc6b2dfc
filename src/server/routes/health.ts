import type { Static } from 'typebox';
import type { ConfiguredTables } from '../configured-tables.js';
import type { ConnectionDrain } from '../connection-drain.js';
import { Type } from '../json-schema.js';
import { serviceProblems } from '../route-problems.js';
import { jsonAnswer } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';

const state = Type.Object({ status: Type.String() });

const unready = Type.Object({
  status: Type.String(),
  tables: Type.Optional(
    Type.Unsafe<Record<string, string>>({
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Configured tables that this worker cannot use, each with the code of the error',
    }),
  ),
});

const ready = Type.Object({
  status: Type.String(),
  tables: Type.Optional(
    Type.Unsafe<Record<string, string>>({
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Tables in clusters of which a server cannot be reached now, each with the code of the error',
    }),
  ),
});

type State = Static<typeof state>;
type Ready = Static<typeof ready>;
type Unready = Static<typeof unready>;

/** `/healthz` and `/readyz`: whether the process is alive; whether it accepts requests. */
export function healthRoutes(app: RoutesApp, drain: ConnectionDrain, tables: ConfiguredTables): void {
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
          200: jsonAnswer<Ready>('The worker is ready', ready, { example: { status: 'ready' } }),
          503: jsonAnswer<Unready>('The worker is shutting down, or cannot use a configured table', unready, {
            example: { status: 'unavailable', tables: { cities: 'ERR_TABLE_NOT_FOUND' } },
          }),
          ...serviceProblems(),
        },
      },
    },
    async (_request, reply) => {
      if (drain.begun) {
        reply.code(503);
        return { status: 'draining' };
      }
      const unusable = await tables.unusable();
      if (unusable === undefined) {
        // All workers have lost it: not to be ready would only take the other tables away.
        const { lost } = tables;
        return lost === undefined ? { status: 'ready' } : { status: 'ready', tables: lost };
      }
      reply.code(503);
      return { status: 'unavailable', tables: unusable };
    },
  );
}
