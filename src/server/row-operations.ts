/**
 * What requests do to rows, for single requests and for the items of a batch alike.
 *
 * A conditional write is compare-and-set on the revision: read, ask the condition, write if the revision is still
 * that one, else look again. Each new look means that somebody else's write went through, so that all together
 * always get on.
 */
import { ShmTableError, show } from '../errors.js';
import type { Envelope, RowValues } from '../json/table-codec.js';
import type { Condition } from './preconditions.js';
import type { ServedTable } from './table-handles.js';

export interface WriteRequest {
  /** Milliseconds; null: none; undefined: keep what the row has. */
  readonly ttl: number | null | undefined;
  /** Undefined: whatever is there. */
  readonly condition: Condition | undefined;
}

interface Written {
  readonly created: boolean;
  readonly revision: number;
  readonly expiresAt: number | null;
}

/** Reads a row; ERR_ROW_NOT_FOUND. */
export function readRow({ table }: ServedTable, key: string): Envelope {
  const entry = table.entry(key);
  if (entry === undefined) throw noRow(table.name, key);
  return entry;
}

/** Upserts: `put` replaces the whole row, `set` only the columns named. ERR_PRECONDITION_FAILED. */
export function upsertRow(
  { table, engine }: ServedTable,
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
      const revision = table.entry(key)?.revision;
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

/** Changes some columns of a row that exists and gives the row as this write left it. ERR_ROW_NOT_FOUND, ERR_PRECONDITION_FAILED. */
export function mergeRow(
  { table, engine, codec }: ServedTable,
  key: string,
  row: RowValues,
  { ttl, condition }: WriteRequest,
): Envelope {
  for (;;) {
    const before = table.entry(key);
    if (before === undefined) throw noRow(table.name, key);
    if (condition?.(before.revision) === false) throw preconditionFailed(key, before.revision);
    const { outcome, revision, expiresAt } = engine.write('update', key, row, { ttl, ifRevision: before.revision });
    if (outcome === 'updated') return { key, revision, expiresAt, row: codec.merged(before.row, row) };
  }
}

/** ERR_ROW_NOT_FOUND, ERR_PRECONDITION_FAILED. */
export function deleteRow({ table, engine }: ServedTable, key: string, condition: Condition | undefined): void {
  for (;;) {
    if (condition === undefined) {
      if (engine.remove(key).outcome === 'absent') throw noRow(table.name, key);
      return;
    }
    const revision = table.entry(key)?.revision;
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
