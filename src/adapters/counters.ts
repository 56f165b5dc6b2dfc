import { Cache } from '../cache/index.js';
import { rowKeyOf } from '../cache/row-key.js';
import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import { Table } from '../table/table.js';

/** Where a limiter keeps its counters. */
interface OwnCounterOptions {
  /** Name of the table: `[A-Za-z0-9_][A-Za-z0-9._-]{0,63}`. Limiters that give the same name share it. */
  readonly name: string;
  /** Default: the environment's `SHMTABLE_NAMESPACE`, or `default`. */
  readonly namespace?: string | undefined;
  /** Maximum of shared memory in bytes. Default 64 MiB. */
  readonly bytes?: number | undefined;
  /** Maximum number of counters. Default 100,000. */
  readonly entries?: number | undefined;
}

/** Counters beside a cache that is open: in a table with the name of the cache and `.limits`. */
interface BesideCacheOptions {
  readonly cache: Cache;
}

export type CounterOptions = OwnCounterOptions | BesideCacheOptions;

/** A counter, and the milliseconds until it ends: `Infinity` when it does not. */
export interface Count {
  readonly hits: number;
  readonly msLeft: number;
}

const COLUMNS = { hits: 'float64' } as const;
const DEFAULTS = { bytes: 64 * 2 ** 20, entries: 100_000 };

/**
 * Counters that end after a time, exact over all processes: rows of a table. When it is full, the counters that were
 * used least recently are evicted.
 */
export class Counters {
  readonly name: string;
  readonly #table: Table<typeof COLUMNS>;

  /** `others` are the names of the options that the limiter takes besides. `ERR_ARGUMENT`, and as `Table.openOrCreate`. */
  constructor(options: CounterOptions, others: readonly string[]) {
    checkOptions(options, ['name', 'namespace', 'bytes', 'entries', 'cache', ...others]);
    const { cache } = options as Partial<BesideCacheOptions>;
    if (cache !== undefined && !(cache instanceof Cache)) {
      throw new ShmTableError('ERR_ARGUMENT', `cache must be an open Cache, got ${show(cache)}`);
    }
    const place = cache === undefined ? options : { name: `${cache.name}.limits`, namespace: cache.namespace };
    const { name, namespace, bytes = DEFAULTS.bytes, entries = DEFAULTS.entries } = place as OwnCounterOptions;
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
  }

  /** Adds to a counter, which ends `lifetimeMs` after it was begun, or never. Exact over all processes. */
  add(key: string, by: number, lifetimeMs: number | undefined): Count {
    const rowKey = rowKeyOf(key);
    const hits = this.#table.increment(rowKey, 'hits', by, { ttlIfNew: lifetimeMs });
    // The counter may have ended since.
    return { hits, msLeft: this.#table.ttl(rowKey) ?? 0 };
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

  /** Lets a counter end after this time from now on. */
  prolong(key: string, lifetimeMs: number): void {
    this.#table.expire(rowKeyOf(key), lifetimeMs);
  }

  delete(key: string): boolean {
    return this.#table.delete(rowKeyOf(key));
  }

  /** Removes all counters, whatever limiter they belong to. */
  clear(): void {
    this.#table.clear();
  }

  close(): void {
    this.#table.close();
  }
}

/** A lifetime as limiters give it, as one of a row: whole milliseconds from 1; undefined for none. */
export function rowLifetime(ms: number): number | undefined {
  return ms > 0 ? Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER) : undefined;
}
