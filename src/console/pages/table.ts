/** One table: its rows, its schema and statistics, its changes, files of its rows. */
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import { access } from '../client/session.js';
import { formatCount } from '../formats.js';
import { h, html } from '../parts/html.js';
import { ProblemBox } from '../parts/problem-box.js';
import { useTitle } from '../router.js';
import { ChangesView } from '../table/changes-view.js';
import { DownloadView } from '../table/download-view.js';
import { hashWith, useHashQuery } from '../table/hash-query.js';
import { NewRow } from '../table/new-row.js';
import { RowsView } from '../table/rows-view.js';
import { StatisticsView } from '../table/statistics-view.js';
import { type TableDescription, useTable } from '../table/table-description.js';
import { UploadView } from '../table/upload-view.js';

interface TablePageProps {
  readonly table: string;
}

const VIEWS = {
  rows: 'Rows',
  new: 'New row',
  statistics: 'Schema and statistics',
  changes: 'Changes',
  files: 'Files',
} as const;
type View = keyof typeof VIEWS;

/** The statistics are read again this often, and the number of rows of the other views. */
const STATISTICS_EVERY_MS = 1000;
const ROWS_EVERY_MS = 10_000;

export function TablePage({ table }: TablePageProps): VNode {
  useTitle(table);
  const query = useHashQuery();
  const view = (Object.keys(VIEWS) as View[]).find((each) => each === query.get('view')) ?? 'rows';
  const { value, error, reload } = useTable(table);
  useEffect(() => {
    const timer = setInterval(
      () => {
        if (document.visibilityState === 'visible' && access.value.state === 'granted') reload();
      },
      view === 'statistics' ? STATISTICS_EVERY_MS : ROWS_EVERY_MS,
    );
    return () => clearInterval(timer);
  }, [table, view]);
  return html`<div class="title head">
      <h1>${table}</h1>
      ${value !== undefined && html`<span class="soft">${summaryOf(value)}</span>`}
    </div>
    <nav class="views" aria-label=${`Views of ${table}`}>
      ${Object.entries(VIEWS).map(
        ([id, title]) =>
          html`<a href=${hashWith({ view: id === 'rows' ? undefined : id, key: undefined })} aria-current=${id === view ? 'page' : undefined}>${title}</a>`,
      )}
    </nav>
    ${error !== undefined && h(ProblemBox, { what: 'The table could not be read', error, onRetry: reload })}
    ${value !== undefined ? viewOf(view, value, query, reload) : error === undefined && html`<p class="loading" role="status">Loading…</p>`}`;
}

function viewOf(view: View, table: TableDescription, query: URLSearchParams, reload: () => void): VNode {
  switch (view) {
    case 'rows':
      return h(RowsView, { table });
    case 'new':
      return h(NewRow, { table, firstKey: query.get('key') ?? '' });
    case 'statistics':
      return h(StatisticsView, { table });
    case 'changes':
      return h(ChangesView, { table });
    case 'files':
      return html`${h(DownloadView, { table })} ${h(UploadView, { table, onWritten: reload })}`;
  }
}

function summaryOf({ rows, capacity, backend }: TableDescription): string {
  const count =
    rows === null
      ? []
      : [`${formatCount(rows)}${typeof capacity === 'number' ? ` of ${formatCount(capacity)}` : ''} rows`];
  return [...count, backend].join(' · ');
}
