import { visibleTo } from '../access/token-tables.js';
import { compressAnswer } from '../compression.js';
import { countsOfTables } from '../metrics/table-counts.js';
import { serviceProblems } from '../route-problems.js';
import type { ServiceMemory } from '../service-memory.js';
import type { RoutesApp } from '../service-routes.js';

const answer = {
  description: 'Metrics in the Prometheus text format',
  content: {
    'text/plain': {
      schema: { type: 'string' },
      example:
        '# HELP shmtable_table_rows Rows of the table\n# TYPE shmtable_table_rows gauge\nshmtable_table_rows{table="cities"} 4\n',
    },
  },
} as const;

/** `/metrics`: the metrics of the whole service, from any worker. */
export function metricsRoutes(app: RoutesApp, memory: ServiceMemory, namespace: string): void {
  app.get(
    '/metrics',
    {
      onSend: compressAnswer,
      config: { scope: 'read' },
      schema: {
        operationId: 'metrics',
        tags: ['operation'],
        summary: 'Gets metrics for Prometheus, aggregated over all workers',
        response: { 200: answer, ...serviceProblems() },
      },
    },
    async ({ token }, reply) => {
      // Loaded for the first request: most apps never get one, and loading prom-client would slow down the start of
      // each.
      const { exposition } = await import('../metrics/exposition.js');
      const { text, contentType } = await exposition(memory, await countsOfTables(namespace, visibleTo(token)));
      return reply.type(contentType).send(text);
    },
  );
}
