import type { Command } from 'commander';
import { printJson, printTable } from './output.js';
import { addTableCommand, openTable, type TableFlags } from './table-command.js';

/** `shmtable stat TABLE` */
export function addStat(program: Command): void {
  addTableCommand(program, 'stat', 'print the schema and the statistics of a table').action(
    (name: string, flags: TableFlags) => {
      using table = openTable(name, flags, true);
      const { rows, ...counters } = table.stats();
      const { size } = table;
      // As `ls` and `top` count them. While others write, the two counts are from different moments.
      const stats = { rows: size, unsweptRows: Math.max(0, rows - size), ...counters };
      if (flags.json)
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
    },
  );
}
