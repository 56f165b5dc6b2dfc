import { visibleTo } from '../access/token-tables.js';
import type { EventStreams } from '../event-stream.js';
import { Type } from '../json-schema.js';
import type { Overview } from '../overview/overview.js';
import { overviewSchema } from '../overview/overview-schema.js';
import { serviceProblems } from '../route-problems.js';
import type { RoutesApp } from '../service-routes.js';
import { SCOPES } from '../settings/security-schema.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** The state of the service; undefined where the routes are in the app of a user. */
    overview?: Overview;
  }
}

const events = {
  200: {
    description:
      'Server-Sent Events: the first `overview` event at once, then one each second, with an `Overview` as JSON in ' +
      '`data`. A comment is sent every 15 seconds.',
    headers: {
      'Shm-Scope': {
        type: 'string',
        enum: SCOPES,
        description: 'What the token of the request allows; admin if the service has no tokens',
      },
    },
    content: {
      'text/event-stream': {
        schema: Type.String({
          contentSchema: { $ref: 'Overview#', description: 'The `data` of each event' },
          examples: ['event: overview\ndata: {"at":1767225600000, ...}\n\n'],
        }),
      },
    },
  },
} as const;

/** `/v1/overview`: the state of the service and its tables, as it changes. */
export function overviewRoutes(app: RoutesApp, overview: Overview, streams: EventStreams): void {
  app.addSchema(overviewSchema);
  app.get(
    '/overview',
    {
      config: { scope: 'read', stream: true, endsWithToken: true },
      schema: {
        operationId: 'watchOverview',
        tags: ['operation'],
        summary: 'Streams the state of the service, its workers and its tables once a second',
        response: { ...events, ...serviceProblems() },
      },
    },
    async ({ token }, reply) => {
      reply.header('Shm-Scope', token?.scope ?? 'admin');
      await streams.answer(reply, overview.listen(token?.tables === undefined ? undefined : visibleTo(token)));
      return reply;
    },
  );
}
