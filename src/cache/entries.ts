import { engineOf } from '../table/engine.js';
import { presentBootMs } from '../table/present.js';
import type { CheckedOptions } from './cache-options.js';
import type { StoredCodec } from './codec.js';
import { fullKeyOf, isRowKey, keyOfFull } from './row-key.js';
import { ABSENT, type Entry, HASHED_KEY, STALES, TAGGED, type ValueRow, type ValueTable } from './stored-values.js';
import type { Tags } from './tags.js';

/** The entries of a cache: rows of its table that are what they were stored as. */
export class Entries<V> {
  readonly table: ValueTable;
  readonly codec: StoredCodec<V>;
  readonly tags: Tags;

  constructor(table: ValueTable, codec: StoredCodec<V>, tags: Tags) {
    this.table = table;
    this.codec = codec;
    this.tags = tags;
  }

  /** The row of a key; undefined when it has none, another key's of the same hash, or an invalidated one. */
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

  /** The value of a row; undefined when that is what its load has returned. */
  valueOf(row: ValueRow): V | undefined {
    if ((row.marks & ABSENT) !== 0) return undefined;
    return this.codec.decode(row[this.codec.column] as string | Uint8Array);
  }

  /** The row that a value is stored as. `stored` undefined: that there is none. */
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

  /** Stores a loaded value, or that there is none; returns the row's revision. */
  store(key: string, rowKey: string, stored: string | Uint8Array | undefined, options: CheckedOptions, stamp: string) {
    const row = this.rowOf(key, stored, options, stamp);
    const ttl = stored === undefined ? (options.negativeTtl ?? null) : lifetimeOf(options);
    return engineOf(this.table).write('put', rowKey, row, { ttl }).revision;
  }

  /** Removes the row that `store` has written, if it is still that one. */
  removeStored(rowKey: string, revision: number): void {
    engineOf(this.table).remove(rowKey, { ifRevision: revision });
  }
}

/** The lifetime of a row: with the time in which its value is stale. Null for none. */
export function lifetimeOf({ ttl, staleTtl }: CheckedOptions): number | null {
  return ttl === undefined ? null : Math.min(ttl + staleTtl, Number.MAX_SAFE_INTEGER);
}
