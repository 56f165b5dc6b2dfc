/** Commands for tables in shared memory, and for those that a configuration file says are in a cluster. */
import type { ClusterTable } from '../cluster/cluster-table.js';
import type { Table } from '../table/table.js';
import type { Columns } from '../table/types.js';
import { openTable, type TableFlags } from './table-command.js';

/** What a command does with a table of either kind. */
interface Work<T> {
  readonly readOnly: boolean;
  readonly shared: (table: Table<Columns>) => T | Promise<T>;
  readonly cluster: (table: ClusterTable<Columns>) => T | Promise<T>;
}

/** Opens the table, does the work and closes it. Throws what opening it and the work throw. */
export async function withTable<T>(name: string, flags: TableFlags, work: Work<T>): Promise<T> {
  if (flags.config !== undefined) {
    // Loaded only with this option: settings and client take longer to load than everything else.
    const { openInCluster } = await import('./configured-cluster.js');
    const table = await openInCluster(name, flags.config);
    if (table !== undefined) {
      try {
        return await work.cluster(table);
      } finally {
        await table.close();
      }
    }
  }
  using table = openTable(name, flags, work.readOnly);
  return await work.shared(table);
}
