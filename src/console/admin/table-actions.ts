/** What can be done to a whole table: each asks first, and names the table. */
import type { VNode } from 'preact';
import { call } from '../client/api.js';
import { tablePath } from '../client/paths.js';
import { formatBytes, formatPlural } from '../formats.js';
import { ActionDialog } from '../parts/action-dialog.js';
import { h, html } from '../parts/html.js';
import { notify } from '../parts/toasts.js';

interface TableActionProps {
  readonly table: string;
  /** Null if the service does not count them. */
  readonly rows: number | null;
  readonly onClose: () => void;
}

export function SnapshotDialog({ table, rows, onClose }: TableActionProps): VNode {
  const run = async (): Promise<void> => {
    const { value } = await call<{ path: string; rows: number; bytes: number }>(`${tablePath(table)}/snapshot`, {
      method: 'POST',
    });
    notify(`Snapshot of ${table}: ${formatPlural(value.rows, 'row')}, ${formatBytes(value.bytes)}, in ${value.path}`);
  };
  return h(
    ActionDialog,
    { title: `Take a snapshot of ${table}?`, action: 'Take a snapshot', run, onClose },
    html`<p>
      Writes ${rowsText(rows)} of <strong>${table}</strong> to a file in the directory for snapshots of the
      service. Reads and writes continue.
    </p>`,
  );
}

export function ClearDialog({ table, rows, onClose }: TableActionProps): VNode {
  const run = async (): Promise<void> => {
    await call(`${tablePath(table)}/rows`, { method: 'DELETE' });
    notify(`All rows of ${table} were deleted.`);
  };
  return h(
    ActionDialog,
    { title: `Clear the table ${table}?`, action: `Clear ${table}`, isDangerous: true, run, onClose },
    html`<p>
      Deletes ${rowsText(rows)} of <strong>${table}</strong> for every process, one at a time. The table
      itself remains, and rows that are written meanwhile may remain too. This cannot be undone.
    </p>`,
  );
}

export function DestroyDialog({ table, rows, onClose }: TableActionProps): VNode {
  const run = async (): Promise<void> => {
    await call(tablePath(table), { method: 'DELETE' });
    notify(`The table ${table} was destroyed.`);
  };
  return h(
    ActionDialog,
    {
      title: `Destroy the table ${table}?`,
      action: `Destroy ${table}`,
      isDangerous: true,
      mustType: table,
      run,
      onClose,
    },
    html`<p>
      Removes <strong>${table}</strong> with ${rowsText(rows)} for every process; programs that have it open
      get errors from then on. With the table of a cache, the whole cache goes. This cannot be undone.
    </p>`,
  );
}

function rowsText(rows: number | null): string {
  return rows === null ? 'all rows' : formatPlural(rows, 'row');
}
