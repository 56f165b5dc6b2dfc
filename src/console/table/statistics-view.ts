/** Schema, options and statistics of a table. */
import type { VNode } from 'preact';
import { formatBytes, formatCount, formatPercent } from '../formats.js';
import { h, html } from '../parts/html.js';
import { FillBar } from '../parts/progress.js';
import { ColumnTable } from './column-table.js';
import { DistributionView } from './distribution-view.js';
import type { TableDescription, TableStatistics } from './table-description.js';

/** What the counters count, in the order in which they are shown. */
const COUNTERS: Readonly<Record<string, string>> = {
  inserts: 'Inserts',
  updates: 'Updates',
  deletes: 'Deletes',
  expirations: 'Expirations',
  evictions: 'Evictions',
  recoveries: 'Recoveries',
  lockWaits: 'Lock waits',
  participants: 'Participants',
  spareRows: 'Spare rows',
  overflowBuckets: 'Overflow buckets',
  longestChain: 'Longest chain',
};

export function StatisticsView({ table }: { readonly table: TableDescription }): VNode {
  return html`<section aria-labelledby="columns">
      <h2 id="columns">Columns</h2>
      ${h(ColumnTable, { table })}
    </section>
    <section aria-labelledby="options">
      <h2 id="options">Options</h2>
      <dl class="facts">${optionsOf(table).map(([name, value]) => fact(name, value))}</dl>
    </section>
    <section aria-labelledby="statistics">
      <h2 id="statistics">Statistics</h2>
      ${
        table.stats === undefined || table.stats === null
          ? html`<p>The service keeps no statistics of a table with the backend ${table.backend}.</p>`
          : html`<dl class="facts">${statisticsOf(table, table.stats)}</dl>`
      }
    </section>
    ${table.backend !== 'cluster' && h(DistributionView, { table: table.name })}`;
}

function fact(name: string, value: unknown): VNode {
  return html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`;
}

/** Those that the table has. */
function optionsOf(table: TableDescription): [string, string][] {
  const { capacity, maxKeyBytes, evict, changes, heap, schemaVersion, backend } = table;
  const options: [string, string | undefined][] = [
    ['Backend', backend],
    ['Capacity', typeof capacity === 'number' ? `${formatCount(capacity)} rows` : undefined],
    ['Longest key', maxKeyBytes === undefined ? undefined : `${formatCount(maxKeyBytes)} bytes`],
    [
      'When full',
      evict === undefined || evict === null ? undefined : evict === 'none' ? 'writes fail' : `evicts: ${evict}`,
    ],
    ['Change feed', changes === undefined ? undefined : changes === 0 ? 'none' : formatBytes(changes)],
    [
      'Heap',
      heap === undefined ? undefined : `${formatBytes(heap.bytes)} in blocks of ${formatBytes(heap.blockBytes)}`,
    ],
    ['Schema version', schemaVersion === undefined ? undefined : String(schemaVersion)],
  ];
  return options.filter((option): option is [string, string] => option[1] !== undefined);
}

function statisticsOf(table: TableDescription, stats: TableStatistics): VNode[] {
  const { rows, capacity, name } = table;
  const { bytes, heap } = stats;
  const counters = Object.entries(COUNTERS).filter(([counter]) => typeof stats[counter] === 'number');
  return [
    ...(rows !== null && typeof capacity === 'number'
      ? [
          fact(
            'Rows',
            html`${formatCount(rows)} of ${formatCount(capacity)} ${h(FillBar, { label: `Rows of ${name}`, used: rows, total: capacity })}`,
          ),
        ]
      : []),
    fact('Memory', formatBytes(bytes)),
    ...(heap === undefined
      ? []
      : [
          fact(
            'Heap',
            html`${formatCount(heap.used)} of ${formatCount(heap.blocks)} blocks
              ${h(FillBar, { label: `Heap of ${name}`, used: heap.used, total: heap.blocks })}`,
          ),
          fact(
            'Heap, in writes under way',
            `${formatCount(heap.inFlight)} (${formatPercent(heap.inFlight / heap.blocks)})`,
          ),
        ]),
    ...counters.map(([counter, title]) => fact(title, formatCount(Number(stats[counter])))),
  ];
}
