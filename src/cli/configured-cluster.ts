/** The tables in a cluster that a configuration file describes. */
import { ClusterTable } from '../cluster/cluster-table.js';
import type { ClusterTableOptions } from '../cluster/options.js';
import { ShmTableError } from '../errors.js';
import { clusterOptions } from '../server/settings/cluster-options.js';
import { loadSettings } from '../server/settings/load-settings.js';
import { isInCluster } from '../server/settings/table-schema.js';
import type { Columns } from '../table/types.js';

/** Why a command is refused for a table in a cluster, and what to use instead. */
const REFUSED: Readonly<Record<string, string>> = {
  snapshot: 'use `shmtable dump`, or the RDB files of the servers',
  restore: 'use `shmtable load` with what `shmtable dump` has printed',
  verify: 'the servers check their own data (redis-cli --cluster check)',
};

/** Those that the file describes. Without a near cache: it would be created for one command, and its feed started. */
export function tablesInCluster(file: string): ClusterTableOptions<Columns>[] {
  const { settings } = loadSettings(file, process.env, {});
  return Object.entries(settings.tables).flatMap(([name, table]) =>
    isInCluster(table) ? [{ ...clusterOptions(name, table, settings), near: false }] : [],
  );
}

function optionsOf(name: string, file: string): ClusterTableOptions<Columns> | undefined {
  return tablesInCluster(file).find((table) => table.name === name);
}

/** Opens a table in a cluster; undefined if the file describes no such table. */
export async function openInCluster(name: string, file: string): Promise<ClusterTable<Columns> | undefined> {
  const options = optionsOf(name, file);
  return options && ClusterTable.connect(options);
}

/** ERR_BACKEND_UNSUPPORTED if the table is in a cluster. */
export function refuse(name: string, file: string, command: string): void {
  if (optionsOf(name, file) === undefined) return;
  throw new ShmTableError(
    'ERR_BACKEND_UNSUPPORTED',
    `table ${name} is in a cluster, which has no ${command}: ${REFUSED[command]}`,
  );
}
