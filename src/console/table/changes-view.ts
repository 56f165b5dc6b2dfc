/** The changes of a table, as they happen. */
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { followEvents, type StreamState } from '../client/event-stream.js';
import { tablePath } from '../client/paths.js';
import { formatCount, formatPlural, formatTime } from '../formats.js';
import { type DataColumn, DataTable } from '../parts/data-table.js';
import { CheckboxField, TextField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { hrefOf } from '../route.js';
import {
  CHANGES_KEPT,
  type ChangeLog,
  changeOf,
  EMPTY_LOG,
  paused,
  resumed,
  type ShownChange,
  withChanges,
} from './change-log.js';
import { setHashQuery, useHashQuery } from './hash-query.js';
import { shownKey } from './shown-key.js';
import type { TableDescription } from './table-description.js';

/** A busy table has thousands of changes in a second; the page is drawn this often. */
const DRAWN_EVERY_MS = 250;

export function ChangesView({ table }: { readonly table: TableDescription }): VNode {
  if ((table.changes ?? 0) > 0) return h(Feed, { table: table.name });
  const why =
    table.backend === 'cluster'
      ? 'a table in a cluster of servers cannot have one.'
      : 'it was created with changes = 0. An alteration can add one.';
  return html`<p>${`The table has no change feed: ${why}`}</p>`;
}

function Feed({ table }: { readonly table: string }): VNode {
  const query = useHashQuery();
  const prefix = query.get('prefix') ?? '';
  const fromStart = query.get('since') === '0';
  const [typed, setTyped] = useState(prefix);
  const { log, state, setLog } = useChanges(table, prefix, fromStart);
  return html`<section aria-label="Changes">
    <form
      class="row-filter"
      aria-label="Filter changes"
      onSubmit=${(event: Event) => {
        event.preventDefault();
        setHashQuery({ prefix: typed });
      }}
    >
      ${h(TextField, { label: 'Keys that begin with', value: typed, onInput: setTyped, isCode: true, type: 'search' })}
      ${h(CheckboxField, {
        label: 'Begin with the oldest change that the feed still has',
        isChecked: fromStart,
        onChange: (isChecked) => setHashQuery({ since: isChecked ? '0' : undefined }),
      })}
      <div class="buttons">
        <button type="submit">Filter</button>
        <button type="button" aria-pressed=${log.isPaused} onClick=${() => setLog(log.isPaused ? resumed : paused)}>
          ${log.isPaused ? `Continue (${formatCount(log.held.length)} new)` : 'Pause'}
        </button>
        <button type="button" onClick=${() => setLog(({ isPaused }) => ({ ...EMPTY_LOG, isPaused }))}>Clear</button>
      </div>
    </form>
    <p role="status" class=${state.state === 'open' ? 'soft' : 'warning-box'}>${stateText(state)}</p>
    <p class="soft">
      ${`${formatPlural(log.received, 'change')}${log.gaps > 0 ? `, ${formatPlural(log.gaps, 'gap')}` : ''}. The last ${CHANGES_KEPT} are listed, the latest first.`}
    </p>
    ${h(DataTable<ShownChange>, {
      caption: `Changes of ${table}`,
      columns: columnsOf(table),
      rows: log.changes,
      keyOf: ({ sequence, type }) => `${type === 'gap' ? 'gap' : ''}${sequence}`,
      empty: 'Nothing has changed yet.',
      rowClass: ({ type }) => (type === 'gap' ? 'gap' : undefined),
    })}
  </section>`;
}

interface FollowedChanges {
  readonly log: ChangeLog;
  readonly state: StreamState;
  readonly setLog: (change: (log: ChangeLog) => ChangeLog) => void;
}

function useChanges(table: string, prefix: string, fromStart: boolean): FollowedChanges {
  const [log, setLog] = useState(EMPTY_LOG);
  const [state, setState] = useState<StreamState>({ state: 'connecting' });
  const arrived = useRef<ShownChange[]>([]);
  useEffect(() => {
    setLog(({ isPaused }) => ({ ...EMPTY_LOG, isPaused }));
    arrived.current = [];
    const draw = setInterval(() => {
      const changes = arrived.current;
      if (changes.length === 0) return;
      arrived.current = [];
      setLog((before) => withChanges(before, changes));
    }, DRAWN_EVERY_MS);
    const end = followEvents({
      path: `${tablePath(table)}/changes`,
      query: { prefix: prefix === '' ? undefined : prefix, since: fromStart ? 0 : undefined },
      onEvent: ({ data }) => {
        const change = changeOf(data, Date.now());
        if (change !== undefined) arrived.current.push(change);
      },
      onState: setState,
    });
    return () => {
      clearInterval(draw);
      end();
    };
  }, [table, prefix, fromStart]);
  return { log, state, setLog };
}

function stateText(state: StreamState): string {
  switch (state.state) {
    case 'connecting':
      return 'Connecting…';
    case 'open':
      return 'Changes are shown as they happen.';
    case 'waiting':
      return `Not connected: ${state.problem.message}. Trying again…`;
    case 'refused':
      return `The service refuses the changes: ${state.problem.message}`;
  }
}

function columnsOf(table: string): DataColumn<ShownChange>[] {
  return [
    { id: 'at', title: 'Arrived', cell: ({ at }) => formatTime(at) },
    { id: 'type', title: 'Change', cell: ({ type }) => html`<span class=${`change ${type}`}>${type}</span>` },
    {
      id: 'key',
      title: 'Key',
      cell: ({ key, sequence }) =>
        key === undefined
          ? `changes up to ${sequence} were missed`
          : html`<a class="code key" href=${hrefOf({ page: 'row', table, key })}>${shownKey(key)}</a>`,
    },
    {
      id: 'revision',
      title: 'Revision',
      isNumber: true,
      cell: ({ revision }) => html`<span class="code">${revision}</span>`,
    },
    {
      id: 'sequence',
      title: 'Sequence',
      isNumber: true,
      cell: ({ sequence }) => html`<span class="code">${sequence}</span>`,
    },
  ];
}
