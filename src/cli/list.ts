import type { Command } from 'commander';
import { TABLE_DEFAULTS } from '../table/defaults.js';
import { Table } from '../table/table.js';
import { printJson, printTable } from './output.js';

/** A table in a cluster as `ls` prints it. */
interface ListedInCluster {
  readonly name: string;
  readonly rows: null;
  readonly capacity: null;
  readonly bytes: null;
  readonly backend: 'cluster';
}

async function listInCluster(file: string): Promise<ListedInCluster[]> {
  const { tablesInCluster } = await import('./configured-cluster.js');
  return tablesInCluster(file).map(({ name }) => ({
    name,
    rows: null,
    capacity: null,
    bytes: null,
    backend: 'cluster',
  }));
}

/** `shmtable ls` */
export function addList(program: Command): void {
  program
    .command('ls')
    .description(`list the tables of the namespace (SHMTABLE_NAMESPACE, or ${TABLE_DEFAULTS.namespace})`)
    .option('--config <file>', 'configuration file, whose tables in a cluster are listed too')
    .option('--json', 'print JSON')
    .action(async ({ config, json = false }: { config?: string; json?: boolean }) => {
      const inCluster = config === undefined ? [] : await listInCluster(config);
      const tables = Table.list();
      if (json) return printJson([...tables, ...inCluster]);
      printTable([
        ['NAME', 'ROWS', 'CAPACITY', 'BYTES', 'BACKEND', 'PROCESSES'],
        ...tables.map(({ name, rows, capacity, bytes, backend, owners }) => [
          name,
          String(rows),
          String(capacity),
          String(bytes),
          backend,
          owners.join(' '),
        ]),
        // Counting their rows would visit all slots.
        ...inCluster.map(({ name, backend }) => [name, '-', '-', '-', backend, '']),
      ]);
    });
}
