/** Operations on rows, for single requests and for operations of a batch: what their outcomes mean to a client. */
import { ShmTableError, show } from '../errors.js';
import type { Envelope, RowValues } from '../json/table-codec.js';
import type { RevisionCondition } from '../table/revision-condition.js';
import { type Eventual, when } from './eventual.js';
import type { RowStore, StoredRow, WriteRequest, WriteResult } from './row-store.js';

interface Written {
  readonly created: boolean;
  readonly revision: number;
  readonly expiresAt: number | null;
}

/**
 * Reads a row, or the given columns of it, which must exist.
 *
 * @throws {ShmTableError} ERR_ROW_NOT_FOUND when there is none
 */
export function readRow(
  store: RowStore,
  key: string,
  columns?: readonly string[],
  cacheControl?: string,
): Eventual<StoredRow> {
  return when(store.read(key, columns, cacheControl), (entry) => {
    if (entry === undefined) throw noRow(store.name, key);
    return entry;
  });
}

/**
 * Creates or writes a row: `put` replaces the whole row, `set` writes only the given columns.
 *
 * @throws {ShmTableError} ERR_PRECONDITION_FAILED when the condition does not hold
 */
export function upsertRow(
  store: RowStore,
  mode: 'put' | 'set',
  key: string,
  row: RowValues,
  request: WriteRequest,
): Eventual<Written> {
  return when(store.write(mode, key, row, request), (written) => {
    assertAllowed(key, written);
    const { outcome, revision, expiresAt } = written;
    return { created: outcome === 'inserted', revision, expiresAt };
  });
}

/**
 * Writes the given columns of an existing row and returns the row in its state after this write.
 *
 * @throws {ShmTableError} ERR_ROW_NOT_FOUND when there is no row; ERR_PRECONDITION_FAILED when the condition does not
 *   hold
 */
export function mergeRow(store: RowStore, key: string, row: RowValues, request: WriteRequest): Eventual<Envelope> {
  return when(store.merge(key, row, request), (merged) => {
    const { revision, expiresAt, row: whole } = merged;
    if (merged.outcome !== 'absent') assertAllowed(key, merged);
    if (whole === undefined) throw noRow(store.name, key);
    return { key, revision, expiresAt, row: whole };
  });
}

/**
 * Deletes a row.
 *
 * @throws {ShmTableError} ERR_ROW_NOT_FOUND when there is no row; ERR_PRECONDITION_FAILED when the condition does not
 *   hold
 */
export function deleteRow(store: RowStore, key: string, condition: RevisionCondition | undefined): Eventual<void> {
  return when(store.remove(key, condition), (removed) => {
    if (removed.outcome === 'absent') throw noRow(store.name, key);
    assertAllowed(key, removed);
  });
}

function noRow(table: string, key: string): ShmTableError {
  return new ShmTableError('ERR_ROW_NOT_FOUND', `table ${table} has no row ${show(key)}`);
}

/** Throws ERR_PRECONDITION_FAILED when the condition of a write has excluded the row. */
export function assertAllowed(key: string, { outcome, revision }: WriteResult): void {
  if (outcome !== 'absent' && outcome !== 'mismatch') return;
  const state = outcome === 'absent' ? 'does not exist' : `has revision ${revision}`;
  throw new ShmTableError('ERR_PRECONDITION_FAILED', `row ${show(key)} ${state}, which the condition excludes`);
}
