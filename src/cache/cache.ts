import { hasCode, ShmTableError, show } from '../errors.js';
import { timers } from '../memory/index.js';
import { Table } from '../table/table.js';
import type { HeapStats } from '../table/types.js';
import { CacheMemory, cacheMemoryName } from './cache-memory.js';
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

/** Counts over all processes since the cache was created, except where something else is said. */
export interface CacheStats extends Counts {
  /** Entries that are there now. */
  entries: number;
  /** Maximum number of entries. */
  capacity: number;
  /** Shared memory that the cache takes, in bytes. */
  bytes: number;
  /** Room for values, keys and tags outside the rows, in blocks of `blockBytes`. */
  heap: HeapStats | undefined;
  evictions: number;
  expirations: number;
  /** Handles that have the cache open now. */
  participants: number;
}

const PAGE = 1_000;

/**
 * A cache in shared memory: what one process stores, all processes and threads of the machine find. `get` and `set` are
 * synchronous, as with a `Map`; `getOrSet` loads what is missing, once for all processes. When the memory is full, the
 * entries that were not used for longest are evicted.
 *
 * A key is any string. A value is what the codec can encode; each `get` returns a new one.
 *
 * Errors common to many methods are listed here only:
 * - `ERR_TABLE_CLOSED`, every method: after `close`, and in all processes after `destroy`.
 * - `ERR_KEY_INVALID`, methods with a key: it is not a string.
 * - `ERR_ARGUMENT`, methods with options: an option is unknown or out of range.
 * - `ERR_COLUMN_TYPE`, methods with values: the codec cannot encode the value, or it is `undefined`; methods that return
 *   values: the codec cannot decode one.
 * - `ERR_VALUE_TOO_LONG`, methods with values: the value, its tags or its key take more than the memory of the cache.
 * - `ERR_TABLE_FULL`, methods with values: no memory could be freed for the value.
 * - `ERR_LOCK_TIMEOUT`, methods that write: a live process that was stopped in the middle of a write has kept a lock for
 *   a second.
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
    // The table first, which `destroy` removes last: who has this one has the others that belong to it.
    const leases = leasesTableOptions(size, bytes);
    const otherBytes = Table.bytesFor(leases).total + cacheMemoryBytes(maxParticipants);
    const table = openValueTable(valueTableOptions(size, bytes - otherBytes, otherBytes, stored));
    const opened: { close(): void }[] = [table];
    try {
      this.#memory = CacheMemory.openOrCreate(cacheMemoryName(namespace, name), maxParticipants);
      opened.push(this.#memory);
      this.#owner = Owner.attach(this.#memory, name);
      opened.push(this.#owner);
      this.#leases = new Leases(leases, this.#memory, this.#owner);
      opened.push(this.#leases);
    } catch (error) {
      for (const part of opened.reverse()) part.close();
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
   * @throws {ShmTableError} `ERR_ARGUMENT` when `bytes` are too few for so many entries.
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
    removeTable(`${lookup.name}.loads`, namespace);
    CacheMemory.remove(cacheMemoryName(namespace, lookup.name));
    Table.destroy(lookup.name, { namespace });
  }

  // ---- values ----

  /**
   * Returns the value, or `undefined` when there is none, it has expired, or one of its tags was invalidated. O(1), and
   * O(tags) for an entry with tags.
   *
   * Within the `staleTtl` of an entry it returns the old value.
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

  /** Returns whether there is a value for the key. Counts neither as hit nor as miss. */
  has(key: string): boolean {
    const row = this.#entries.find(key, rowKeyOf(key));
    return row !== undefined && (row.marks & ABSENT) === 0;
  }

  /**
   * Stores a value. A load of the key that is under way is not stored. O(size of the value).
   *
   * `ttl` is its lifetime in milliseconds (default: that of the cache); for `staleTtl` milliseconds more, `getOrSet` may
   * return it while it loads a new one; `tags` name what it was made from, for `invalidateTag`.
   */
  set(key: string, value: V, options?: CacheSetOptions): this {
    this.#assertOpen();
    const rowKey = rowKeyOf(key);
    const checked = this.#setOptions(options);
    const row = this.#entries.rowOf(key, this.#encode(value), checked, this.#entries.tags.stamp(checked.tags));
    this.#leases.void(rowKey);
    this.#entries.table.put(rowKey, row, { ttl: lifetimeOf(checked) });
    return this;
  }

  /** Removes a value, and returns whether there was one. A load of the key that is under way is not stored. */
  delete(key: string): boolean {
    const there = this.has(key);
    const rowKey = rowKeyOf(key);
    this.#leases.void(rowKey);
    // Another key of the same hash is not ours to remove.
    if (!there && this.#entries.table.get(rowKey, 'key') !== '') return false;
    return this.#entries.table.delete(rowKey) && there;
  }

  /** Removes all entries, one by one: what is stored meanwhile may stay. Loads that are under way are not stored. */
  clear(): void {
    this.#assertOpen();
    this.#leases.voidAll();
    this.#entries.table.clear();
  }

  /**
   * Does `get` for each key, in the order given; faster than one after the other, since memory is loaded ahead.
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
   * Does `set` for each `[key, value]`, in the order given. All keys and values are checked before anything is stored. Not
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
      return [rowKeyOf(key), this.#entries.rowOf(key, this.#encode(value), checked, stamp)] as const;
    });
    for (const [rowKey] of rows) this.#leases.void(rowKey);
    this.#entries.table.setMany(rows, { ttl: lifetimeOf(checked) });
    return this;
  }

  /**
   * Does `delete` for each key, in the order given, and returns for each whether there was a value. All keys are checked
   * before anything is removed. Not a transaction: an error in the middle has a property `completed`, the number of keys
   * handled before it.
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
   * or evicted, and keys that were loaded as `undefined`. O(1) while nothing expires.
   */
  get size(): number {
    return this.#entries.table.size;
  }

  /**
   * Iterates over the keys that have values, in no particular order, while others may write: a key that is there
   * throughout comes exactly once. Values are not read.
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
   * Returns the value; when there is none, calls `load` and stores what it resolves to. Of all processes and threads
   * that ask for the same missing key, one calls its `load`; the others wait and get its value. Waiting polls nothing.
   *
   * - When the process or thread that loads ends, one of those who wait loads instead, at once.
   * - When `load` fails, its caller gets the error, and the next one who waits calls its own.
   * - A load that was begun before the key was set or deleted, the cache cleared or one of its tags invalidated is not
   *   stored.
   * - `undefined` is stored only with `negativeTtl`; those who wait get it in any case.
   * - A load must not wait for another `getOrSet` of the same key, or in a circle: that would never end.
   *
   * Each caller gets a new value, as the codec decodes it. `ttl`, `staleTtl` and `tags` are as in `set`. In the stale time
   * of an entry its callers get the old value at once; one of them loads in the background. When that fails, the error
   * goes to `onReloadError`, and the old value stays until its time has passed.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `load` is not a function.
   * @throws {ShmTableError} `ERR_SEGMENT_NO_SPACE` when no thread can be started to wait for another process.
   * @throws what `load` throws, and the reason of `signal` when it is aborted.
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
   * Removes all entries with this tag, of all processes: O(1), whatever their number. They take memory until they are
   * overwritten or evicted.
   *
   * Tags share 65,536 counters: another tag is invalidated together with this one by chance, never the reverse.
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
      const loading = this.#join(key, rowKey, caller);
      const abort = (): void => {
        loading.remove(caller);
        caller.reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort);
    });
  }

  #reload(key: string, rowKey: string, load: Caller<V>['load'], options: CheckedOptions): void {
    if (this.#loads.get(key)?.isCurrent) return;
    const reject = (error: unknown): void => this.#reloadFailed(error, key);
    this.#join(key, rowKey, { load, options, isInBackground: true, resolve: () => {}, reject });
  }

  /** The load of a key, begun if there is none. */
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

  /** Returns counts over all processes. O(entries): the table is looked through. */
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
   * Closes this handle. The cache stays. Callers of `getOrSet` that wait get `ERR_TABLE_CLOSED`, and other processes load
   * what this one was loading. Calling it again has no effect.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const error = this.#closedError();
    for (const loading of this.#running) {
      try {
        loading.close(error);
      } catch (failure) {
        // A lease that cannot be given back ends with its owner.
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
   * Removes the cache: every handle in every process throws `ERR_TABLE_CLOSED` from then on, and callers of `getOrSet`
   * that wait get that error.
   */
  destroy(): void {
    this.#assertOpen();
    this.#leases.destroy();
    this.#memory.destroy();
    this.#entries.table.destroy();
    this.close();
  }

  /** Does `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #setOptions(options: CacheSetOptions | undefined): CheckedOptions {
    return options === undefined ? this.#defaults : readSetOptions(options, this.#defaults);
  }

  #encode(value: V): string | Uint8Array {
    if (value !== undefined) return this.#entries.codec.encode(value);
    throw new ShmTableError('ERR_COLUMN_TYPE', 'a value must not be undefined, which says that there is none');
  }

  #assertOpen(): void {
    if (!this.isOpen) throw this.#closedError();
  }

  #closedError(): ShmTableError {
    const what = this.#isClosed ? 'this handle is closed' : 'it was destroyed';
    return new ShmTableError('ERR_TABLE_CLOSED', `cache ${this.name}: ${what}`);
  }
}

function removeTable(name: string, namespace: string): void {
  try {
    Table.destroy(name, { namespace });
  } catch (error) {
    if (!hasCode(error, 'ERR_TABLE_NOT_FOUND')) throw error;
  }
}

function listOf<T>(items: Iterable<T>, what: string): T[] {
  if (typeof items === 'object' && items !== null && typeof items[Symbol.iterator] === 'function') return [...items];
  throw new ShmTableError('ERR_ARGUMENT', `${what} must be iterable, got ${show(items)}`);
}
