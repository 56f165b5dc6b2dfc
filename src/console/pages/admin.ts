/** Administration: creates, alters, clears, destroys tables, and takes snapshots of them. */
import type { ComponentChildren, VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { AlterDialog } from '../admin/alter-dialog.js';
import { CreateDialog } from '../admin/create-dialog.js';
import { ClearDialog, DestroyDialog, SnapshotDialog } from '../admin/table-actions.js';
import { access, refusalOf } from '../client/session.js';
import { formatBytes, formatCount, NONE } from '../formats.js';
import { liveOverview } from '../overview/live-overview.js';
import type { TableView } from '../overview/overview-model.js';
import { type DataColumn, DataTable } from '../parts/data-table.js';
import { TextField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { ProblemBox } from '../parts/problem-box.js';
import { hrefOf } from '../route.js';
import { useTitle } from '../router.js';
import { useStore } from '../store.js';

const ACTIONS = ['alter', 'snapshot', 'clear', 'destroy'] as const;
type Action = (typeof ACTIONS)[number];
const ACTION_NAMES = { alter: 'Alter', snapshot: 'Snapshot', clear: 'Clear', destroy: 'Destroy' };

type Asked = { readonly action: 'create' } | { readonly action: Action; readonly table: TableView };

export function AdminPage(): VNode {
  useTitle('Administration');
  const refusal = refusalOf(useStore(access), 'admin');
  const { view, stream } = useStore(liveOverview);
  const [filter, setFilter] = useState('');
  const [asked, setAsked] = useState<Asked>();
  const wanted = filter.trim().toLowerCase();
  const tables = (view?.tables ?? []).filter(({ name }) => name.toLowerCase().includes(wanted));
  const shown = useMemo(() => columns(refusal, (action, table) => setAsked({ action, table })), [refusal]);
  const close = (): void => setAsked(undefined);
  return html`<h1>Administration</h1>
    ${refusal !== undefined && html`<p class="warning-box">Nothing on this page can be done with your token. ${refusal}</p>`}
    <section aria-labelledby="admin-title">
      <div class="head">
        <h2 id="admin-title">Tables</h2>
        <button
          type="button"
          class="primary"
          disabled=${refusal !== undefined}
          title=${refusal}
          onClick=${() => setAsked({ action: 'create' })}
        >
          Create a table
        </button>
        ${h(TextField, { label: 'Filter by name', type: 'search', value: filter, onInput: setFilter, isCode: true })}
      </div>
      ${
        view === undefined
          ? waiting(stream)
          : h(DataTable<TableView>, {
              caption: 'Tables',
              columns: shown,
              rows: tables,
              keyOf: ({ name }) => name,
              sorting: { column: 'name', isDown: false },
              step: 100,
              empty: wanted === '' ? 'There are no tables yet.' : `No table has “${filter.trim()}” in its name.`,
            })
      }
    </section>
    ${asked !== undefined && dialogFor(asked, close)}`;
}

function waiting(stream: typeof liveOverview.value.stream): VNode {
  return stream.state === 'refused' || stream.state === 'waiting'
    ? h(ProblemBox, { what: 'The tables cannot be listed', error: stream.problem })
    : html`<p class="loading">Waiting for the list of tables…</p>`;
}

function dialogFor(asked: Asked, onClose: () => void): VNode {
  if (asked.action === 'create') return h(CreateDialog, { onClose });
  const { name: table, rows } = asked.table;
  switch (asked.action) {
    case 'alter':
      return h(AlterDialog, { table, onClose });
    case 'snapshot':
      return h(SnapshotDialog, { table, rows, onClose });
    case 'clear':
      return h(ClearDialog, { table, rows, onClose });
    case 'destroy':
      return h(DestroyDialog, { table, rows, onClose });
  }
}

function columns(
  refusal: string | undefined,
  ask: (action: Action, table: TableView) => void,
): readonly DataColumn<TableView>[] {
  const refusalFor = (action: Action, { kind }: TableView): string | undefined =>
    refusal ??
    (kind === 'cluster' && action !== 'clear'
      ? 'A table in a cluster is configured, not administered here.'
      : undefined);
  const buttons = (table: TableView): ComponentChildren =>
    html`<span class="table-actions">
      ${ACTIONS.map(
        (action) => html`<button
          type="button"
          disabled=${refusalFor(action, table) !== undefined}
          title=${refusalFor(action, table)}
          aria-label=${`${ACTION_NAMES[action]} ${table.name}`}
          onClick=${() => ask(action, table)}
        >
          ${ACTION_NAMES[action]}
        </button>`,
      )}
    </span>`;
  return [
    {
      id: 'name',
      title: 'Name',
      cell: ({ name }) => html`<a class="code" href=${hrefOf({ page: 'table', table: name })}>${name}</a>`,
      sortBy: ({ name }) => name,
    },
    { id: 'actions', title: 'Actions', cell: buttons },
    { id: 'kind', title: 'Kind', cell: ({ kind }) => kind, sortBy: ({ kind }) => kind },
    { id: 'backend', title: 'Backend', cell: ({ backend }) => backend, sortBy: ({ backend }) => backend },
    {
      id: 'rows',
      title: 'Rows',
      isNumber: true,
      cell: ({ rows }) => countOrNone(rows),
      sortBy: ({ rows }) => rows ?? undefined,
    },
    {
      id: 'capacity',
      title: 'Capacity',
      isNumber: true,
      cell: ({ capacity }) => countOrNone(capacity),
      sortBy: ({ capacity }) => capacity ?? undefined,
    },
    {
      id: 'bytes',
      title: 'Memory',
      isNumber: true,
      cell: ({ bytes }) => (bytes === null ? NONE : formatBytes(bytes)),
      sortBy: ({ bytes }) => bytes ?? undefined,
    },
  ];
}

function countOrNone(count: number | null): string {
  return count === null ? NONE : formatCount(count);
}
