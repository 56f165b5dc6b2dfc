/** The rows of a table: by the beginning of their keys, page by page. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { messageOf } from '../client/problem.js';
import { formatCount, formatPlural } from '../formats.js';
import { type DataColumn, DataTable } from '../parts/data-table.js';
import { SelectField, TextField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { ProblemBox } from '../parts/problem-box.js';
import { hrefOf } from '../route.js';
import { ColumnChooser, columnsShown } from './column-chooser.js';
import { columnShape, isNumeric } from './column-shape.js';
import { Countdown } from './countdown.js';
import { setHashQuery, useHashQuery } from './hash-query.js';
import { useLoaded } from './loaded.js';
import { FIRST_PAGE, nextPage, type PageHistory, pageNumber, previousPage, rowsBefore } from './page-history.js';
import { countRows, type ListedRow, loadPage } from './rows-request.js';
import { shortValue } from './short-value.js';
import { shownKey } from './shown-key.js';
import type { TableDescription } from './table-description.js';

const PAGE_SIZES = ['25', '50', '100', '250', '1000'] as const;

/** Where the listing of a table was left, for the way back from a row. */
const leftAt = new Map<string, { readonly listing: string; readonly history: PageHistory }>();

interface RowsViewProps {
  readonly table: TableDescription;
}

export function RowsView({ table }: RowsViewProps): VNode {
  const query = useHashQuery();
  const prefix = query.get('prefix') ?? '';
  const limit = PAGE_SIZES.find((size) => size === query.get('limit')) ?? '50';
  const columns = columnsShown(table.columns, query.get('columns'));
  const listing = JSON.stringify([prefix, limit, columns]);
  const [, redraw] = useState(0);
  const left = leftAt.get(table.name);
  const history = left?.listing === listing ? left.history : FIRST_PAGE;
  const goTo = (to: PageHistory): void => {
    leftAt.set(table.name, { listing, history: to });
    redraw((count) => count + 1);
  };
  const page = useLoaded(JSON.stringify([table.name, listing, history.cursor]), (signal) =>
    loadPage(table.name, { prefix, columns, limit: Number(limit), cursor: history.cursor }, signal),
  );
  const { value, error, isLoading } = page;
  const cursor = value?.cursor ?? null;
  const first = rowsBefore(history);
  return html`<section aria-label="Rows">
    ${h(RowFilter, { table, prefix, limit, columns: columns ?? Object.keys(table.columns) })}
    ${error !== undefined && h(ProblemBox, { what: 'The rows could not be read', error, onRetry: page.reload })}
    ${
      value === undefined
        ? isLoading && html`<p class="loading" role="status">Searching…</p>`
        : h(DataTable<ListedRow>, {
            caption: `Rows of ${table.name}`,
            columns: columnsOf(table, columns),
            rows: value.rows,
            keyOf: ({ key }) => key,
            empty:
              prefix === '' ? 'The table has no rows.' : html`No key begins with <code>${shownKey(prefix)}</code>.`,
          })
    }
    <nav class="buttons pages" aria-label="Pages of rows">
      <button type="button" disabled=${history === FIRST_PAGE || isLoading} onClick=${() => goTo(FIRST_PAGE)}>First</button>
      <button type="button" disabled=${history.before.length === 0 || isLoading} onClick=${() => goTo(previousPage(history))}>
        Previous
      </button>
      <button
        type="button"
        disabled=${cursor === null || isLoading}
        onClick=${() => cursor !== null && goTo(nextPage(history, cursor, value?.rows.length ?? 0))}
      >
        Next
      </button>
      <button type="button" disabled=${isLoading} onClick=${page.reload}>Refresh</button>
      <span class="soft" role="status">
        ${
          isLoading
            ? 'Loading…'
            : value !== undefined &&
              value.rows.length > 0 &&
              `Page ${pageNumber(history)}: rows ${formatCount(first + 1)} to ${formatCount(first + value.rows.length)}${cursor === null ? ', the last' : ''}`
        }
      </span>
    </nav>
  </section>`;
}

interface RowFilterProps {
  readonly table: TableDescription;
  readonly prefix: string;
  readonly limit: (typeof PAGE_SIZES)[number];
  readonly columns: readonly string[];
}

function RowFilter({ table, prefix, limit, columns }: RowFilterProps): VNode {
  const [typed, setTyped] = useState(prefix);
  const [count, setCount] = useState('');
  const show = (event: Event): void => {
    event.preventDefault();
    setCount('');
    setHashQuery({ prefix: typed });
  };
  const ask = (): void => {
    setCount('Counting…');
    countRows(table.name, typed).then(
      (rows) => setCount(formatPlural(rows, 'row')),
      (error: unknown) => setCount(messageOf(error)),
    );
  };
  return html`<form class="row-filter" role="search" aria-label="Find rows" onSubmit=${show}>
      ${h(TextField, { label: 'Keys that begin with', value: typed, onInput: setTyped, isCode: true, type: 'search' })}
      ${h(SelectField<(typeof PAGE_SIZES)[number]>, {
        label: 'Rows a page',
        value: limit,
        options: PAGE_SIZES.map((value) => ({ value, label: formatCount(Number(value)) })),
        onChange: (value) => setHashQuery({ limit: value }),
      })}
      <div class="buttons">
        <button type="submit" class="primary">Show</button>
        <button type="button" onClick=${ask}>Count</button>
        <a
          class="button"
          aria-disabled=${typed === ''}
          href=${typed === '' ? undefined : hrefOf({ page: 'row', table: table.name, key: typed })}
          >Open this key</a
        >
        <span class="soft" role="status">${count}</span>
      </div>
    </form>
    ${h(ColumnChooser, {
      all: Object.keys(table.columns),
      shown: columns,
      onChange: (names) => setHashQuery({ columns: names }),
    })}`;
}

function columnsOf(table: TableDescription, shown: readonly string[] | undefined): DataColumn<ListedRow>[] {
  const names = shown ?? Object.keys(table.columns);
  const key: DataColumn<ListedRow> = {
    id: '/key',
    title: 'Key',
    cell: (row) =>
      html`<a class="code key" href=${hrefOf({ page: 'row', table: table.name, key: row.key })}>${shownKey(row.key)}</a>`,
  };
  const values = names.map((name): DataColumn<ListedRow> => {
    const type = table.columns[name];
    return {
      id: name,
      title: name,
      explanation: type,
      isNumber: isNumeric(columnShape(type)),
      cell: ({ row }) => {
        const { text, of } = shortValue(type, row?.[name]);
        return html`<span class="code value">${text}</span>${of !== undefined && html` <span class="hint">${of}</span>`}`;
      },
    };
  });
  if (shown?.length === 0) return [key];
  return [
    key,
    ...values,
    { id: '/expires', title: 'Expires in', cell: ({ expiresAt = null }) => h(Countdown, { expiresAt, none: '–' }) },
    {
      id: '/revision',
      title: 'Revision',
      isNumber: true,
      cell: ({ revision }) => html`<span class="code">${revision}</span>`,
    },
  ];
}
