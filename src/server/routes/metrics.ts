import { visibleTo } from '../access/token-tables.js';
import type { ClusterTables } from '../cluster-tables.js';
import { compressAnswer } from '../compression.js';
import type { ProcessReports } from '../metrics/process-reports.js';
import { countsOfTables } from '../metrics/table-counts.js';
import { serviceProblems } from '../route-problems.js';
import type { ServiceMemory } from '../service-memory.js';
import type { RoutesApp } from '../service-routes.js';
import type { ServiceSettings } from '../settings/settings-schema.js';
import { SnapshotFiles } from '../snapshot-files.js';

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

interface MetricSources {
  readonly memory: ServiceMemory;
  readonly reports: ProcessReports;
  readonly settings: Pick<ServiceSettings, 'namespace' | 'snapshots'>;
  readonly inCluster: ClusterTables | undefined;
}

/** `/metrics`: the metrics of the whole service, from any worker. */
export function metricsRoutes(app: RoutesApp, { memory, reports, settings, inCluster }: MetricSources): void {
  const { namespace, snapshots } = settings;
  const files = snapshots === undefined ? undefined : new SnapshotFiles(snapshots.dir);
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
      const isVisible = visibleTo(token);
      const { text, contentType } = await exposition({
        memory,
        tables: await countsOfTables(namespace, isVisible),
        processes: await reports.read(),
        inCluster: (inCluster?.list() ?? []).filter(({ name }) => isVisible(name)),
        isVisible,
        snapshots: files === undefined ? [] : [...(await files.newest())].filter(([table]) => isVisible(table)),
      });
      return reply.type(contentType).send(text);
    },
  );
}
