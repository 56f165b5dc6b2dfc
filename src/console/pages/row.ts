/** One row: its values, revision and expiry, edited in place. */
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiProblem } from '../client/problem.js';
import { access, refusalOf } from '../client/session.js';
import { formatDateTime, formatPlural } from '../formats.js';
import { ActionDialog } from '../parts/action-dialog.js';
import { h, html } from '../parts/html.js';
import { ProblemBox } from '../parts/problem-box.js';
import { notify } from '../parts/toasts.js';
import { hrefOf } from '../route.js';
import { navigate, useTitle } from '../router.js';
import { useStore } from '../store.js';
import { Countdown } from '../table/countdown.js';
import { IncrementForm } from '../table/increment-form.js';
import { useLoaded } from '../table/loaded.js';
import { RowEditor } from '../table/row-editor.js';
import { useRowWatch } from '../table/row-watch.js';
import { currentRow, isOtherVersion, type OtherVersion } from '../table/row-write.js';
import { deleteRow, loadRow, type RowEnvelope } from '../table/rows-request.js';
import { shownKey } from '../table/shown-key.js';
import { type TableDescription, useTable } from '../table/table-description.js';
import { textBytes } from '../table/value-text.js';

const UNSAVED = 'Save or discard what you have edited first.';

interface RowPageProps {
  readonly table: string;
  readonly rowKey: string;
}

export function RowPage({ table, rowKey }: RowPageProps): VNode {
  const name = shownKey(rowKey);
  useTitle(`${name} in ${table}`);
  const description = useTable(table);
  const row = useLoaded(JSON.stringify([table, rowKey]), (signal) => loadRow(table, rowKey, signal));
  const [isEditing, setEditing] = useState(false);
  const revision = row.value?.revision;
  // Whoever has written the row may have altered the table before.
  useEffect(() => {
    if (revision !== undefined) description.reload();
  }, [revision]);
  const error = description.error ?? row.error;
  const isMissing = row.error instanceof ApiProblem && row.error.code === 'ERR_ROW_NOT_FOUND';
  return html`<div class="title">
      <p><a href=${hrefOf({ page: 'table', table })}>${table}</a></p>
      <h1 class="code">${name}</h1>
    </div>
    ${
      isMissing
        ? html`<p class="warning-box" role="alert">
            The table has no row with this key${isEditing && ' any more. Save asks whether to create it again'}.
            ${
              !isEditing &&
              html`<a href=${`${hrefOf({ page: 'table', table })}?view=new&key=${encodeURIComponent(rowKey)}`}>Create it</a>`
            }
          </p>`
        : error !== undefined && h(ProblemBox, { what: 'The row could not be read', error, onRetry: row.reload })
    }
    ${
      description.value !== undefined &&
      row.value !== undefined &&
      // What was typed stays, whatever becomes of the row.
      (isEditing || !isMissing) &&
      h(RowView, {
        table: description.value,
        row: row.value,
        isEditing,
        onEditing: setEditing,
        onRow: row.replace,
        onReload: row.reload,
      })
    }
    ${row.isLoading && row.value === undefined && html`<p class="loading" role="status">Loading…</p>`}`;
}

interface RowViewProps {
  readonly table: TableDescription;
  readonly row: RowEnvelope;
  readonly isEditing: boolean;
  readonly onEditing: (isEditing: boolean) => void;
  readonly onRow: (row: RowEnvelope) => void;
  readonly onReload: () => void;
}

function RowView({ table, row, isEditing, onEditing, onRow, onReload }: RowViewProps): VNode {
  const [isDeleting, setDeleting] = useState(false);
  const [other, setOther] = useState<OtherVersion>();
  const writeRefusal = refusalOf(useStore(access), 'write');
  const last = useRowWatch(table.name, row.key, (table.changes ?? 0) > 0);
  const isGone = last !== undefined && ['delete', 'expire', 'evict'].includes(last.type);
  const isStale =
    last !== undefined &&
    (isGone ? (last.revision ?? 0) >= row.revision : last.type === 'gap' || (last.revision ?? 0) > row.revision);
  const refresh = (): void => {
    if (!isEditing) {
      onReload();
      return;
    }
    currentRow(table.name, row.key).then(
      (now) => setOther({ now }),
      () => onReload(),
    );
  };
  return html`${h(RowFacts, { row, onExpired: isEditing ? undefined : onReload })}
    <div class="buttons row-actions">
      <button type="button" onClick=${refresh}>Refresh</button>
      <button
        type="button"
        disabled=${writeRefusal !== undefined || isEditing}
        title=${isEditing ? UNSAVED : writeRefusal}
        onClick=${() => setDeleting(true)}
      >
        Delete…
      </button>
      <div role="status">
      ${
        isStale &&
        html`<p class="warning-box buttons">
          <span>
            ${
              last.type === 'gap'
                ? 'Changes were missed, so this may not be the latest version.'
                : isGone
                  ? 'The row is not in the table any more.'
                  : `The row was written again: revision ${last.revision}.`
            }
          </span>
          <button type="button" onClick=${refresh}>${isEditing ? 'Compare' : 'Show it'}</button>
        </p>`
      }
      </div>
    </div>
    ${h(RowEditor, {
      table: table.name,
      types: table.columns,
      base: row,
      other,
      onOther: setOther,
      onSaved: onRow,
      onEditing,
    })}
    ${h(IncrementForm, {
      table: table.name,
      rowKey: row.key,
      types: table.columns,
      refusal: writeRefusal ?? (isEditing ? UNSAVED : undefined),
      onDone: onReload,
    })}
    ${isDeleting && h(DeleteDialog, { table: table.name, row, onChanged: onReload, onClose: () => setDeleting(false) })}`;
}

function RowFacts({ row, onExpired }: { row: RowEnvelope; onExpired: (() => void) | undefined }): VNode {
  const { key, revision, expiresAt } = row;
  return html`<dl class="facts">
    <div><dt>Revision</dt><dd class="code">${revision}</dd></div>
    <div>
      <dt>Expires in</dt>
      <dd>
        ${h(Countdown, { key: String(expiresAt), expiresAt, none: 'never', ...(onExpired !== undefined && { onExpired }) })}
        ${expiresAt !== null && expiresAt <= 8.64e15 && html` <span class="hint">${formatDateTime(expiresAt)}</span>`}
      </dd>
    </div>
    <div><dt>Key</dt><dd>${formatPlural(textBytes(key), 'byte')}</dd></div>
  </dl>`;
}

interface DeleteDialogProps {
  readonly table: string;
  readonly row: RowEnvelope;
  readonly onChanged: () => void;
  readonly onClose: () => void;
}

function DeleteDialog({ table, row, onChanged, onClose }: DeleteDialogProps): VNode {
  const name = shownKey(row.key);
  const run = async (): Promise<void> => {
    try {
      await deleteRow(table, row.key, row.revision);
    } catch (error) {
      if (!isOtherVersion(error)) throw error;
      onChanged();
      throw new Error('The row was changed since you read it, and is not deleted. Look at it again first.');
    }
    notify(`Deleted ${name}`);
    navigate({ page: 'table', table });
  };
  return h(
    ActionDialog,
    { title: `Delete the row ${name}?`, action: 'Delete', isDangerous: true, run, onClose },
    html`<p>It is deleted from the table ${table} for every process.</p>`,
  );
}
