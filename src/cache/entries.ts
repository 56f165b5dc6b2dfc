import { engineOf } from '../table/engine.js';
import { presentBootMs } from '../table/present.js';
import type { CheckedOptions } from './cache-options.js';
import type { StoredCodec } from './codec.js';
import { fullKeyOf, isRowKey, keyOfFull } from './row-key.js';
import { ABSENT, type Entry, HASHED_KEY, STALES, TAGGED, type ValueRow, type ValueTable } from './stored-values.js';
import type { Tags } from './tags.js';

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

  /** The row for a value. If `stored` is undefined, it records that there is none. */
  rowOf(key: string, stored: string | Uint8Array | undefined, options: CheckedOptions, stamp: string) {
    const { ttl, staleTtl } = options;
    const isHashed = !isRowKey(key);
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

  /** Stores a loaded value, or records that there is none; returns the row's revision. */
  store(key: string, rowKey: string, stored: string | Uint8Array | undefined, options: CheckedOptions, stamp: string) {
    const row = this.rowOf(key, stored, options, stamp);
    const ttl = stored === undefined ? (options.negativeTtl ?? null) : lifetimeOf(options);
    return engineOf(this.table).write('put', rowKey, row, { ttl }).revision;
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
