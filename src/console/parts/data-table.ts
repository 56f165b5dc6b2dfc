/** A table of data, sorted by the column that the user chooses. */
import type { ComponentChildren, VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { formatCount } from '../formats.js';
import { html } from './html.js';
import { type Sorting, sortRows } from './sorting.js';

export interface DataColumn<R extends object> {
  readonly id: string;
  readonly title: string;
  /** Explains the title where the pointer rests. */
  readonly explanation?: string;
  readonly isNumber?: boolean;
  /** The cell. */
  readonly cell: (row: R) => ComponentChildren;
  /** What to sort by; without it the column cannot be sorted by. Undefined comes last. */
  readonly sortBy?: (row: R) => string | number | undefined;
}

interface DataTableProps<R extends object> {
  /** Names the table for screen readers. */
  readonly caption: string;
  /** A row is not drawn again as long as the row and the columns are the same objects. */
  readonly columns: readonly DataColumn<R>[];
  readonly rows: readonly R[];
  readonly keyOf: (row: R) => string;
  /** Shown instead of rows when there are none. */
  readonly empty: ComponentChildren;
  /** The sorting at first; without it, rows stay in their order. */
  readonly sorting?: Sorting;
  readonly rowClass?: (row: R) => string | undefined;
  /** How many rows are shown at first, and more by each press of a button; without it, all. */
  readonly step?: number;
}

/** The first column names the row, and stays in view while the others are scrolled sideways. */
export function DataTable<R extends object>(props: DataTableProps<R>): VNode {
  const { caption, columns, empty, step = Number.POSITIVE_INFINITY } = props;
  const [limit, setLimit] = useState(step);
  const drawn = useMemo(() => new WeakMap<R, VNode>(), [columns]);
  const [sorting, setSorting] = useState(props.sorting);
  const sortBy = columns.find(({ id }) => id === sorting?.column)?.sortBy;
  const rows =
    sorting === undefined || sortBy === undefined ? props.rows : sortRows(props.rows, sortBy, sorting.isDown);
  const choose = (column: DataColumn<R>): void => {
    // Of numbers, the largest are looked for first.
    const isDown = sorting?.column === column.id ? !sorting.isDown : column.isNumber === true;
    setSorting({ column: column.id, isDown });
  };
  return html`<div class="table-scroll" role="group" aria-label=${caption} tabindex="0">
    <table class="data">
      <caption class="visually-hidden">${caption}</caption>
      <thead>
        <tr>${columns.map((column) => heading(column, sorting, choose))}</tr>
      </thead>
      <tbody>
        ${
          rows.length === 0
            ? html`<tr><td class="empty" colspan=${columns.length}>${empty}</td></tr>`
            : rows.slice(0, limit).map((row) => {
                const vnode = drawn.get(row) ?? rowOf(row, props);
                drawn.set(row, vnode);
                return vnode;
              })
        }
      </tbody>
    </table>
    ${
      rows.length > limit &&
      html`<p class="more">
        ${formatCount(limit)} of ${formatCount(rows.length)} are shown.
        <button type="button" onClick=${() => setLimit(limit + step)}>Show more</button>
      </p>`
    }
  </div>`;
}

function rowOf<R extends object>(row: R, { columns, keyOf, rowClass }: DataTableProps<R>): VNode {
  return html`<tr key=${keyOf(row)} class=${rowClass?.(row)}>
    ${columns.map(({ cell, isNumber }, index) =>
      index === 0
        ? html`<th scope="row">${cell(row)}</th>`
        : html`<td class=${isNumber ? 'number' : undefined}>${cell(row)}</td>`,
    )}
  </tr>`;
}

function heading<R extends object>(
  column: DataColumn<R>,
  sorting: Sorting | undefined,
  choose: (column: DataColumn<R>) => void,
): VNode {
  const { id, title, explanation, isNumber, sortBy } = column;
  const name = isNumber ? 'number' : undefined;
  if (sortBy === undefined) return html`<th scope="col" class=${name} title=${explanation}>${title}</th>`;
  const direction = sorting?.column !== id ? undefined : sorting.isDown ? 'descending' : 'ascending';
  return html`<th scope="col" class=${name} aria-sort=${direction} title=${explanation}>
    <button type="button" class="sort" onClick=${() => choose(column)}>
      ${title}<span class="sort-mark" aria-hidden="true">${direction === undefined ? '' : sorting?.isDown ? '▾' : '▴'}</span>
    </button>
  </th>`;
}
