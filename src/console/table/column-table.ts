/** The columns of a table with their types. */
import type { VNode } from 'preact';
import { formatCount } from '../formats.js';
import { type DataColumn, DataTable } from '../parts/data-table.js';
import { h, html } from '../parts/html.js';
import { columnShape, isTextual } from './column-shape.js';
import type { TableDescription } from './table-description.js';

interface Column {
  readonly name: string;
  readonly type: string;
}

export function ColumnTable({ table }: { readonly table: TableDescription }): VNode {
  return h(DataTable<Column>, {
    caption: `Columns of ${table.name}`,
    columns: COLUMNS,
    rows: Object.entries(table.columns).map(([name, type]) => ({ name, type })),
    keyOf: ({ name }) => name,
    empty: '',
  });
}

const COLUMNS: readonly DataColumn<Column>[] = [
  { id: 'name', title: 'Column', cell: ({ name }) => html`<span class="code">${name}</span>` },
  { id: 'type', title: 'Type', cell: ({ type }) => html`<span class="code">${type}</span>` },
  { id: 'values', title: 'Values', cell: ({ type }) => valuesOf(type) },
];

function valuesOf(type: string): string {
  const shape = columnShape(type);
  if (shape.range !== undefined) return `${shape.range.min} to ${shape.range.max}`;
  if (shape.maxBytes !== undefined) {
    return `at most ${formatCount(shape.maxBytes)} bytes${isTextual(shape) ? ' of UTF-8' : ''}`;
  }
  switch (shape.kind) {
    case 'boolean':
      return 'true or false';
    case 'float':
      return type === 'float32' ? 'single precision' : 'double precision';
    default:
      return 'any length';
  }
}
