import type { RowValues, TableCodec } from '../json/table-codec.js';
import type { HashRange } from '../table/bulk-removal.js';
import { engineOf, type TableEngine } from '../table/engine.js';
import { allows, type RevisionCondition } from '../table/revision-condition.js';
import type { Table } from '../table/table.js';
import type { Columns } from '../table/types.js';
import { readStep } from './row-pages.js';
import type { Clearing, PageRequest, PageStep, RowStore, StoredRow, WriteRequest, WriteResult } from './row-store.js';

/** Buckets cleared between two reads of the clock: some 7,000 rows of a full table. */
const BUCKETS_AT_ONCE = 1024;

/**
 * The rows of a table in shared memory.
 *
 * A conditional write is a compare-and-set on the revision: read, check the condition, write if the revision is still
 * the same, otherwise retry. A retry means that another write succeeded, so there is always progress overall.
 */
export class SharedRows implements RowStore {
  readonly table: Table<Columns>;
  readonly engine: TableEngine;
  readonly codec: TableCodec;
  readonly readsAtOnce = 1;
  readonly writesAtOnce = 1;

  constructor(table: Table<Columns>, codec: TableCodec) {
    this.table = table;
    this.engine = engineOf(table);
    this.codec = codec;
  }

  get identity(): object {
    return this.engine;
  }

  get name(): string {
    return this.table.name;
  }

  get columns(): Columns {
    return this.table.columns;
  }

  get size(): number | undefined {
    return this.engine.quickSize;
  }

  read(key: string, columns?: readonly string[]): StoredRow | undefined {
    return this.engine.storedEntry(key, columns);
  }

  write(
    mode: 'put' | 'set',
    key: string,
    row: RowValues,
    { ttl, condition }: WriteRequest,
  ): WriteResult & { readonly expiresAt: number | null } {
    const { engine } = this;
    for (;;) {
      let written: ReturnType<TableEngine['write']>;
      if (condition === undefined) {
        written = engine.write(mode, key, row, { ttl });
      } else {
        const revision = engine.storedEntry(key, [])?.revision;
        if (!allows(condition, revision)) return { ...excluded(revision), expiresAt: null };
        written =
          revision === undefined
            ? engine.write('insert', key, row, { ttl })
            : engine.write(mode, key, row, { ttl, ifRevision: revision });
      }
      const { outcome, revision, expiresAt } = written;
      if (outcome === 'inserted' || outcome === 'updated') return { outcome, revision, expiresAt };
    }
  }

  merge(
    key: string,
    row: RowValues,
    { ttl, condition }: WriteRequest,
  ): WriteResult & { readonly expiresAt: number | null; readonly row: Readonly<RowValues> | undefined } {
    for (;;) {
      const before = this.engine.storedEntry(key);
      const found = before?.revision;
      if (before === undefined || (condition !== undefined && !allows(condition, found))) {
        return { ...excluded(found), expiresAt: null, row: undefined };
      }
      const { outcome, revision, expiresAt } = this.engine.write('update', key, row, { ttl, ifRevision: found });
      if (outcome === 'updated') return { outcome, revision, expiresAt, row: this.codec.merged(before.row, row) };
    }
  }

  remove(key: string, condition: RevisionCondition | undefined): WriteResult {
    for (;;) {
      if (condition === undefined) {
        return { outcome: this.engine.remove(key).outcome === 'absent' ? 'absent' : 'deleted', revision: 0 };
      }
      const revision = this.engine.storedEntry(key, [])?.revision;
      if (revision === undefined || !allows(condition, revision)) return excluded(revision);
      if (this.engine.remove(key, { ifRevision: revision }).outcome === 'deleted') {
        return { outcome: 'deleted', revision };
      }
    }
  }

  increment(
    key: string,
    column: string,
    by: number | bigint,
    { ttl, condition }: WriteRequest,
  ): WriteResult & { readonly value: number | bigint } {
    const { engine } = this;
    for (;;) {
      if (condition === undefined) {
        const { outcome, revision, value } = engine.increment(key, column, by, { ttl });
        return { outcome: outcome === 'inserted' ? 'inserted' : 'updated', revision, value };
      }
      const found = engine.storedEntry(key, [])?.revision;
      if (!allows(condition, found)) return { ...excluded(found), value: 0 };
      if (found === undefined) {
        // Zero plus the step is the step.
        const { outcome, revision } = engine.write('insert', key, { [column]: by }, { ttl });
        if (outcome === 'inserted') {
          return { outcome, revision, value: this.codec.column(column).stored(by) as number | bigint };
        }
      } else {
        const { outcome, revision, value } = engine.increment(key, column, by, { ttl, ifRevision: found });
        if (outcome === 'updated') return { outcome, revision, value };
      }
    }
  }

  load(key: string, row: RowValues, expiresAt: number | null): void {
    this.engine.write('put', key, row, { expiresAt });
  }

  page(cursor: string | undefined, request: PageRequest): PageStep {
    return readStep(this, cursor, request);
  }

  keys(cursor: string | undefined, limit: number, prefix: string) {
    const page = this.table.scan({ cursor, limit, prefix, columns: [] });
    return { keys: page.entries.map(({ key }) => key), cursor: page.cursor };
  }

  clear(): Clearing {
    const { removal } = this.engine;
    const locked: HashRange[] = [];
    let from: number | undefined = 0;
    return {
      step: () => {
        if (from !== undefined) {
          from = removal.clearFrom(from, BUCKETS_AT_ONCE, locked);
          return false;
        }
        removal.clearLocked(locked);
        return true;
      },
    };
  }

  serverOf(): undefined {
    return undefined;
  }

  loadAhead(keys: readonly string[]): void {
    this.engine.loadAhead(keys);
  }
}

/** What a write reports whose condition excludes the row as it is. */
function excluded(revision: number | undefined): WriteResult {
  return { outcome: revision === undefined ? 'absent' : 'mismatch', revision: revision ?? 0 };
}
