/** Provides the configured tables in clusters. It runs in the primary, which keeps no connection. */
import type { FastifyBaseLogger } from 'fastify';
import { hasCode, ShmTableError } from '../errors.js';
import { clusterOptions } from './settings/cluster-options.js';
import type { ServiceSettings } from './settings/settings-schema.js';
import { clusterTables } from './settings/table-schema.js';

/**
 * Creates the tables that do not exist, and compares the columns of the others. A cluster that cannot be reached is no
 * reason not to start: the workers go on trying.
 *
 * @throws {ShmTableError} ERR_SCHEMA_MISMATCH when one has other columns, and may not be altered; ERR_ARGUMENT when the
 *   client library is not installed
 */
export async function provideClusterTables(settings: ServiceSettings, log: FastifyBaseLogger): Promise<void> {
  const tables = Object.entries(clusterTables(settings.tables));
  if (tables.length === 0) return;
  const { ClusterTable } = await import('../cluster/cluster-table.js');
  const provided = await Promise.allSettled(
    tables.map(async ([name, table]) => {
      try {
        const opened = await ClusterTable.connect({ ...clusterOptions(name, table, settings), near: false });
        await opened.close();
      } catch (error) {
        if (!hasCode(error, 'ERR_CLUSTER_UNAVAILABLE') && !hasCode(error, 'ERR_PERMISSION')) {
          throw error instanceof ShmTableError
            ? new ShmTableError(error.code, `tables.${name}: ${error.message}`, { cause: error })
            : error;
        }
        const detail = error instanceof Error ? error.message : String(error);
        log.warn({ table: name, detail }, 'table in cluster cannot be opened yet');
      }
    }),
  );
  for (const result of provided) if (result.status === 'rejected') throw result.reason;
}
