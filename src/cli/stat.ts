import type { Command } from 'commander';
import type { ClusterTable } from '../cluster/cluster-table.js';
import { engineOf } from '../table/engine.js';
import type { Table } from '../table/table.js';
import type { Columns, HeapStats } from '../table/types.js';
import type { ValueSizes } from '../table/value-sizes.js';
import { withTable } from './either-table.js';
import { printJson, printTable } from './output.js';
import { addEitherCommand, type TableFlags } from './table-command.js';

/** `shmtable stat TABLE` */
export function addStat(program: Command): void {
  addEitherCommand(program, 'stat', 'print the schema and the statistics of a table').action(
    (name: string, flags: TableFlags) =>
      withTable(name, flags, {
        readOnly: true,
        shared: (table) => print(table, flags),
        cluster: (table) => printInCluster(table, flags),
      }),
  );
}

function print(table: Table<Columns>, flags: TableFlags): void {
  const { rows, ...counters } = table.stats();
  const { size } = table;
  // As `ls` and `top` count them. While others write, the two counts are from different moments.
  const stats = { rows: size, unsweptRows: Math.max(0, rows - size), ...counters };
  const valueSizes = counters.heap === undefined ? undefined : engineOf(table).valueSizes();
  if (flags.json) {
    printJson({
      name: table.name,
      columns: table.columns,
      maxKeyBytes: table.maxKeyBytes,
      schemaVersion: table.schemaVersion,
      backend: table.backend,
      stats,
      valueSizes,
    });
    return;
  }
  printTable([
    ...Object.entries(table.columns).map(([column, type]) => [`column ${column}`, type]),
    ['maxKeyBytes', String(table.maxKeyBytes)],
    ['schemaVersion', String(table.schemaVersion)],
    ['backend', table.backend],
    ...Object.entries(stats).map(([name, value]) => [
      name,
      typeof value === 'object' ? heapLine(value) : String(value),
    ]),
    ...Object.entries(valueSizes ?? {}).map(([column, sizes]) => [`sizes of ${column}`, sizesLine(sizes)]),
  ]);
}

async function printInCluster(table: ClusterTable<Columns>, { json }: TableFlags): Promise<void> {
  const { name, columns, maxKeyBytes } = table;
  const { primaries, connected } = table.stats();
  const stats = { rows: await table.count(), primaries, connected };
  if (json) {
    printJson({ name, columns, maxKeyBytes, backend: 'cluster', stats });
    return;
  }
  printTable([
    ...Object.entries(columns).map(([column, type]) => [`column ${column}`, type]),
    ['maxKeyBytes', String(maxKeyBytes)],
    ['backend', 'cluster'],
    ...Object.entries(stats).map(([what, value]) => [what, String(value)]),
  ]);
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
