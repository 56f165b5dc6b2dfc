/** The tables of the namespace with their rates. */
import type { ComponentChildren, VNode } from 'preact';
import { useState } from 'preact/hooks';
import { formatBytes, formatCount, formatPercent, formatPlural, formatRate, NONE } from '../formats.js';
import type { TableView } from '../overview/overview-model.js';
import { type DataColumn, DataTable } from '../parts/data-table.js';
import { TextField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { FillBar } from '../parts/progress.js';
import { hrefOf } from '../route.js';

interface OverviewTablesProps {
  readonly tables: readonly TableView[];
  /** False while the numbers are old: then nothing is known about what happens now. */
  readonly isLive: boolean;
}

type RateName = keyof NonNullable<TableView['rates']>;

export function OverviewTables({ tables, isLive }: OverviewTablesProps): VNode {
  const [filter, setFilter] = useState('');
  const wanted = filter.trim().toLowerCase();
  const shown = wanted === '' ? tables : tables.filter(({ name }) => name.toLowerCase().includes(wanted));
  const rows = tables.reduce((sum, table) => sum + (table.rows ?? 0), 0);
  const bytes = tables.reduce((sum, table) => sum + (table.bytes ?? 0), 0);
  return html`<section aria-labelledby="tables-title">
    <div class="head">
      <h2 id="tables-title">Tables</h2>
      <span class="soft">
        ${formatPlural(tables.length, 'table')}, ${formatPlural(rows, 'row')}, ${formatBytes(bytes)}
      </span>
      ${h(TextField, { label: 'Filter by name', type: 'search', value: filter, onInput: setFilter, isCode: true })}
    </div>
    ${h(DataTable<TableView>, {
      caption: 'Tables',
      columns: isLive ? COLUMNS : OLD_COLUMNS,
      rows: shown,
      keyOf: ({ name }) => name,
      sorting: { column: 'name', isDown: false },
      step: 100,
      empty: tables.length === 0 ? noTables() : html`No table has “${filter.trim()}” in its name.`,
    })}
  </section>`;
}

function noTables(): VNode {
  return html`There are no tables yet. <a href=${hrefOf({ page: 'admin' })}>Create one</a>, or add it to the
    configuration of the service.`;
}

const COLUMNS = columns(true);
const OLD_COLUMNS = columns(false);

function columns(isLive: boolean): readonly DataColumn<TableView>[] {
  const rate = (id: RateName, title: string, explanation: string): DataColumn<TableView> => ({
    id,
    title,
    explanation,
    isNumber: true,
    // Those of a table in a cluster are not counted here.
    cell: ({ kind, rates }) => activity(isLive && kind !== 'cluster' ? rates?.[id] : undefined),
    sortBy: ({ kind, rates }) => (kind === 'cluster' ? undefined : rates?.[id]),
  });
  return [
    { id: 'name', title: 'Name', cell: nameCell, sortBy: ({ name }) => name },
    {
      id: 'rows',
      title: 'Rows',
      isNumber: true,
      cell: ({ rows }) => (rows === null ? NONE : formatCount(rows)),
      sortBy: ({ rows }) => rows ?? undefined,
    },
    {
      id: 'capacity',
      title: 'Capacity',
      isNumber: true,
      // A table that cannot be read has none.
      cell: ({ capacity }) => (capacity === null || capacity === 0 ? NONE : formatCount(capacity)),
      sortBy: ({ capacity }) => capacity ?? undefined,
    },
    {
      id: 'fill',
      title: 'Rows used',
      explanation: 'Rows in percent of the capacity',
      isNumber: true,
      cell: ({ name, rows, capacity }) =>
        rows === null || capacity === null || capacity === 0
          ? NONE
          : h(FillBar, { label: `Rows of ${name}`, used: rows, total: capacity }),
      sortBy: ({ rows, capacity }) =>
        rows === null || capacity === null || capacity === 0 ? undefined : rows / capacity,
    },
    {
      id: 'heap',
      title: 'Heap used',
      explanation: 'Memory for long values in use',
      isNumber: true,
      cell: ({ name, heap }) =>
        heap === null ? NONE : h(FillBar, { label: `Heap of ${name}`, used: heap.usedBytes, total: heap.bytes }),
      sortBy: ({ heap }) => (heap === null || heap.bytes === 0 ? undefined : heap.usedBytes / heap.bytes),
    },
    {
      id: 'bytes',
      title: 'Memory',
      isNumber: true,
      cell: ({ bytes }) => (bytes === null ? NONE : formatBytes(bytes)),
      sortBy: ({ bytes }) => bytes ?? undefined,
    },
    rate('inserts', 'Inserts', 'New rows per second'),
    rate('updates', 'Updates', 'Changed rows per second'),
    rate('deletes', 'Deletes', 'Deleted rows per second'),
    rate('expirations', 'Expired', 'Rows per second whose lifetime has ended'),
    rate('evictions', 'Evicted', 'Rows per second that were removed to make room'),
    rate('lockWaits', 'Lock waits', 'Writes per second that waited for another writer'),
    {
      id: 'hits',
      title: 'Hit rate',
      explanation: 'Of the reads of a cache in the last minute',
      isNumber: true,
      cell: ({ hitRate }) => formatPercent(isLive ? hitRate : undefined),
      sortBy: ({ hitRate }) => hitRate,
    },
  ];
}

function nameCell(table: TableView): ComponentChildren {
  const { name, problem } = table;
  return html`<a class="code" href=${hrefOf({ page: 'table', table: name })}>${name}</a>
    <span class="kind">${kindOf(table)}</span>
    ${problem !== null && html`<span class="row-problem">${problem}</span>`}`;
}

/** What it is, unless it is a plain table. */
function kindOf({ kind, evict }: TableView): string {
  if (kind !== 'table') return kind;
  return evict === 'none' ? '' : evict;
}

/** A rate; none at all is less conspicuous. */
function activity(rate: number | undefined): ComponentChildren {
  return rate === undefined || rate === 0 ? html`<span class="soft">${formatRate(rate)}</span>` : formatRate(rate);
}
