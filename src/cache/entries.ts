import { hasCode, ShmTableError } from '../errors.js';
import { monotonicMs } from '../memory/index.js';
import { engineOf } from '../table/engine.js';
import { presentBootMs } from '../table/present.js';
import type { CheckedOptions } from './cache-options.js';
import type { StoredCodec } from './codec.js';
import { fullKeyOf, keyOfFull } from './row-key.js';
import { ABSENT, type Entry, HASHED_KEY, STALES, TAGGED, type ValueRow, type ValueTable } from './stored-values.js';
import type { Tags } from './tags.js';

/** How long a value is tried to be stored whose row others remove and store, too, in milliseconds. */
const PATIENCE_MS = 1000;

/** A row as `rowOf` returns it. */
type StoredRow = ReturnType<Entries<unknown>['rowOf']>;

/** The entries of a cache, which are rows of its table. */
export class Entries<V> {
  readonly table: ValueTable;
  readonly codec: StoredCodec<V>;
  readonly tags: Tags;

  constructor(table: ValueTable, codec: StoredCodec<V>, tags: Tags) {
    this.table = table;
    this.codec = codec;
    this.tags = tags;
  }

  /**
   * The row of a key; undefined if there is none, it belongs to another key with the same hash, or it was invalidated.
   */
  find(key: string, rowKey: string): ValueRow | undefined {
    const row = this.table.get(rowKey) as ValueRow | undefined;
    if (row === undefined || row.marks === 0) return row;
    return this.isOf(key, row) && this.isCurrent(row) ? row : undefined;
  }

  /** Gives a value another lifetime, null for none, and no stale time. Returns whether there is one. */
  expire(key: string, rowKey: string, ttl: number | null): boolean {
    // If another value is stored between the two operations, it gets this lifetime too, as if it had been stored
    // before.
    if (this.table.get(rowKey, 'marks') === 0) return this.table.expire(rowKey, ttl);
    for (;;) {
      const { row, revision } = (this.table.entry(rowKey) ?? {}) as { row?: ValueRow; revision?: number };
      if (row === undefined || (row.marks & ABSENT) !== 0 || !this.isOf(key, row) || !this.isCurrent(row)) return false;
      const lasting = { marks: row.marks & ~STALES, staleAt: 0 };
      const { outcome } = engineOf(this.table).write('update', rowKey, lasting, { ifRevision: revision, ttl });
      if (outcome === 'updated') return true;
    }
  }

  isOf(key: string, row: Entry): boolean {
    return (row.marks & HASHED_KEY) === 0 || row.key === fullKeyOf(key);
  }

  isCurrent(row: Entry): boolean {
    return (row.marks & TAGGED) === 0 || this.tags.areCurrent(row.tags);
  }

  isStale(row: Entry): boolean {
    return (row.marks & STALES) !== 0 && row.staleAt <= presentBootMs();
  }

  /** The key of a row. */
  keyOf(rowKey: string, row: Entry): string {
    return (row.marks & HASHED_KEY) === 0 ? rowKey : keyOfFull(row.key);
  }

  /** The value of a row; undefined if its load has returned undefined. */
  valueOf(row: ValueRow): V | undefined {
    if ((row.marks & ABSENT) !== 0) return undefined;
    return this.codec.decode(row[this.codec.column] as string | Uint8Array);
  }

  /** `valueOf` of a row that several callers share: the codec gets its own copy of the bytes, which it may keep. */
  copyOfValue(row: ValueRow): V | undefined {
    const { column } = this.codec;
    const stored: unknown = row[column];
    return this.valueOf(
      stored instanceof Uint8Array ? ({ ...row, [column]: new Uint8Array(stored) } as ValueRow) : row,
    );
  }

  /** The row for a value. If `stored` is undefined, it records that there is none. */
  rowOf(key: string, rowKey: string, stored: string | Uint8Array | undefined, options: CheckedOptions, stamp: string) {
    const { ttl, staleTtl } = options;
    const isHashed = rowKey !== key;
    const stales = stored !== undefined && ttl !== undefined && staleTtl > 0;
    return {
      marks:
        (stored === undefined ? ABSENT : 0) |
        (stamp === '' ? 0 : TAGGED) |
        (isHashed ? HASHED_KEY : 0) |
        (stales ? STALES : 0),
      staleAt: stales ? presentBootMs() + ttl : 0,
      tags: stamp,
      key: isHashed ? fullKeyOf(key) : '',
      [this.codec.column]: stored,
    };
  }

  /**
   * Stores a loaded value, or records that there is none; returns the row's revision. Undefined when the row with the
   * revision `before`, or none, has been replaced by another row, which is newer than the load.
   */
  store(
    key: string,
    rowKey: string,
    stored: string | Uint8Array | undefined,
    options: CheckedOptions,
    stamp: string,
    before: number | undefined,
  ): number | undefined {
    const row = this.rowOf(key, rowKey, stored, options, stamp);
    const ttl = stored === undefined ? (options.negativeTtl ?? null) : lifetimeOf(options);
    const engine = engineOf(this.table);
    if (before !== undefined) {
      try {
        const { outcome, revision } = engine.write('put', rowKey, row, { ttl, ifRevision: before });
        if (outcome === 'updated') return revision;
        if (outcome !== 'absent') return undefined;
      } catch (error) {
        // As in `put`.
        if (!hasCode(error, 'ERR_TABLE_FULL')) throw error;
        if (engine.remove(rowKey, { ifRevision: before }).outcome === 'mismatch') return undefined;
      }
    }
    // There was no row, or it has expired or was evicted since.
    const { outcome, revision } = engine.write('insert', rowKey, row, { ttl });
    return outcome === 'inserted' ? revision : undefined;
  }

  /**
   * Writes a row. The new row needs memory in addition to that of the old one, which eviction spares. So in a full heap
   * the old row is removed first. Others may do the same with this key, and be faster: so it is tried for a while.
   */
  put(rowKey: string, row: StoredRow, ttl: number | null): void {
    for (let deadline = 0; ; ) {
      try {
        this.table.put(rowKey, row, { ttl });
        return;
      } catch (error) {
        if (!hasCode(error, 'ERR_TABLE_FULL')) throw error;
        if (deadline === 0) deadline = monotonicMs() + PATIENCE_MS;
        if (!this.table.delete(rowKey) && monotonicMs() >= deadline) throw error;
      }
    }
  }

  /** Does `put` for each row. An error in the middle has a property `completed`. */
  putMany(rows: readonly (readonly [rowKey: string, row: StoredRow])[], ttl: number | null): void {
    for (let done = 0; done < rows.length; done++) {
      try {
        this.table.setMany(rows.slice(done), { ttl });
        return;
      } catch (error) {
        if (!(error instanceof ShmTableError) || error.completed === undefined) throw error;
        done += error.completed;
        if (error.code === 'ERR_TABLE_FULL') this.#putAlone(rows[done], ttl, done);
        else throw new ShmTableError(error.code, error.message, { cause: error, completed: done });
      }
    }
  }

  #putAlone([rowKey, row]: readonly [string, StoredRow], ttl: number | null, completed: number): void {
    try {
      this.put(rowKey, row, ttl);
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
      throw new ShmTableError(error.code, error.message, { cause: error, completed });
    }
  }

  /** Removes the row that `store` has written, unless it has changed. */
  removeStored(rowKey: string, revision: number): void {
    engineOf(this.table).remove(rowKey, { ifRevision: revision });
  }
}

/** The lifetime of a row, including the time in which its value is stale. Null for none. */
export function lifetimeOf({ ttl, staleTtl }: CheckedOptions): number | null {
  return ttl === undefined ? null : Math.min(ttl + staleTtl, Number.MAX_SAFE_INTEGER);
}
