import type { Command } from 'commander';
import { TABLE_DEFAULTS } from '../table/defaults.js';
import { Table } from '../table/table.js';
import { printJson, printTable } from './output.js';

/** `shmtable ls` */
export function addList(program: Command): void {
  program
    .command('ls')
    .description(`list the tables of the namespace (SHMTABLE_NAMESPACE, or ${TABLE_DEFAULTS.namespace})`)
    .option('--json', 'print JSON')
    .action(({ json = false }: { json?: boolean }) => {
      const tables = Table.list();
      if (json) return printJson(tables);
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
      ]);
    });
}
