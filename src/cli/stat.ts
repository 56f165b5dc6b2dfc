import type { Command } from 'commander';
import { Table } from '../table/table.js';
import { printJson, printTable } from './output.js';

/** `shmtable stat TABLE` */
export function addStat(program: Command): void {
  program
    .command('stat')
    .description('print the schema and the statistics of a table')
    .argument('<table>')
    .option('--json', 'print JSON')
    .action((name: string, { json = false }: { json?: boolean }) => {
      using table = Table.open(name, { readOnly: true });
      const stats = table.stats();
      if (json)
        return printJson({
          name,
          columns: table.columns,
          maxKeyBytes: table.maxKeyBytes,
          backend: table.backend,
          stats,
        });
      printTable([
        ...Object.entries(table.columns).map(([column, type]) => [`column ${column}`, type]),
        ['maxKeyBytes', String(table.maxKeyBytes)],
        ['backend', table.backend],
        ...Object.entries(stats).map(([counter, value]) => [counter, String(value)]),
      ]);
    });
}
