import type { Command } from 'commander';
import { engineOf } from '../table/engine.js';
import type { HeapStats } from '../table/types.js';
import type { ValueSizes } from '../table/value-sizes.js';
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
      const valueSizes = counters.heap === undefined ? undefined : engineOf(table).valueSizes();
      if (flags.json)
        return printJson({
          name,
          columns: table.columns,
          maxKeyBytes: table.maxKeyBytes,
          backend: table.backend,
          stats,
          valueSizes,
        });
      printTable([
        ...Object.entries(table.columns).map(([column, type]) => [`column ${column}`, type]),
        ['maxKeyBytes', String(table.maxKeyBytes)],
        ['backend', table.backend],
        ...Object.entries(stats).map(([name, value]) => [
          name,
          typeof value === 'object' ? heapLine(value) : String(value),
        ]),
        ...Object.entries(valueSizes ?? {}).map(([column, sizes]) => [`sizes of ${column}`, sizesLine(sizes)]),
      ]);
    },
  );
}

function heapLine({ blocks, blockBytes, used, inFlight }: HeapStats): string {
  const percent = Math.round((100 * (used + inFlight)) / blocks);
  return `${used} of ${blocks} blocks of ${blockBytes} bytes used, ${inFlight} in flight (${percent}%)`;
}

/** Lists only size classes that contain values. */
function sizesLine({ bytes, counts }: ValueSizes): string {
  const found = counts.filter(({ values }) => values > 0);
  const last = counts.at(-2)?.upTo;
  const list = found.map(({ upTo, values }) => `${upTo === null ? `> ${last}` : `<= ${upTo}`}: ${values}`);
  return `${bytes} bytes in total; ${list.join(', ')}`;
}
