import { Type } from 'typebox';
import type { RoutesApp } from '../service-routes.js';

const answer = Type.Object({ status: Type.String() });

/** `/healthz` and `/readyz`: the process lives; the process takes requests. */
export function healthRoutes(app: RoutesApp): void {
  app.get(
    '/healthz',
    {
      config: { scope: 'none' },
      schema: {
        operationId: 'health',
        tags: ['operation'],
        summary: 'Says that this worker lives',
        response: { 200: answer },
      },
    },
    async () => ({ status: 'alive' }),
  );

  app.get(
    '/readyz',
    {
      config: { scope: 'none' },
      schema: {
        operationId: 'readiness',
        tags: ['operation'],
        summary: 'Says that this worker takes requests',
        response: { 200: answer },
      },
    },
    async () => ({ status: 'ready' }),
  );
}
