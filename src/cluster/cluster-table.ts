import { ShmTableError, show } from '../errors.js';
import { checkOptions, monotonicMs, pause, SHARES_MEMORY } from '../memory/index.js';
import { checkSynchronous } from '../table/conditional-writes.js';
import { INCREMENT_OPTIONS, WRITE_OPTIONS } from '../table/option-names.js';
import { readExpected } from '../table/precondition.js';
import type {
  ColumnInput,
  Columns,
  Entry,
  Expected,
  IncrementOptions,
  NumericColumn,
  Row,
  RowInput,
  ScanOptions,
  WriteOptions,
} from '../table/types.js';
import { checkLifetime } from '../table/write-options.js';
import { ClusterNodes } from './cluster-nodes.js';
import { ClusterRows, type EncodedExpectation, type ReadRow } from './cluster-rows.js';
import { ClusterScan, checkPrefix } from './cluster-scan.js';
import { agreeOnSchema } from './cluster-schema.js';
import type { FeedStats } from './feed-memory.js';
import { KeyWalk } from './key-walk.js';
import { NearCache } from './near-cache.js';
import type { NearStats, NearTable } from './near-table.js';
import { type ClusterTableOptions, parseClusterOptions } from './options.js';
import { RowFields } from './row-fields.js';

/** What a write did. */
export interface Written {
  /** The revision that the row has now. */
  readonly revision: number;
  /** Whether there was no row before. */
  readonly created: boolean;
}

export interface Incremented<V = number | bigint> extends Written {
  /** The new value. */
  readonly value: V;
}

export interface ReadOptions {
  /** Reads at the primary, whatever this host knows. */
  readonly fresh?: boolean | undefined;
}

export interface ClusterTableStats {
  /** Servers that own slots, and to how many of them there is a connection now. */
  readonly primaries: number;
  readonly connected: number;
  /** Writes of this handle that failed with `ERR_OUTCOME_UNKNOWN`. */
  readonly unknownOutcomes: number;
  /** Only with a near cache. */
  readonly near?: NearStats & FeedStats;
}

/** Keys of `getMany`, `setMany`, `deleteMany` and of a removal that are under way at the same time. */
const KEYS_AT_ONCE = 512;
/** How often `modify` tries at least. */
const LEAST_TRIES = 100;

/**
 * A table whose rows lie in a Redis or Valkey cluster, with the methods and errors of `Table`. Everything is a promise;
 * writes resolve to the row's new revision.
 *
 * Errors common to many methods are listed here only, beside those of `Table` about keys, columns, values and options:
 * - `ERR_CLUSTER_UNAVAILABLE`: the operation was not executed, or only reads; it can be repeated.
 * - `ERR_OUTCOME_UNKNOWN`, methods that write: the write was sent, and no answer came. It may have been executed, or may
 *   still be, even after later ones.
 * - `ERR_TABLE_FULL`, methods that write: the server is out of memory.
 * - `ERR_PERMISSION`: the user of the servers lacks a right.
 * - `ERR_TABLE_CLOSED`: this handle is closed.
 */
export class ClusterTable<const C extends Columns = Columns> {
  readonly name: string;
  readonly namespace: string;
  readonly columns: C;
  readonly maxKeyBytes: number;
  readonly #rows: ClusterRows<C>;
  readonly #near: NearCache<C> | undefined;
  readonly #nearTable: NearTable<C> | undefined;
  #isOpen = true;

  private constructor(parts: {
    readonly name: string;
    readonly namespace: string;
    readonly columns: C;
    readonly maxKeyBytes: number;
    readonly rows: ClusterRows<C>;
    readonly near: NearCache<C> | undefined;
  }) {
    // The constructor is private in TypeScript only.
    if (!(parts?.rows instanceof ClusterRows)) {
      throw new ShmTableError('ERR_ARGUMENT', 'a ClusterTable is opened by ClusterTable.connect, not by new');
    }
    this.name = parts.name;
    this.namespace = parts.namespace;
    this.columns = parts.columns;
    this.maxKeyBytes = parts.maxKeyBytes;
    this.#rows = parts.rows;
    this.#near = parts.near;
    this.#nearTable = parts.near?.table;
    partsOf.set(this, {
      rows: parts.rows as unknown as ClusterRows,
      near: parts.near?.table as unknown as NearTable<Columns>,
    });
  }

  /**
   * Connects to the cluster, and creates the table if it does not exist.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when an option is invalid, or `@redis/client` is not installed.
   * @throws {ShmTableError} `ERR_BACKEND_UNSUPPORTED` for an option that only a table in shared memory has.
   * @throws {ShmTableError} `ERR_SCHEMA_INVALID` when the columns are invalid.
   * @throws {ShmTableError} `ERR_SCHEMA_MISMATCH` when the table in the cluster has other columns: see `onMismatch`.
   */
  static async connect<const C extends Columns>(options: ClusterTableOptions<C>): Promise<ClusterTable<C>> {
    const parsed = parseClusterOptions(options);
    const { name, namespace, maxKeyBytes, onMismatch, connection } = parsed;
    const fields = new RowFields<C>(options.columns);
    const columns = Object.freeze(Object.fromEntries(fields.columns.map(({ name, type }) => [name, type]))) as C;
    const nodes = await ClusterNodes.connect(connection);
    try {
      const key = `shm:${namespace}:${name}`;
      await agreeOnSchema(nodes, key, { columns, maxKeyBytes, onMismatch });
      const rows = new ClusterRows<C>(nodes, fields, `${key}:`, maxKeyBytes);
      // The feed is a thread, which would have memory of its own.
      const wanted = SHARES_MEMORY ? parsed.near : undefined;
      const near = wanted && NearCache.open(parsed, wanted, columns, rows);
      return new ClusterTable<C>({ name, namespace, columns, maxKeyBytes, rows, near });
    } catch (error) {
      nodes.close();
      throw error;
    }
  }

  // ---- reading ----

  /**
   * Returns the row, without asking the cluster, if this host has it and it is certainly no older than `near.maxStaleMs`;
   * `undefined` means that it is not known here, never that there is no row.
   */
  peek(key: string): Row<C> | undefined {
    if (!this.#isOpen) this.#assertOpen();
    return this.#nearTable === undefined ? this.#nothing(key) : this.#nearTable.peek(key);
  }

  /** The same with revision and expiry. */
  peekEntry(key: string): Entry<C> | undefined {
    this.#assertOpen();
    return this.#nearTable === undefined ? this.#nothing(key) : this.#nearTable.peekEntry(key);
  }

  #nothing(key: string): undefined {
    this.#rows.wireKey(key);
    return undefined;
  }

  /**
   * Returns the row as a new object, or one of its columns; `undefined` when there is no row. With a near cache, a row
   * that this host knows and can trust is returned as `peek` does, unless `fresh` is given.
   */
  get(key: string, options?: ReadOptions): Promise<Row<C> | undefined>;
  get<K extends keyof C & string>(key: string, column: K, options?: ReadOptions): Promise<Row<C>[K] | undefined>;
  async get(key: string, column?: string | ReadOptions, options?: ReadOptions): Promise<unknown> {
    if (!this.#isOpen) this.#assertOpen();
    if (column === undefined || (typeof column === 'object' && column !== null)) {
      if (this.#isFresh(column)) return (await this.#rows.read(key))?.row;
      return this.#nearTable?.peek(key) ?? (await this.#nearTable?.load(key))?.row;
    }
    this.#rows.fields.column(column);
    const isFresh = this.#isFresh(options);
    const found = isFresh ? await this.#rows.read(key, [column]) : await this.#read(key);
    return found === undefined ? undefined : (found.row as Record<string, unknown>)[column];
  }

  /** Checks the options, and returns whether the primary is to be asked. */
  #isFresh(options: ReadOptions | undefined): boolean {
    return (options !== undefined && checkReadOptions(options)) || this.#nearTable === undefined;
  }

  /** A row that this host knows, or reads and keeps. */
  async #read(key: string): Promise<ReadRow<C> | undefined> {
    return this.#nearTable?.peekRow(key) ?? (await this.#nearTable?.load(key));
  }

  /** Returns the row with its key, revision and expiry, all from one moment. */
  async entry(key: string, options?: ReadOptions): Promise<Entry<C> | undefined> {
    this.#assertOpen();
    const found = await (this.#isFresh(options) ? this.#rows.read(key) : this.#read(key));
    return found === undefined ? undefined : this.#rows.entryOf(key, found);
  }

  /** Returns whether there is a row with this key. */
  async has(key: string, options?: ReadOptions): Promise<boolean> {
    this.#assertOpen();
    if (!this.#isFresh(options) && this.#nearTable?.peekRow(key) !== undefined) return true;
    return this.#rows.has(key);
  }

  /**
   * Returns the milliseconds that the row has left, `Infinity` when it does not expire, `undefined` when there is no
   * row.
   */
  async ttl(key: string, options?: ReadOptions): Promise<number | undefined> {
    this.#assertOpen();
    const found = this.#isFresh(options) ? undefined : this.#nearTable?.peekRow(key);
    return (found ?? (await this.#rows.read(key, [])))?.msLeft;
  }

  /** Does `get` for each key, in the order given. No snapshot, and no transaction. */
  async getMany(keys: Iterable<string>, options?: ReadOptions): Promise<(Row<C> | undefined)[]> {
    this.#assertOpen();
    if (options !== undefined) checkReadOptions(options);
    const list = listOf('keys', keys);
    for (const key of list) this.#rows.wireKey(key);
    return inGroups(list, (key) => this.get(key, options ?? {}));
  }

  // ---- writing ----

  /** Writes the named columns; in a new row the others are zero, false or empty. */
  async set(key: string, row: RowInput<C>, options?: WriteOptions): Promise<Written> {
    return written(await this.#write('set', key, row, options));
  }

  /** Writes the whole row: columns that are not named become zero, false or empty. */
  async put(key: string, row: RowInput<C>, options?: WriteOptions): Promise<Written> {
    return written(await this.#write('put', key, row, options));
  }

  /** Writes the row only if there is none; else it resolves to false. Of all hosts exactly one succeeds. */
  async insert(key: string, row: RowInput<C>, options?: WriteOptions): Promise<Written | false> {
    return writtenOrNot(await this.#write('insert', key, row, options));
  }

  /** Writes the named columns only if there is a row; else it resolves to false. */
  async update(key: string, row: RowInput<C>, options?: WriteOptions): Promise<Written | false> {
    return writtenOrNot(await this.#write('update', key, row, options));
  }

  async #write(mode: 'set' | 'put' | 'insert' | 'update', key: string, row: RowInput<C>, options: WriteOptions = {}) {
    this.#assertOpen();
    checkOptions(options, WRITE_OPTIONS);
    return this.#rows.write(mode, key, row, options);
  }

  /** Removes the row, and resolves to whether there was one. */
  async delete(key: string): Promise<boolean> {
    this.#assertOpen();
    return (await this.#rows.remove(key)).outcome === 'deleted';
  }

  /** Reads and removes the row in one step; of all hosts exactly one gets it. */
  async take(key: string): Promise<Row<C> | undefined> {
    this.#assertOpen();
    return this.#rows.take(key);
  }

  /** Does `set` for each `[key, row]`. All are checked before anything is written. No transaction. */
  async setMany(
    entries: Iterable<readonly [key: string, row: RowInput<C>]>,
    options?: WriteOptions,
  ): Promise<Written[]> {
    this.#assertOpen();
    const list = listOf('entries', entries).map((entry) => {
      if (!Array.isArray(entry) || entry.length !== 2) {
        throw new ShmTableError('ERR_ARGUMENT', `an entry must be [key, row], got ${show(entry)}`);
      }
      const [key, row] = entry as readonly [string, RowInput<C>];
      this.#rows.wireKey(key);
      return { key, row: this.#rows.fields.draft.copy(row) };
    });
    return inGroups(list, ({ key, row }) => this.set(key, row, options));
  }

  /** Does `delete` for each key. */
  async deleteMany(keys: Iterable<string>): Promise<boolean[]> {
    this.#assertOpen();
    const list = listOf('keys', keys);
    for (const key of list) this.#rows.wireKey(key);
    return inGroups(list, (key) => this.delete(key));
  }

  /**
   * Adds `by` to a number. A missing row is created. `ttl` sets the lifetime at every call, `ttlIfNew` only when this
   * call creates the row.
   *
   * @throws {ShmTableError} `ERR_VALUE_RANGE` when the result would leave the range of the column, or of finite
   *   numbers; row and revision are unchanged.
   * @throws {ShmTableError} `ERR_COLUMN_TYPE` when the column does not hold numbers.
   */
  increment<K extends NumericColumn<C>>(
    key: string,
    column: K,
    by: ColumnInput<C[K]> | number = 1,
    options?: IncrementOptions,
  ): Promise<Incremented<Row<C>[K]>> {
    return this.#add(key, column, by, options, 1) as Promise<Incremented<Row<C>[K]>>;
  }

  /** Subtracts `by` from a number: `increment` by `-by`. */
  decrement<K extends NumericColumn<C>>(
    key: string,
    column: K,
    by: ColumnInput<C[K]> | number = 1,
    options?: IncrementOptions,
  ): Promise<Incremented<Row<C>[K]>> {
    return this.#add(key, column, by, options, -1) as Promise<Incremented<Row<C>[K]>>;
  }

  async #add(
    key: string,
    column: string,
    by: unknown,
    options: IncrementOptions = {},
    sign: 1 | -1,
  ): Promise<Incremented> {
    this.#assertOpen();
    checkOptions(options, INCREMENT_OPTIONS);
    const { value, revision, created } = await this.#rows.increment(key, column, by as number | bigint, options, sign);
    return { value, revision, created };
  }

  /** Writes the named columns if the row has these values (at least one), or this revision; else resolves to false. */
  async compareAndSet(
    key: string,
    expected: Expected<C>,
    row: RowInput<C>,
    options: WriteOptions = {},
  ): Promise<Written | false> {
    this.#assertOpen();
    const encoded = this.#encodeExpected(expected);
    checkOptions(options, WRITE_OPTIONS);
    return writtenOrNot(await this.#rows.write('update', key, row, options, encoded));
  }

  /** Removes the row if it is as expected; else resolves to false. */
  async compareAndDelete(key: string, expected: Expected<C>): Promise<boolean> {
    this.#assertOpen();
    const encoded = this.#encodeExpected(expected);
    return (await this.#rows.remove(key, {}, encoded)).outcome === 'deleted';
  }

  #encodeExpected(expected: Expected<C>): EncodedExpectation {
    return readExpected(expected, (named) => {
      const columns = this.#rows.fields.encodeExpected(named);
      return columns.length === 0 ? undefined : { columns };
    });
  }

  /**
   * Passes the row, read at its primary (`undefined` if there is none), to `change` and writes what it returns, repeating
   * both until no other write has come in between. Resolves to the new row, or to `undefined` when `change` returned
   * `undefined` and nothing was written. `change` may run more than once and must be synchronous.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `change` is not a function or returns a promise.
   * @throws {ShmTableError} `ERR_LOCK_TIMEOUT` when others kept writing the row in between, for `timeoutMs` and at least
   *   100 tries.
   */
  async modify(
    key: string,
    change: (row: Row<C> | undefined) => RowInput<C> | undefined,
    options: WriteOptions = {},
  ): Promise<Row<C> | undefined> {
    this.#assertOpen();
    if (typeof change !== 'function') {
      throw new ShmTableError('ERR_ARGUMENT', `the callback must be a function, got ${show(change)}`);
    }
    checkOptions(options, WRITE_OPTIONS);
    const { fields, nodes } = this.#rows;
    const hasThen = Object.hasOwn(this.columns, 'then');
    const deadline = monotonicMs() + nodes.connection.timeoutMs;
    for (let tries = 1; ; tries++) {
      const before = await this.#rows.read(key);
      const changes = change(before?.row);
      if (changes === undefined) return undefined;
      checkSynchronous(changes, hasThen);
      const partial = fields.draft.copy(changes);
      const { outcome } =
        before === undefined
          ? await this.#rows.write('insert', key, partial, options)
          : await this.#rows.write('update', key, partial, { ...options, ifRevision: before.revision });
      if (outcome === 'inserted' || outcome === 'updated') return fields.draft.merge(before?.row, partial);
      if (tries >= LEAST_TRIES && monotonicMs() > deadline) {
        throw new ShmTableError(
          'ERR_LOCK_TIMEOUT',
          `table ${this.name}: modify of key ${show(key)} was overtaken by other writes ${tries} times`,
        );
      }
      await pause(Math.random() * Math.min(tries, 20));
    }
  }

  /** Sets the row's lifetime in milliseconds from now, or removes it with `null`; false when there is no such row. */
  async expire(key: string, ttl: number | null): Promise<Written | false> {
    this.#assertOpen();
    if (ttl !== null) checkLifetime(ttl);
    return writtenOrNot(await this.#rows.expire(key, ttl));
  }

  // ---- all rows ----

  /**
   * Awaited, reads a page as `Table.scan` does; iterated over with `for await`, returns all rows from the cursor on. In a
   * cluster a row that exists throughout comes exactly once, also while slots are being moved. O(slots + rows).
   */
  scan<K extends keyof C & string = keyof C & string>(options: ScanOptions<C, K> = {}): ClusterScan<C, K> {
    this.#assertOpen();
    return new ClusterScan<C, K>({ rows: this.#rows, assertOpen: () => this.#assertOpen() }, options);
  }

  /** Counts the rows whose keys begin with `prefix`. Not exact while others write. O(slots + rows). */
  async count(options: { readonly prefix?: string | undefined } = {}): Promise<number> {
    checkOptions(options, ['prefix']);
    let count = 0;
    for await (const keys of this.#walk(options.prefix)) count += keys.length;
    return count;
  }

  /** Removes all rows, one by one, and resolves to how many; rows written meanwhile may stay. O(slots + rows). */
  clear(): Promise<number> {
    return this.#removeAll('');
  }

  /** Removes the rows whose keys begin with `prefix`, as `clear` does. */
  deletePrefix(prefix: string): Promise<number> {
    return this.#removeAll(prefix);
  }

  async #removeAll(prefix: string): Promise<number> {
    let removed = 0;
    for await (const keys of this.#walk(prefix)) {
      for (const done of await inGroups(keys, (key) => this.delete(key))) if (done) removed++;
    }
    return removed;
  }

  async *#walk(prefix: string | undefined): AsyncGenerator<readonly string[]> {
    this.#assertOpen();
    const { nodes, prefix: start } = this.#rows;
    for await (const { keys } of new KeyWalk(nodes, start).groups(undefined, checkPrefix(prefix ?? ''))) {
      this.#assertOpen();
      yield keys;
    }
  }

  // ---- about the table ----

  /** Whether this handle can be used. Never throws. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** What this handle knows, without asking the cluster. */
  stats(): ClusterTableStats {
    this.#assertOpen();
    const { nodes, unknownOutcomes } = this.#rows;
    const { primaries } = nodes;
    const stats = {
      primaries: primaries.length,
      connected: primaries.filter((node) => node.isReady).length,
      unknownOutcomes,
    };
    return this.#near === undefined ? stats : { ...stats, near: this.#near.stats() };
  }

  /** Ends the connections of this handle. What is under way fails. The table stays. Calling it again has no effect. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#rows.nodes.close();
    if (this.#near === undefined) return;
    // What was under way has failed, and may have been executed: the rows that this host has are removed before.
    await this.#rows.idle();
    await this.#near.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // ---- what a table in a cluster cannot do ----

  /** @throws {ShmTableError} `ERR_BACKEND_UNSUPPORTED` always. */
  get size(): never {
    throw unsupported('size', 'count() asks all servers');
  }

  /** @throws {ShmTableError} `ERR_BACKEND_UNSUPPORTED` always. */
  snapshot(): never {
    throw unsupported('snapshot', 'use `shmtable dump`, or the RDB files of the servers');
  }

  /** @throws {ShmTableError} `ERR_BACKEND_UNSUPPORTED` always. */
  watch(): never {
    throw unsupported('watch', 'a cluster announces which keys change, but neither keeps nor orders the changes');
  }

  /** @throws {ShmTableError} `ERR_BACKEND_UNSUPPORTED` always. */
  verify(): never {
    throw unsupported('verify', 'the servers check their own data (redis-cli --cluster check)');
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new ShmTableError('ERR_TABLE_CLOSED', `table ${this.name}: this handle is closed`);
  }
}

interface ClusterParts {
  readonly rows: ClusterRows;
  readonly near: NearTable<Columns> | undefined;
}

const partsOf = new WeakMap<object, ClusterParts>();

/** What a table is built from, for the service and the command: its operations, and the rows that this host has. */
export function clusterPartsOf<C extends Columns>(table: { readonly name: string; readonly columns: C }): ClusterParts {
  const parts = partsOf.get(table);
  if (parts === undefined) throw new ShmTableError('ERR_INTERNAL', `table ${table.name} has nothing under it`);
  return parts;
}

/** Its operations. */
export function clusterRowsOf<C extends Columns>(table: {
  readonly name: string;
  readonly columns: C;
}): ClusterRows<C> {
  return clusterPartsOf(table).rows as unknown as ClusterRows<C>;
}

function unsupported(what: string, instead: string): ShmTableError {
  return new ShmTableError('ERR_BACKEND_UNSUPPORTED', `a table in a cluster has no ${what}: ${instead}`);
}

function written({ outcome, revision }: { readonly outcome: string; readonly revision: number }): Written {
  return { revision, created: outcome === 'inserted' };
}

function writtenOrNot(result: { readonly outcome: string; readonly revision: number }): Written | false {
  return result.outcome === 'inserted' || result.outcome === 'updated' ? written(result) : false;
}

/** Returns whether `fresh` is given. */
function checkReadOptions(options: ReadOptions): boolean {
  checkOptions(options, ['fresh']);
  const fresh: unknown = options.fresh;
  if (fresh === undefined || typeof fresh === 'boolean') return fresh === true;
  throw new ShmTableError('ERR_ARGUMENT', `fresh must be true or false, got ${show(fresh)}`);
}

function listOf<T>(what: string, items: Iterable<T>): T[] {
  if (typeof items === 'object' && items !== null && Symbol.iterator in items) return [...items];
  throw new ShmTableError('ERR_ARGUMENT', `${what} must be iterable, got ${show(items)}`);
}

/** Does something with each item, with a limited number at a time, and returns the results in order. */
async function inGroups<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += KEYS_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + KEYS_AT_ONCE).map(work))));
  }
  return results;
}
