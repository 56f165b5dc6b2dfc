/**
 * Operations on rows, for single requests and for operations of a batch.
 *
 * A conditional write is a compare-and-set on the revision: read, check the condition, write if the revision is still
 * the same, otherwise retry. A retry means that another write succeeded, so there is always progress overall.
 */
import { ShmTableError, show } from '../errors.js';
import type { Envelope, RowValues } from '../json/table-codec.js';
import type { Condition } from './preconditions.js';
import type { ServedTable } from './table-handles.js';

export interface WriteRequest {
  /** Milliseconds; null for none; undefined to keep the row's expiry. */
  readonly ttl: number | null | undefined;
  /** Undefined for an unconditional write. */
  readonly condition: Condition | undefined;
}

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
export function readRow({ table, engine }: ServedTable, key: string, columns?: readonly string[]): Envelope {
  const entry = engine.storedEntry(key, columns);
  if (entry === undefined) throw noRow(table.name, key);
  return entry;
}

/**
 * Creates or writes a row: `put` replaces the whole row, `set` writes only the given columns.
 *
 * @throws {ShmTableError} ERR_PRECONDITION_FAILED when the condition does not hold
 */
export function upsertRow(
  { engine }: ServedTable,
  mode: 'put' | 'set',
  key: string,
  row: RowValues,
  { ttl, condition }: WriteRequest,
): Written {
  for (;;) {
    let written: ReturnType<typeof engine.write>;
    if (condition === undefined) {
      written = engine.write(mode, key, row, { ttl });
    } else {
      const revision = engine.storedEntry(key, [])?.revision;
      if (!condition(revision)) throw preconditionFailed(key, revision);
      written =
        revision === undefined
          ? engine.write('insert', key, row, { ttl })
          : engine.write(mode, key, row, { ttl, ifRevision: revision });
    }
    const { outcome, revision, expiresAt } = written;
    if (outcome === 'inserted' || outcome === 'updated')
      return { created: outcome === 'inserted', revision, expiresAt };
  }
}

/**
 * Writes the given columns of an existing row and returns the row in its state after this write.
 *
 * @throws {ShmTableError} ERR_ROW_NOT_FOUND when there is no row; ERR_PRECONDITION_FAILED when the condition does not
 *   hold
 */
export function mergeRow(
  { table, engine, codec }: ServedTable,
  key: string,
  row: RowValues,
  { ttl, condition }: WriteRequest,
): Envelope {
  for (;;) {
    const before = engine.storedEntry(key);
    if (before === undefined) throw noRow(table.name, key);
    if (condition?.(before.revision) === false) throw preconditionFailed(key, before.revision);
    const { outcome, revision, expiresAt } = engine.write('update', key, row, { ttl, ifRevision: before.revision });
    if (outcome === 'updated') return { key, revision, expiresAt, row: codec.merged(before.row, row) };
  }
}

/**
 * Deletes a row.
 *
 * @throws {ShmTableError} ERR_ROW_NOT_FOUND when there is no row; ERR_PRECONDITION_FAILED when the condition does not
 *   hold
 */
export function deleteRow({ table, engine }: ServedTable, key: string, condition: Condition | undefined): void {
  for (;;) {
    if (condition === undefined) {
      if (engine.remove(key).outcome === 'absent') throw noRow(table.name, key);
      return;
    }
    const revision = engine.storedEntry(key, [])?.revision;
    if (revision === undefined) throw noRow(table.name, key);
    if (!condition(revision)) throw preconditionFailed(key, revision);
    if (engine.remove(key, { ifRevision: revision }).outcome === 'deleted') return;
  }
}

function noRow(table: string, key: string): ShmTableError {
  return new ShmTableError('ERR_ROW_NOT_FOUND', `table ${table} has no row ${show(key)}`);
}

export function preconditionFailed(key: string, revision: number | undefined): ShmTableError {
  const state = revision === undefined ? 'does not exist' : `has revision ${revision}`;
  return new ShmTableError('ERR_PRECONDITION_FAILED', `row ${show(key)} ${state}, which the condition excludes`);
}
