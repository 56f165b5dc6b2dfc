import { ShmTableError, show } from '../errors.js';
import { timers } from '../memory/index.js';
import { engineOf } from '../table/engine.js';
import { cacheMemoryName } from '../table/layout/companions.js';
import { Table } from '../table/table.js';
import type { HeapStats } from '../table/types.js';
import { checkTtl } from '../table/write-options.js';
import { CacheMemory } from './cache-memory.js';
import { cacheMemoryBytes, HITS, MISSES } from './cache-memory-layout.js';
import {
  type CacheLookup,
  type CacheOptions,
  type CacheSetOptions,
  type CheckedOptions,
  type LoadOptions,
  parseCacheOptions,
  parseLookup,
  readLoadOptions,
  readSetOptions,
} from './cache-options.js';
import { storedCodec } from './codec.js';
import { Entries, lifetimeOf } from './entries.js';
import { type Caller, KeyLoad, type LoadParts } from './key-load.js';
import { LeaseWaits } from './lease-waits.js';
import { Leases, leasesTableOptions } from './leases.js';
import { type Counts, Owner } from './owner.js';
import { rowKeyOf } from './row-key.js';
import { ABSENT, openValueTable, type ValueRow, valueTableOptions } from './stored-values.js';
import { checkTag, Tags } from './tags.js';

/** Counts over all processes since the cache was created, unless stated otherwise. */
export interface CacheStats extends Counts {
  /** Current number of entries. */
  entries: number;
  /** Maximum number of entries. */
  capacity: number;
  /** Shared memory that the cache takes, in bytes. */
  bytes: number;
  /** Space for values, keys and tags outside the rows, in blocks of `blockBytes`. */
  heap: HeapStats | undefined;
  evictions: number;
  expirations: number;
  /** Handles that currently have the cache open. */
  participants: number;
}

const PAGE = 1_000;

/** The size of the table of a cache, which no value exceeds. */
export let valueBytesOf: (cache: Cache) => number;

/** The current generations of tags, for `setAsOf`. */
export let tagStampOf: (cache: Cache, tags: readonly string[]) => string;

/**
 * `set` of a value that was created from data of the moment of a stamp of its tags: if one of them has been invalidated
 * since, the value is never returned.
 */
export let setAsOf: (cache: Cache, stamp: string, key: string, value: unknown, options: CacheSetOptions) => void;

/**
 * A cache in shared memory: a value that one process stores is found by all processes and threads of the machine. `get`
 * and `set` are synchronous, as with a `Map`; `getOrSet` loads a missing value once for all processes. When the memory
 * is full, the entries that were used least recently are evicted.
 *
 * A key is any string. A value is anything that the codec can encode; each `get` returns a new copy.
 *
 * Errors common to many methods are listed here only:
 * - `ERR_TABLE_CLOSED`, every method: after `close`, and in all processes after `destroy`.
 * - `ERR_KEY_INVALID`, methods with a key: it is not a string.
 * - `ERR_ARGUMENT`, methods with options: an option is unknown or out of range.
 * - `ERR_COLUMN_TYPE`, methods with values: the codec cannot encode the value, or it is `undefined`; methods that return
 *   values: the codec cannot decode one.
 * - `ERR_VALUE_TOO_LONG`, methods with values: the value, its tags or its key take more than the memory of the cache.
 * - `ERR_TABLE_FULL`, methods with values: no memory could be freed for the value.
 * - `ERR_LOCK_TIMEOUT`, methods that write: a live process that was stopped in the middle of a write has held a lock
 *   for a second.
 * - `ERR_TABLE_CORRUPT`, every method: the shared memory is damaged.
 */
export class Cache<V = unknown> {
  readonly name: string;
  readonly namespace: string;
  readonly #entries: Entries<V>;
  readonly #memory: CacheMemory;
  readonly #leases: Leases;
  readonly #owner: Owner;
  readonly #waits: LeaseWaits;
  readonly #parts: LoadParts<V>;
  readonly #defaults: CheckedOptions;
  readonly #onReloadError: ((error: unknown, key: string) => void) | undefined;
  /** The loads that a caller may join, by key. */
  readonly #loads = new Map<string, KeyLoad<V>>();
  readonly #running = new Set<KeyLoad<V>>();
  #hasWarned = false;
  #isClosed = false;

  private constructor(options: CacheOptions<V>) {
    const { name, namespace, bytes, entries, maxParticipants, codec, defaults, onReloadError } =
      parseCacheOptions(options);
    this.name = name;
    this.namespace = namespace;
    this.#defaults = defaults;
    this.#onReloadError = onReloadError;
    const stored = storedCodec(codec);
    const size = { name, namespace, entries, maxParticipants };
    const leases = leasesTableOptions(size, bytes);
    const otherBytes = Table.bytesFor(leases).total + cacheMemoryBytes(maxParticipants);
    // The table first, which `destroy` removes last: so the other parts that are opened belong to the same cache.
    const { table, isNew } = openValueTable(valueTableOptions(size, bytes - otherBytes, otherBytes, stored));
    const opened: { close(): void }[] = [];
    try {
      this.#memory = CacheMemory.openOrCreate(cacheMemoryName(namespace, name), maxParticipants);
      opened.push(this.#memory);
      this.#owner = Owner.attach(this.#memory, name);
      opened.push(this.#owner);
      this.#leases = new Leases(leases, this.#memory, this.#owner);
    } catch (error) {
      for (const part of opened.reverse()) part.close();
      if (isNew) CacheMemory.remove(cacheMemoryName(namespace, name));
      if (isNew) table.destroy();
      table.close();
      throw error;
    }
    this.#entries = new Entries(table, stored, new Tags(this.#memory));
    this.#waits = new LeaseWaits(this.#memory, this.#leases, this.#owner, () => this.#assertOpen());
    this.#parts = { entries: this.#entries, leases: this.#leases, waits: this.#waits, owner: this.#owner };
  }

  /**
   * Opens the cache, or creates it if it does not exist, without races between processes. All of its memory is reserved
   * when it is created: O(bytes).
   *
   * @throws {ShmTableError} `ERR_SCHEMA_MISMATCH` when it was created with other `bytes`, `entries` or
   *   `maxParticipants`, or for another codec.
   * @throws {ShmTableError} `ERR_ARGUMENT` when `bytes` is too small for this number of entries.
   * @throws {ShmTableError} `ERR_TOO_MANY_PARTICIPANTS` when it is open in `maxParticipants` threads.
   * @throws {ShmTableError} `ERR_SEGMENT_NO_SPACE`, `ERR_SEGMENT_TOO_LARGE`, `ERR_PERMISSION`,
   *   `ERR_BACKEND_UNSUPPORTED` or `ERR_LAYOUT_VERSION` as `Table.openOrCreate`.
   */
  static open<V = unknown>(options: CacheOptions<V>): Cache<V> {
    return new Cache<V>(options);
  }

  /**
   * Destroys a cache by name, without opening it. See the method `destroy`.
   *
   * @throws {ShmTableError} `ERR_TABLE_NOT_FOUND` when there is no such cache.
   * @throws {ShmTableError} `ERR_PERMISSION` when this user may not remove it.
   */
  static destroy(name: string, options: CacheLookup = {}): void {
    const { namespace, ...lookup } = parseLookup(name, options);
    Table.destroy(lookup.name, { namespace });
  }

  // ---- values ----

  /**
   * Returns the value, or `undefined` if there is none, it has expired, or one of its tags was invalidated. O(1), or
   * O(tags) for an entry with tags.
   *
   * During the `staleTtl` of an entry it returns the old value.
   */
  get(key: string): V | undefined {
    const row = this.#entries.find(key, rowKeyOf(key));
    if (row === undefined) {
      this.#assertOpen();
      this.#owner.count(MISSES);
      return undefined;
    }
    this.#owner.count(HITS);
    return this.#entries.valueOf(row);
  }

  /** Returns whether there is a value for the key. Counts neither as a hit nor as a miss. */
  has(key: string): boolean {
    const row = this.#entries.find(key, rowKeyOf(key));
    return row !== undefined && (row.marks & ABSENT) === 0;
  }

  /**
   * Stores a value. The result of a load of the key that is in progress will not be stored. O(size of the value).
   *
   * `ttl` is its lifetime in milliseconds (default: that of the cache); for `staleTtl` milliseconds more, `getOrSet`
   * may return it while it loads a new one; `tags` are names for `invalidateTag`.
   */
  set(key: string, value: V, options?: CacheSetOptions): this {
    this.#assertOpen();
    const rowKey = rowKeyOf(key);
    const checked = this.#setOptions(options);
    const row = this.#entries.rowOf(key, rowKey, this.#encode(value), checked, this.#entries.tags.stamp(checked.tags));
    this.#leases.void(rowKey);
    this.#entries.put(rowKey, row, lifetimeOf(checked));
    return this;
  }

  /**
   * Removes a value, and returns whether there was one. The result of a load that is in progress will not be stored.
   */
  delete(key: string): boolean {
    const rowKey = rowKeyOf(key);
    // First, because a load stores its value before its lease ends: whatever this finds, the value is found afterwards.
    this.#leases.void(rowKey);
    const row = this.#entries.table.get(rowKey) as ValueRow | undefined;
    // Another key with the same hash must not be removed.
    if (row === undefined || !this.#entries.isOf(key, row)) return false;
    const isThere = (row.marks & ABSENT) === 0 && this.#entries.isCurrent(row);
    return this.#entries.table.delete(rowKey) && isThere;
  }

  /**
   * Gives a value another lifetime in milliseconds from now on, `null` for none, without writing the value again; from
   * then on it has no stale time. Returns whether there is a value. O(1), or O(tags) for an entry with tags.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `ttl` is neither `null` nor an integer of 1 .. 2^53-1.
   */
  expire(key: string, ttl: number | null): boolean {
    this.#assertOpen();
    const rowKey = rowKeyOf(key);
    checkTtl(ttl);
    return this.#entries.expire(key, rowKey, ttl);
  }

  /**
   * Returns the milliseconds for which a value will still be returned, stale time included; `Infinity` when it does not
   * expire, `undefined` when there is none.
   */
  ttl(key: string): number | undefined {
    const rowKey = rowKeyOf(key);
    const { table } = this.#entries;
    return table.get(rowKey, 'marks') === 0 || this.has(key) ? table.ttl(rowKey) : undefined;
  }

  /**
   * Removes all entries, one by one; entries stored meanwhile may remain. Results of loads in progress will not be
   * stored.
   */
  clear(): void {
    this.#assertOpen();
    this.#leases.voidAll();
    this.#entries.table.clear();
  }

  /**
   * Calls `get` for each key, in order; faster than separate calls, because memory is prefetched.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `keys` is not iterable.
   */
  getMany(keys: Iterable<string>): (V | undefined)[] {
    const list = listOf(keys, 'keys');
    const rows = this.#entries.table.getMany(list.map(rowKeyOf)) as (ValueRow | undefined)[];
    return rows.map((row, i) => {
      const found = row !== undefined && this.#entries.isOf(list[i], row) && this.#entries.isCurrent(row);
      this.#owner.count(found ? HITS : MISSES);
      return found ? this.#entries.valueOf(row) : undefined;
    });
  }

  /**
   * Calls `set` for each `[key, value]`, in order. All keys and values are checked before anything is stored. It is not
   * a transaction: an error in the middle has a property `completed`, the number of values stored before it.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `entries` is not iterable, or one of them is not `[key, value]`.
   */
  setMany(entries: Iterable<readonly [key: string, value: V]>, options?: CacheSetOptions): this {
    this.#assertOpen();
    const checked = this.#setOptions(options);
    const stamp = this.#entries.tags.stamp(checked.tags);
    const rows = listOf(entries, 'entries').map((entry) => {
      if (!Array.isArray(entry) || entry.length !== 2) {
        throw new ShmTableError('ERR_ARGUMENT', `each entry must be [key, value], got ${show(entry)}`);
      }
      const [key, value] = entry as readonly [string, V];
      const rowKey = rowKeyOf(key);
      return [rowKey, this.#entries.rowOf(key, rowKey, this.#encode(value), checked, stamp)] as const;
    });
    for (const [rowKey] of rows) this.#leases.void(rowKey);
    this.#entries.putMany(rows, lifetimeOf(checked));
    return this;
  }

  /**
   * Calls `delete` for each key, in order, and returns for each whether there was a value. All keys are checked before
   * anything is removed. It is not a transaction: an error in the middle has a property `completed`, the number of keys
   * processed before it.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `keys` is not iterable.
   */
  deleteMany(keys: Iterable<string>): boolean[] {
    this.#assertOpen();
    const list = listOf(keys, 'keys');
    for (const key of list) rowKeyOf(key);
    const deleted: boolean[] = [];
    try {
      for (const key of list) deleted.push(this.delete(key));
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
      throw new ShmTableError(error.code, error.message, { cause: error, completed: deleted.length });
    }
    return deleted;
  }

  /**
   * The number of entries that have not expired. Includes those whose tags were invalidated, until they are overwritten
   * or evicted, and keys that were loaded as `undefined`. O(1) as long as nothing expires.
   */
  get size(): number {
    return this.#entries.table.size;
  }

  /**
   * Iterates over the keys that have values, in unspecified order. Others may write meanwhile: a key that exists
   * throughout is visited exactly once. Values are not read.
   */
  *keys(): IterableIterator<string> {
    let cursor: string | undefined;
    do {
      const page = this.#entries.table.scan({
        limit: PAGE,
        columns: ['marks', 'tags', 'key'],
        cursor,
      });
      for (const { key: rowKey, row } of page.entries) {
        const entry = row as unknown as ValueRow;
        if ((entry.marks & ABSENT) === 0 && this.#entries.isCurrent(entry)) yield this.#entries.keyOf(rowKey, entry);
      }
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
  }

  // ---- loading ----

  /**
   * Returns the value; if there is none, calls `load` and stores its result. Of all processes and threads that request
   * the same missing key, one calls its `load`; the others wait for its value, without polling.
   *
   * - When the process or thread that loads ends, one of the waiting callers loads instead, immediately.
   * - When `load` fails, its caller gets the error, and the next waiting caller calls its own `load`.
   * - The result of a load that began before the key was set or deleted, the cache was cleared or one of its tags was
   *   invalidated is not stored.
   * - `undefined` is stored only with `negativeTtl`; waiting callers get it in any case.
   * - A load must not wait for another `getOrSet` of the same key, directly or indirectly: that would never end.
   *
   * Each caller gets a new value, decoded by the codec. `ttl`, `staleTtl` and `tags` are as in `set`. During the stale
   * time of an entry callers get the old value immediately, and one of them loads in the background. If that fails,
   * `onReloadError` is called with the error, and the old value remains until its stale time ends.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `load` is not a function.
   * @throws {ShmTableError} `ERR_SEGMENT_NO_SPACE` when no thread can be created to wait for another process.
   * @throws any error of `load`, and the reason of `signal` when it is aborted.
   */
  getOrSet(
    key: string,
    load: () => V | undefined | PromiseLike<V | undefined>,
    options?: LoadOptions,
  ): Promise<V | undefined> {
    try {
      if (typeof load !== 'function') {
        throw new ShmTableError('ERR_ARGUMENT', `load must be a function, got ${show(load)}`);
      }
      const checked = options === undefined ? this.#defaults : readLoadOptions(options, this.#defaults);
      const rowKey = rowKeyOf(key);
      checked.signal?.throwIfAborted();
      const row = this.#entries.find(key, rowKey);
      if (row === undefined) {
        this.#assertOpen();
        this.#owner.count(MISSES);
        return this.#wait(key, rowKey, load, checked);
      }
      this.#owner.count(HITS);
      if (this.#entries.isStale(row)) this.#reload(key, rowKey, load, checked);
      return Promise.resolve(this.#entries.valueOf(row));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Removes all entries with this tag, for all processes. O(1), whatever their number: they take memory until they are
   * overwritten or evicted.
   *
   * Tags share 65,536 counters, so another tag may be invalidated together with this one by chance, but an invalidated
   * entry is never returned.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `tag` is not a string.
   */
  invalidateTag(tag: string): void {
    checkTag(tag);
    this.#assertOpen();
    this.#entries.tags.invalidate(tag);
  }

  #wait(key: string, rowKey: string, load: Caller<V>['load'], options: CheckedOptions): Promise<V | undefined> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      let loading: KeyLoad<V> | undefined;
      const abort = (): void => {
        loading?.remove(caller);
        caller.reject(signal?.reason);
      };
      const caller: Caller<V> = {
        load,
        options,
        isInBackground: false,
        resolve(value) {
          signal?.removeEventListener('abort', abort);
          resolve(value);
        },
        reject(error) {
          signal?.removeEventListener('abort', abort);
          reject(error);
        },
      };
      signal?.addEventListener('abort', abort);
      loading = this.#join(key, rowKey, caller);
      // The load has begun, and may itself have aborted the signal.
      if (signal?.aborted) loading.remove(caller);
    });
  }

  #reload(key: string, rowKey: string, load: Caller<V>['load'], options: CheckedOptions): void {
    if (this.#loads.get(key)?.isCurrent) return;
    const reject = (error: unknown): void => this.#reloadFailed(error, key);
    this.#join(key, rowKey, { load, options, isInBackground: true, resolve: () => {}, reject });
  }

  /** The load of a key, which is started if there is none. */
  #join(key: string, rowKey: string, caller: Caller<V>): KeyLoad<V> {
    const found = this.#loads.get(key);
    if (found?.isCurrent) {
      found.add(caller);
      return found;
    }
    const begun = new KeyLoad(this.#parts, key, rowKey);
    this.#loads.set(key, begun);
    this.#running.add(begun);
    begun.add(caller);
    void begun.run().then(() => {
      this.#running.delete(begun);
      if (this.#loads.get(key) === begun) this.#loads.delete(key);
    });
    return begun;
  }

  #reloadFailed(error: unknown, key: string): void {
    const report = this.#onReloadError;
    if (this.#isClosed) return;
    if (report !== undefined) timers.setImmediate(report, error, key);
    else if (!this.#hasWarned) {
      this.#hasWarned = true;
      const why = error instanceof Error ? error.message : show(error);
      process.emitWarning(`shmtable: a value of cache ${this.name} could not be loaded in the background: ${why}`);
    }
  }

  // ---- about the cache ----

  /** Whether this handle can be used: it is not closed, and its cache not destroyed. Never throws. */
  get isOpen(): boolean {
    return !this.#isClosed && this.#entries.table.isOpen && !this.#memory.isDestroyed;
  }

  /** Returns counts over all processes. O(entries), because all entries are examined. */
  stats(): CacheStats {
    this.#assertOpen();
    const { rows, capacity, bytes, heap, evictions, expirations, participants } = this.#entries.table.stats();
    return {
      entries: rows,
      capacity,
      bytes: bytes + this.#leases.bytes + this.#memory.bytes,
      heap,
      ...this.#owner.sums(),
      evictions,
      expirations,
      participants,
    };
  }

  /**
   * Closes this handle. The cache remains. Waiting callers of `getOrSet` get `ERR_TABLE_CLOSED`, and other processes
   * load what this one was loading. Calling it again has no effect.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const error = this.#closedError();
    for (const loading of this.#running) {
      try {
        loading.close(error);
      } catch (failure) {
        // If a lease cannot be released, it ends with its owner.
        if (!(failure instanceof ShmTableError)) throw failure;
      }
    }
    this.#waits.close(error);
    this.#leases.close();
    this.#owner.close();
    this.#memory.close();
    this.#entries.table.close();
  }

  /**
   * Removes the cache: from then on every handle in every process throws `ERR_TABLE_CLOSED`, and waiting callers of
   * `getOrSet` get that error.
   */
  destroy(): void {
    this.#assertOpen();
    this.#entries.table.destroy();
    this.close();
  }

  /** Calls `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  static {
    valueBytesOf = (cache) => engineOf(cache.#entries.table).counts().bytes;
    tagStampOf = (cache, tags) => {
      cache.#assertOpen();
      return cache.#entries.tags.stamp(tags);
    };
    setAsOf = (cache, stamp, key, value, options) => {
      cache.#assertOpen();
      const rowKey = rowKeyOf(key);
      const checked = cache.#setOptions(options);
      const row = cache.#entries.rowOf(key, rowKey, cache.#encode(value), checked, stamp);
      cache.#leases.void(rowKey);
      cache.#entries.put(rowKey, row, lifetimeOf(checked));
    };
  }

  #setOptions(options: CacheSetOptions | undefined): CheckedOptions {
    return options === undefined ? this.#defaults : readSetOptions(options, this.#defaults);
  }

  #encode(value: V): string | Uint8Array {
    if (value !== undefined) return this.#entries.codec.encode(value);
    throw new ShmTableError('ERR_COLUMN_TYPE', 'a value must not be undefined, which means that there is none');
  }

  #assertOpen(): void {
    if (!this.isOpen) throw this.#closedError();
  }

  #closedError(): ShmTableError {
    const what = this.#isClosed ? 'this handle is closed' : 'it was destroyed';
    return new ShmTableError('ERR_TABLE_CLOSED', `cache ${this.name}: ${what}`);
  }
}

function listOf<T>(items: Iterable<T>, what: string): T[] {
  if (typeof items === 'object' && items !== null && typeof items[Symbol.iterator] === 'function') return [...items];
  throw new ShmTableError('ERR_ARGUMENT', `${what} must be iterable, got ${show(items)}`);
}
