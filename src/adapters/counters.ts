import { rowKeyOf } from '../cache/row-key.js';
import { ShmTableError, show } from '../errors.js';
import { engineOf, type TableEngine } from '../table/engine.js';
import { Table } from '../table/table.js';
import { type AdapterTableOptions, tablePlace } from './adapter-table.js';

/** A counter, and the milliseconds until it expires: `Infinity` when it does not. */
export interface Count {
  readonly hits: number;
  readonly msLeft: number;
}

const COLUMNS = { hits: 'float64' } as const;

/**
 * Counters that expire, exact across all processes: rows of a table. When it is full, the counters that were used least
 * recently are evicted.
 */
export class Counters {
  readonly name: string;
  readonly #table: Table<typeof COLUMNS>;
  readonly #engine: TableEngine<typeof COLUMNS>;

  /** `others` are the names of further options of the limiter. `ERR_ARGUMENT`, and as `Table.openOrCreate`. */
  constructor(options: AdapterTableOptions, others: readonly string[]) {
    const { name, namespace, bytes, entries } = tablePlace(options, 'limits', others);
    const tableOptions = { name, namespace, capacity: entries, columns: COLUMNS, evict: 'lru' } as const;
    const { total } = Table.bytesFor(tableOptions);
    if (!(bytes >= total)) {
      throw new ShmTableError(
        'ERR_ARGUMENT',
        `bytes must be at least ${total} for ${entries} entries, got ${show(bytes)}`,
      );
    }
    this.name = name;
    this.#table = Table.openOrCreate(tableOptions);
    this.#engine = engineOf(this.#table);
  }

  /** Adds to a counter, which expires `lifetimeMs` after it was created, or never. */
  add(key: string, by: number, lifetimeMs: number | undefined): Count {
    const { value, msLeft } = this.#engine.count(rowKeyOf(key), 'hits', by, lifetimeMs ?? null);
    return { hits: value as number, msLeft };
  }

  /** Subtracts 1 from a counter above 0. */
  subtract(key: string): void {
    const rowKey = rowKeyOf(key);
    for (;;) {
      const hits = this.#table.get(rowKey, 'hits');
      if (hits === undefined || hits <= 0 || this.#table.compareAndSet(rowKey, { hits }, { hits: hits - 1 })) return;
    }
  }

  get(key: string): Count | undefined {
    const rowKey = rowKeyOf(key);
    const hits = this.#table.get(rowKey, 'hits');
    const msLeft = this.#table.ttl(rowKey);
    return hits === undefined || msLeft === undefined ? undefined : { hits, msLeft };
  }

  set(key: string, hits: number, lifetimeMs: number | undefined): void {
    this.#table.put(rowKeyOf(key), { hits }, { ttl: lifetimeMs ?? null });
  }

  /** Makes a counter expire after this time from now on. */
  prolong(key: string, lifetimeMs: number): void {
    this.#table.expire(rowKeyOf(key), lifetimeMs);
  }

  delete(key: string): boolean {
    return this.#table.delete(rowKeyOf(key));
  }

  /** Removes all counters, whichever limiter they belong to. */
  clear(): void {
    this.#table.clear();
  }

  close(): void {
    this.#table.close();
  }
}

/** Converts a limiter's lifetime to one of a row: whole milliseconds, at least 1; undefined for none. */
export function rowLifetime(ms: number): number | undefined {
  return ms > 0 ? Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER) : undefined;
}
