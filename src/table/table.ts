import { types } from 'node:util';
import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import type { ChangeWatch } from './changes/change-watch.js';
import type { Accumulator } from './hot/add-to-column.js';
import type { Outcome, WriteMode } from './hot/write.js';
import { bytesByPurpose, columnsOf, layOutSegment } from './layout/segment.js';
import { PID } from './layout/slot.js';
import { listTables } from './list.js';
import { forEachKey, listKeys, readKeys, readRows, writeEachKey } from './many-rows.js';
import {
  attachOrClose,
  createTable,
  destroySegment,
  destroyTable,
  type OpenedTable,
  openOrCreateTable,
  openTable,
} from './open.js';
import {
  CLEAR_OPTIONS,
  CONDITIONAL_OPTIONS,
  INCREMENT_OPTIONS,
  LOOKUP_OPTIONS,
  REMOVE_OPTIONS,
  TABLE_OPTIONS,
  WATCH_OPTIONS,
  WRITE_OPTIONS,
} from './option-names.js';
import { type AttachOptions, integer, parseAttach, parseNamespace, parseSchema } from './options.js';
import { watchRow } from './own-writes.js';
import { type Expectation, fulfils, parseExpected } from './precondition.js';
import { Retries } from './retries.js';
import { SharedParts } from './shared-parts.js';
import { SnapshotReader } from './snapshot/reader.js';
import { checkSnapshot, loadSnapshot, restoredOptions, snapshotOf } from './snapshot/snapshot.js';
import { writeSnapshot } from './snapshot/writer.js';
import { attachedSlots, countLiveRows, readCounts, readStats } from './stats.js';
import { TableHandle } from './table-handle.js';
import { Turns } from './turns.js';
import type {
  BackendName,
  Change,
  ClearOptions,
  ColumnInput,
  Columns,
  Entry,
  Expected,
  Gap,
  IncrementOptions,
  LookupOptions,
  NumericColumn,
  OpenOptions,
  RestoreOptions,
  Row,
  RowInput,
  ScanOptions,
  ScanPage,
  TableBytes,
  TableCounts,
  TableInfo,
  TableOptions,
  TableStats,
  Verification,
  WatchOptions,
  WriteOptions,
} from './types.js';
import { verifyTable } from './verify.js';

/** Further conditions of the service's writes. */
export interface ConditionalOptions extends WriteOptions {
  /** Only if the row has this revision. */
  readonly ifRevision?: number | undefined;
  /** In the place of `ttl`: when the row expires, in whole epoch milliseconds, or null. */
  readonly expiresAt?: number | null | undefined;
}

/** Milliseconds of work of `clear` and `deletePrefix` between two turns of the event loop. */
const YIELD_MS = 5;
const MAX_YIELD_MS = 60_000;
/** Empty buckets that are passed before the time is looked at again. */
const BUCKETS_AT_ONCE = 2 ** 14;

/**
 * A typed hash table in shared memory: rows that every process of the machine reads and writes as if they were in a
 * `Map` of its own. Everything is synchronous.
 *
 * Readers never wait, for nobody. Writers wait for another writer of the same bucket, at most `lockTimeoutMs`
 * (`ERR_LOCK_TIMEOUT`), and never for a dead one. Every method throws `ERR_TABLE_CLOSED` after `close`, and in all
 * processes after `destroy`; `ERR_KEY_INVALID` for a key that is not 1 to `maxKeyBytes` bytes of well-formed UTF-8;
 * `ERR_COLUMN_UNKNOWN` for a column that the schema lacks. Methods that write throw `ERR_READ_ONLY` on a read-only
 * handle. Operations on one key are O(1).
 */
export class Table<const C extends Columns = Columns> implements Iterable<[string, Row<C>]> {
  readonly name: string;
  readonly namespace: string;
  readonly backend: BackendName;
  readonly readOnly: boolean;
  readonly capacity: number;
  readonly columns: C;
  readonly maxKeyBytes: number;
  readonly evict: 'none' | 'lru';
  readonly changes: number;
  readonly maxParticipants: number;

  readonly #attach: AttachOptions;
  readonly #parts: TableHandle<C>;

  private constructor(parts: TableHandle<C>, options: AttachOptions) {
    // Private in TypeScript only.
    if (!(parts instanceof TableHandle)) {
      throw new ShmTableError(
        'ERR_ARGUMENT',
        'a Table is made by Table.create, Table.open or Table.openOrCreate, not by new',
      );
    }
    const { schema } = parts.memory.layout;
    this.name = options.name;
    this.namespace = options.namespace;
    this.backend = parts.segment.backend;
    this.readOnly = options.readOnly;
    this.capacity = schema.capacity;
    this.maxKeyBytes = schema.maxKeyBytes;
    this.evict = schema.evict;
    this.changes = schema.changes;
    this.maxParticipants = schema.maxParticipants;
    // What was parsed from the same text that C was inferred from, or C is the general Columns.
    this.columns = Object.freeze(columnsOf(schema)) as C;
    this.#attach = options;
    this.#parts = parts;
  }

  // ---- making, finding, removing ----

  /**
   * Makes a table. `ERR_TABLE_EXISTS` when there is one of this name, `ERR_SCHEMA_INVALID` or `ERR_ARGUMENT` for bad
   * options, `ERR_SEGMENT_NO_SPACE` and `ERR_SEGMENT_TOO_LARGE` when the memory cannot be had. All of it is reserved
   * now: a table made never fails for lack of memory later.
   */
  static create<const C extends Columns>(options: TableOptions<C>): Table<C> {
    checkOptions(options, TABLE_OPTIONS);
    const attach = parseAttach(options);
    const schema = parseSchema(options);
    if (attach.readOnly)
      throw new ShmTableError('ERR_READ_ONLY', `a table cannot be made with readOnly: ${attach.name}`);
    return createTable(attach, schema, (opened) => Table.#attachTo<C>(opened, attach));
  }

  /**
   * Attaches to a table that exists: `ERR_TABLE_NOT_FOUND` otherwise. The schema comes from the segment; if `columns`
   * are given, or another property of the schema, they must be the same (`ERR_SCHEMA_MISMATCH`).
   * `ERR_LAYOUT_VERSION`, `ERR_TABLE_CORRUPT`, `ERR_PERMISSION`, `ERR_TOO_MANY_PARTICIPANTS`.
   */
  static open<const C extends Columns = Columns>(name: string, options: OpenOptions<C> = {}): Table<C> {
    checkOptions(options, TABLE_OPTIONS);
    checkName(name, options);
    const attach = parseAttach({ ...options, name });
    const shared = SharedParts.find(attach, options);
    if (shared !== undefined) return Table.#over<C>(shared, attach);
    return attachOrClose(openTable(attach, options), (opened) => Table.#attachTo<C>(opened, attach));
  }

  /** Attaches to the table, or makes it if it is missing; free of races between processes. Throws as both do. */
  static openOrCreate<const C extends Columns>(options: TableOptions<C>): Table<C> {
    checkOptions(options, TABLE_OPTIONS);
    const attach = parseAttach(options);
    const schema = parseSchema(options);
    const wanted = { ...schema, columns: options.columns };
    const shared = SharedParts.find(attach, wanted);
    if (shared !== undefined) return Table.#over<C>(shared, attach);
    return openOrCreateTable(attach, schema, wanted, (opened) => Table.#attachTo<C>(opened, attach));
  }

  static #attachTo<C extends Columns>(opened: OpenedTable, attach: AttachOptions): Table<C> {
    return Table.#over<C>(SharedParts.of(opened, attach), attach);
  }

  static #over<C extends Columns>(shared: SharedParts, attach: AttachOptions): Table<C> {
    return new Table<C>(new TableHandle<C>(shared, attach), attach);
  }

  /**
   * The tables of a namespace, as the system has them. Damaged ones and ones of others are left out. A table in a file
   * is listed while somebody has it open, or when its `path` is given.
   */
  static list(options: LookupOptions = {}): TableInfo[] {
    checkOptions(options, LOOKUP_OPTIONS);
    const namespace = parseNamespace(options.namespace);
    return listTables(namespace, options, (name, where) => {
      const table = Table.open(name, { namespace, ...where, readOnly: true });
      try {
        return table.#describe();
      } finally {
        table.close();
      }
    });
  }

  /** Destroys a table by name: `ERR_TABLE_NOT_FOUND` if it is missing. See `destroy`. */
  static destroy(name: string, options: LookupOptions = {}): void {
    checkOptions(options, TABLE_OPTIONS);
    checkName(name, options);
    destroyTable(parseAttach({ ...options, name, readOnly: false }));
  }

  /** Bytes of shared memory that a table of these options takes, by purpose. Makes nothing. */
  static bytesFor(options: TableOptions<Columns>): TableBytes {
    checkOptions(options, TABLE_OPTIONS);
    parseAttach(options);
    return bytesByPurpose(layOutSegment(parseSchema(options)));
  }

  // ---- reading ----

  /** The row as a new object, or one of its columns; `undefined` when there is no row. */
  get(key: string): Row<C> | undefined;
  get<K extends keyof C & string>(key: string, column: K): Row<C>[K] | undefined;
  get(key: string, column?: string): unknown {
    return column === undefined ? this.#parts.rows(key) : this.#parts.valuesOf(column)(key);
  }

  /** The row with its key, revision and expiry, all of one commit (but for an increment's value: it may be newer). */
  entry(key: string): Entry<C> | undefined {
    return this.#parts.entries(key);
  }

  has(key: string): boolean {
    return this.#parts.presence(key) === true;
  }

  /**
   * `get` of each key, in the order given: rows, `undefined` where there is none. Faster than one `get` after the other
   * in a large table, since buckets and rows are loaded ahead. Each row is as one commit left it; together they are no
   * snapshot.
   */
  getMany(keys: Iterable<string>): (Row<C> | undefined)[] {
    this.#parts.assertOpen();
    const { rows } = this.#parts;
    const list = listKeys(keys);
    const found = new Array<Row<C> | undefined>(list.length);
    forEachKey(
      list,
      (group) => this.loadAhead(group),
      (text, i) => {
        found[i] = rows(text);
      },
    );
    return found;
  }

  /**
   * Rows that have not expired. O(maxParticipants) while nothing has expired since the last look; otherwise it looks at
   * the parts of the table, some 3,600 rows each, in which rows have expired, and a handle that can write sweeps there.
   */
  get size(): number {
    this.#parts.assertOpen();
    const { memory, expired, writing } = this.#parts;
    return countLiveRows(memory, expired, writing?.sweeper);
  }

  // ---- writing ----

  /** Writes the named columns; a new row's others are zero, false or empty. `ERR_TABLE_FULL` for a new row too many. */
  set(key: string, row: RowInput<C>, options?: WriteOptions): this {
    this.#write('set', key, row, options);
    return this;
  }

  /** Writes the whole row: columns not named become zero, false or empty. */
  put(key: string, row: RowInput<C>, options?: WriteOptions): this {
    this.#write('put', key, row, options);
    return this;
  }

  /** Writes the row only if there is none; of several processes exactly one wins. */
  insert(key: string, row: RowInput<C>, options?: WriteOptions): boolean {
    return this.#write('insert', key, row, options) === 'inserted';
  }

  /** Writes the named columns only if there is a row. */
  update(key: string, row: RowInput<C>, options?: WriteOptions): boolean {
    return this.#write('update', key, row, options) === 'updated';
  }

  /** Removes the row; whether there was one. */
  delete(key: string): boolean {
    return this.#parts.writer.remove(key) === 'deleted';
  }

  /** Reads and removes the row in one step: of several processes exactly one gets it. */
  take(key: string): Row<C> | undefined {
    let row: Row<C> | undefined;
    this.#parts.writer.remove(key, undefined, (at) => {
      row = this.#parts.codec.read(at);
    });
    return row;
  }

  /**
   * `set` of each `[key, row]`, in the order given; a key that comes twice is written twice. All keys and rows are read
   * and checked before anything is written. No transaction: what stops it in the middle, `ERR_TABLE_FULL` or
   * `ERR_LOCK_TIMEOUT`, says as `completed` how many had been written.
   */
  setMany(entries: Iterable<readonly [key: string, row: RowInput<C>]>, options?: WriteOptions): this {
    this.#parts.assertWritable();
    const { ttl } = readWriteOptions(options);
    const { keys, rows } = readRows(entries, this.#parts.key, this.#parts.draft);
    writeEachKey(
      keys,
      (group) => this.loadAhead(group),
      (key, i) => this.#parts.writer.write('set', key, rows[i], this.#expiryOf({ ttl })),
    );
    return this;
  }

  /**
   * `delete` of each key, in the order given: for each whether there was a row. All keys are checked before anything is
   * removed. No transaction: what stops it in the middle, `ERR_LOCK_TIMEOUT`, says as `completed` how many were done.
   */
  deleteMany(keys: Iterable<string>): boolean[] {
    this.#parts.assertWritable();
    const list = readKeys(keys, this.#parts.key);
    const deleted = new Array<boolean>(list.length);
    writeEachKey(
      list,
      (group) => this.loadAhead(group),
      (key, i) => {
        deleted[i] = this.delete(key);
      },
    );
    return deleted;
  }

  /**
   * Removes every row whose key begins with `prefix`; how many. Looks at each row of the table once, in turns with this
   * thread's other work: rows that others insert meanwhile may stay. Rejects as `delete` throws, `ERR_TABLE_CLOSED` when
   * the table is closed or destroyed meanwhile; what was removed by then is gone.
   */
  async deletePrefix(prefix: string): Promise<number> {
    if (typeof prefix !== 'string') {
      throw new ShmTableError('ERR_ARGUMENT', `prefix must be a string, got ${show(prefix)}`);
    }
    return this.#inTurns(YIELD_MS, (bucket) => {
      const { reader, scan, writer } = this.#parts;
      let deleted = 0;
      for (const { key } of reader.chain(bucket, scan.keys)) {
        if (key.startsWith(prefix) && writer.remove(key) === 'deleted') deleted++;
      }
      return deleted;
    });
  }

  /**
   * Removes every row, one by one: rows written meanwhile may stay. Buckets that others hold come last; when one stays
   * locked, all that were not have been cleared before it throws `ERR_LOCK_TIMEOUT`. With options it is a promise of how many it removed,
   * and takes turns with this thread's other work; rejects like `deletePrefix`.
   */
  clear(): void;
  clear(options: ClearOptions): Promise<number>;
  clear(options?: ClearOptions): Promise<number> | undefined {
    if (options !== undefined) return this.#clearInTurns(options);
    const locked: number[] = [];
    this.clearFrom(0, this.#parts.memory.homeBuckets, locked);
    this.clearLocked(locked);
    return undefined;
  }

  async #clearInTurns(options: ClearOptions): Promise<number> {
    checkOptions(options, CLEAR_OPTIONS);
    const yieldMs = integer('yieldMs', options.yieldMs ?? YIELD_MS, 1, MAX_YIELD_MS);
    return this.#inTurns(yieldMs, (bucket) => this.#parts.writer.clearBucket(bucket, true));
  }

  /**
   * Calls `remove` for each bucket that has rows, once, and adds up how many it removed. Those that are locked come last.
   * Ends whatever others insert.
   */
  async #inTurns(yieldMs: number, remove: (bucket: number) => number): Promise<number> {
    const turns = new Turns(yieldMs);
    const locked: number[] = [];
    let removed = 0;
    for (let bucket = 0; ; ) {
      // Before anything else: after a turn of others the memory may be gone.
      this.#parts.assertWritable();
      const { homeBuckets } = this.#parts.memory;
      const end = Math.min(bucket + BUCKETS_AT_ONCE, homeBuckets);
      bucket = this.#parts.reader.chains.nextFilled(bucket, end);
      if (bucket < end) {
        if (this.#parts.memory.isLocked(bucket)) locked.push(bucket);
        else removed += remove(bucket);
        bucket++;
      }
      if (bucket >= homeBuckets) break;
      if (turns.isOver) await turns.next();
    }
    for (const bucket of locked) {
      this.#parts.assertWritable();
      removed += remove(bucket);
      if (turns.isOver) await turns.next();
    }
    return removed;
  }

  /**
   * A part of `clear`, of so many buckets from a number on. Returns the number to go on with, undefined at the end. Waits
   * for nobody: buckets that were locked are added to `locked`, for `clearLocked` at the end of all parts.
   */
  clearFrom(begin: number, buckets: number, locked: number[]): number | undefined {
    integer('begin', begin, 0, Number.MAX_SAFE_INTEGER);
    integer('buckets', buckets, 1, Number.MAX_SAFE_INTEGER);
    if (!Array.isArray(locked)) throw new ShmTableError('ERR_ARGUMENT', `locked must be an array, got ${show(locked)}`);
    const { writer, memory, reader } = this.#parts;
    const end = Math.min(begin + buckets, memory.homeBuckets);
    for (let bucket = begin; ; bucket++) {
      bucket = reader.chains.nextFilled(bucket, end);
      if (bucket >= end) break;
      writer.clearBucket(bucket, false);
      if (reader.chains.nextFilled(bucket, bucket + 1) === bucket) locked.push(bucket);
    }
    return end < memory.homeBuckets ? end : undefined;
  }

  /** Clears buckets that `clearFrom` left, and waits for whoever holds them. `ERR_LOCK_TIMEOUT`. */
  clearLocked(locked: readonly number[]): void {
    if (!Array.isArray(locked)) throw new ShmTableError('ERR_ARGUMENT', `locked must be an array, got ${show(locked)}`);
    const { writer, memory } = this.#parts;
    for (const bucket of locked) writer.clearBucket(integer('bucket', bucket, 0, memory.homeBuckets - 1), true);
  }

  /**
   * Adds `by` to a number and returns the new value; a missing row is created, and an expired one is missing.
   * `ERR_VALUE_RANGE` when the value would leave the column's range, or the finite range, `ERR_COLUMN_TYPE` for a column
   * that holds no number.
   *
   * `ttl` sets the lifetime of the row at every call; `ttlIfNew` only when the row is made by it, so that counting ends
   * some time after it began. Without either a row keeps what it has, and a new one lives until it is removed.
   */
  increment<K extends NumericColumn<C>>(
    key: string,
    column: K,
    by: ColumnInput<C[K]> | number = 1,
    options?: IncrementOptions,
  ): Row<C>[K] {
    const numeric = this.#parts.accumulator(column);
    return this.#add(key, numeric, numeric.addend(by), options) as Row<C>[K];
  }

  /** `increment` by the opposite. */
  decrement<K extends NumericColumn<C>>(
    key: string,
    column: K,
    by: ColumnInput<C[K]> | number = 1,
    options?: IncrementOptions,
  ): Row<C>[K] {
    const numeric = this.#parts.accumulator(column);
    return this.#add(key, numeric, -numeric.addend(by), options) as Row<C>[K];
  }

  #add(key: string, column: Accumulator, by: number | bigint, options: IncrementOptions | undefined): number | bigint {
    if (options === undefined) {
      const { writer } = this.#parts;
      writer.increment(key, column, by, undefined);
      return writer.value;
    }
    checkOptions(options, INCREMENT_OPTIONS);
    const { ttl, ttlIfNew } = options;
    if (ttl !== undefined) checkTtl(ttl);
    if (ttlIfNew !== undefined) checkTtl(ttlIfNew, 'ttlIfNew');
    const { writer } = this.#parts;
    const expiresAt = ttl === undefined ? undefined : this.#expiryOf({ ttl });
    writer.increment(key, column, by, expiresAt, undefined, ttlIfNew);
    return writer.value;
  }

  /**
   * Writes the named columns if the row is as expected: has these values (at least one), or this revision. False when
   * it is not, or is missing. -0 equals only -0, NaN equals NaN, and float32 rounds what is expected first.
   */
  compareAndSet(key: string, expected: Expected<C>, row: RowInput<C>, options?: WriteOptions): boolean {
    this.#parts.assertWritable();
    const expectation = parseExpected(expected, this.#parts.draft);
    const given = this.#parts.draft.copy(row);
    const { ttl } = readWriteOptions(options);
    return this.#whileExpected(key, expectation, (revision) =>
      this.#parts.writer.write('update', key, given, this.#expiryOf({ ttl }), revision),
    );
  }

  /** Removes the row if it is as expected. False when it is not, or is missing. */
  compareAndDelete(key: string, expected: Expected<C>): boolean {
    this.#parts.assertWritable();
    const expectation = parseExpected(expected, this.#parts.draft);
    return this.#whileExpected(key, expectation, (revision) => this.#parts.writer.remove(key, revision));
  }

  /**
   * Gives the row (`undefined` if missing) to `change` and writes what it returns, again and again until nobody else
   * has written in between; `undefined` stops. Returns the new row, or `undefined` when stopped. `change` may run
   * more than once, must be synchronous, and returns what is to be written instead of writing this row itself:
   * `ERR_ARGUMENT` when it did so ten times. `ERR_LOCK_TIMEOUT` when others wrote the row in between for `lockTimeoutMs`
   * and 1,000 tries at least.
   */
  modify(
    key: string,
    change: (row: Row<C> | undefined) => RowInput<C> | undefined,
    options?: WriteOptions,
  ): Row<C> | undefined {
    this.#parts.assertWritable();
    checkCallback(change);
    const { ttl } = readWriteOptions(options);
    let retries: Retries | undefined;
    for (;;) {
      const entry = this.entry(key);
      const watched = watchRow(this.#parts.memory, this.#parts.key.hash, () => change(entry?.row));
      const changes = watched.result;
      if (changes === undefined) return undefined;
      checkSynchronous(changes, 'then' in this.columns);
      const partial = this.#parts.draft.copy(changes);
      const outcome =
        entry === undefined
          ? this.#parts.writer.write('insert', key, partial, this.#expiryOf({ ttl }))
          : this.#parts.writer.write('update', key, partial, this.#expiryOf({ ttl }), entry.revision);
      if (outcome === 'inserted' || outcome === 'updated') return this.#parts.draft.merge(entry?.row, partial);
      retries ??= this.#retries(`modify of key ${show(key)}`);
      retries.next(watched.written);
    }
  }

  #retries(what: string): Retries {
    return new Retries(`table ${this.name}: ${what}`, this.#attach.lockTimeoutMs);
  }

  /** Sets the row's lifetime in milliseconds from now, or none for `null`; whether there is such a row. */
  expire(key: string, ttl: number | null): boolean {
    const { writer } = this.#parts;
    if (ttl !== null) checkLifetime(ttl);
    return writer.expire(key, ttl === null ? 0 : this.#parts.clock.after(ttl)) === 'updated';
  }

  /** Milliseconds that the row has left, `Infinity` when it does not expire, `undefined` when there is none. */
  ttl(key: string): number | undefined {
    const expiresAt = this.#parts.expiries(key);
    if (expiresAt === undefined) return undefined;
    return expiresAt === 0 ? Number.POSITIVE_INFINITY : this.#parts.clock.left(expiresAt);
  }

  // ---- all rows ----

  *keys(): IterableIterator<string> {
    for (const chain of this.#parts.scan.chains(this.#parts.scan.keys, this.#parts.proceed))
      for (const { key } of chain) yield key;
  }

  *values(): IterableIterator<Row<C>> {
    for (const chain of this.#parts.scan.chains(this.#parts.scan.keysAndRows, this.#parts.proceed)) {
      for (const { row } of chain) yield row;
    }
  }

  *entries(): IterableIterator<[string, Row<C>]> {
    for (const chain of this.#parts.scan.chains(this.#parts.scan.keysAndRows, this.#parts.proceed)) {
      for (const { key, row } of chain) yield [key, row];
    }
  }

  [Symbol.iterator](): IterableIterator<[string, Row<C>]> {
    return this.entries();
  }

  forEach(callback: (value: Row<C>, key: string, table: this) => void): void {
    checkCallback(callback);
    for (const [key, row] of this.entries()) callback(row, key, this);
  }

  /**
   * A page of rows: at most `limit` (1 .. 10,000, default 100), with the cursor of the next page or null at the end.
   * A row that is there from the first page to the last is on exactly one of them, whichever process asks for which.
   */
  scan<K extends keyof C & string = keyof C & string>(options: ScanOptions<C, K> = {}): ScanPage<C, K> {
    this.#parts.assertOpen();
    return this.#parts.scan.page(options, this.#parts.proceed);
  }

  /**
   * The changes from now on, or after `since`, as they are committed; those of one key in the order of their commits.
   * A reader that falls behind by more than the feed holds is told so by a `gap`. Nothing is polled. The iteration
   * keeps the process alive until `return` (the end of a `for await`); it throws `ERR_TABLE_CLOSED` when the table is
   * closed or destroyed, `ERR_SEGMENT_NO_SPACE` when the thread that waits cannot be made. `ERR_ARGUMENT` when the table
   * has no feed (`changes`).
   */
  watch(options: WatchOptions = {}): AsyncIterableIterator<Change | Gap> {
    return this.openWatch(options);
  }

  /** `watch`, with `poll` for who would rather not wait. */
  openWatch(options: WatchOptions = {}): ChangeWatch {
    checkOptions(options, WATCH_OPTIONS);
    const { prefix = '', since } = options;
    this.#parts.assertOpen();
    if (this.#parts.watches === undefined) {
      throw new ShmTableError('ERR_ARGUMENT', `table ${this.name} has no change feed: it was made with changes = 0`);
    }
    if (typeof prefix !== 'string') {
      throw new ShmTableError('ERR_ARGUMENT', `prefix must be a string, got ${show(prefix)}`);
    }
    if (since !== undefined) integer('since', since, 0, Number.MAX_SAFE_INTEGER);
    return this.#parts.watches.watch(prefix, since);
  }

  // ---- about the table ----

  /** Whether this handle can be used: neither closed, nor its table destroyed. Never throws. */
  get isOpen(): boolean {
    return !this.#parts.isClosed;
  }

  /** The options in force, defaults included, as `openOrCreate` takes them. Never throws. */
  get options(): TableOptions<C> {
    const { name, namespace, backend, readOnly, capacity, columns, maxKeyBytes, evict, changes, maxParticipants } =
      this;
    const { hugePages, lockTimeoutMs, path } = this.#attach;
    return {
      ...{ name, capacity, columns, maxKeyBytes, backend, hugePages, readOnly, namespace, evict, changes },
      ...{ lockTimeoutMs, maxParticipants },
      ...(path === undefined ? {} : { path }),
    };
  }

  /** Counts of rows and operations, over all processes. O(buckets): the longest chain is looked for. */
  stats(): TableStats {
    this.#parts.assertOpen();
    return readStats(this.#parts.memory, this.#parts.locks, this.#parts.writing?.participant);
  }

  /** The part of `stats` that costs little however large the table is: O(maxParticipants). */
  counts(): TableCounts {
    this.#parts.assertOpen();
    return readCounts(this.#parts.memory, this.#parts.locks, this.#parts.writing?.participant);
  }

  /** Checks every invariant of the segment. Sound only while nobody writes; settles what the dead have left first. */
  verify(): Verification {
    this.#parts.assertOpen();
    this.#parts.writing?.participant.settleDead();
    return verifyTable(this.#parts.memory);
  }

  /**
   * Writes all rows to a file while others go on writing: each row as one commit left it, every row that is there
   * throughout, none twice. The file appears under `path` only when it is whole and on disk; what was there before
   * stays until then. Takes turns with this thread's other work.
   */
  async snapshot(path: string): Promise<void> {
    this.#parts.assertOpen();
    checkPath(path);
    const table = {
      memory: this.#parts.memory,
      reader: this.#parts.reader,
      clock: this.#parts.clock,
      name: this.name,
    };
    await writeSnapshot(path, snapshotOf(table, this.#parts.proceed));
  }

  /**
   * Makes a table of a snapshot: named and sized as the one that it was taken of, unless `options` say otherwise; the
   * columns must be the same. Every sum in the file is checked before the table is made: `ERR_SNAPSHOT_DAMAGED` says
   * what is wrong and where. Expiries go on running while a snapshot lies on disk. `ERR_TABLE_EXISTS`,
   * `ERR_TABLE_FULL` when the rows do not fit, `ERR_SCHEMA_MISMATCH`, and what `create` throws.
   */
  static async restore<const C extends Columns = Columns>(
    path: string,
    options: RestoreOptions<C> = {},
  ): Promise<Table<C>> {
    checkPath(path);
    checkOptions(options, TABLE_OPTIONS);
    // The same file to the end, whatever snapshot comes to lie under the path meanwhile.
    const reader = await SnapshotReader.open(path);
    try {
      const snapshot = await checkSnapshot(reader);
      const wanted = restoredOptions(snapshot, options);
      const attach = parseAttach(wanted);
      const table = createTable(
        attach,
        parseSchema(wanted),
        (opened) => Table.#attachTo<C>(opened, attach),
        snapshot.revision + 1,
      );
      try {
        await loadSnapshot(reader, table.#parts.memory, table.#parts.writer, table.#parts.clock);
        return table;
      } catch (error) {
        table.destroy();
        throw error;
      }
    } finally {
      await reader.close();
    }
  }

  /** Settles the operations of participants that have died; how many had. Others do it when they meet their locks. */
  settleDead(): number {
    this.#parts.assertWritable();
    return this.#parts.writing?.participant.settleDead() ?? 0;
  }

  /** Detaches. The table stays. Twice is harmless. */
  close(): void {
    this.#parts.close();
  }

  /**
   * Removes the table: marks the segment, so that every handle in every process throws `ERR_TABLE_CLOSED` from then
   * on, and unlinks its name.
   */
  destroy(): void {
    this.#parts.assertWritable();
    destroySegment(this.#parts.segment);
    this.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // ---- for the service ----

  /**
   * A write that tells how it ended, and the revision and expiry (epoch milliseconds or null) that the row has then.
   */
  write(
    mode: WriteMode,
    key: string,
    row: RowInput<C>,
    options: ConditionalOptions = {},
  ): { outcome: Outcome; revision: number; expiresAt: number | null } {
    const { ttl, ifRevision, expiresAt: until } = readWriteOptions(options, CONDITIONAL_OPTIONS);
    const outcome = this.#parts.writer.write(mode, key, row, this.#expiryOf({ ttl, expiresAt: until }), ifRevision);
    const { revision, expiresAt } = this.#parts.writer;
    return { outcome, revision, expiresAt: this.#parts.clock.toWall(expiresAt) };
  }

  /** An increment that tells the revision and whether it created the row; 'mismatch' and 'absent' changed nothing. */
  incrementEntry(
    key: string,
    column: string,
    by: number | bigint = 1,
    options: ConditionalOptions = {},
  ): { outcome: Outcome; value: number | bigint; revision: number; created: boolean } {
    const { ttl, ifRevision, expiresAt } = readWriteOptions(options, CONDITIONAL_OPTIONS);
    const { writer } = this.#parts;
    const numeric = this.#parts.accumulator(column);
    const outcome = writer.increment(key, numeric, numeric.addend(by), this.#expiryOf({ ttl, expiresAt }), ifRevision);
    return { outcome, value: writer.value, revision: writer.revision, created: outcome === 'inserted' };
  }

  /** Brings the rows of up to MAX_KEYS_AHEAD keys, which will be asked for, near: see `Reader.loadAhead`. */
  loadAhead(keys: readonly string[]): void {
    this.#parts.assertOpen();
    if (!Array.isArray(keys)) throw new ShmTableError('ERR_ARGUMENT', `keys must be an array, got ${show(keys)}`);
    this.#parts.reader.loadAhead(keys);
  }

  /** A removal that tells how it ended and at what revision. */
  remove(
    key: string,
    options: { readonly ifRevision?: number | undefined } = {},
  ): { outcome: Outcome; revision: number } {
    checkOptions(options, REMOVE_OPTIONS);
    const { ifRevision } = options;
    const { writer } = this.#parts;
    const outcome = writer.remove(key, ifRevision);
    return { outcome, revision: writer.revision };
  }

  // ---- parts ----

  #describe(): TableInfo {
    const owners = attachedSlots(this.#parts.memory, this.#parts.locks, this.#parts.writing?.participant);
    return {
      name: this.name,
      columns: this.columns,
      capacity: this.capacity,
      rows: this.size,
      bytes: this.#parts.memory.layout.totalBytes,
      backend: this.backend,
      owners: owners.map((number) => this.#parts.memory.words[this.#parts.memory.slotWord(number) + PID]),
    };
  }

  #write(mode: WriteMode, key: string, row: RowInput<C>, options: WriteOptions | undefined): Outcome {
    if (options === undefined) return this.#parts.writer.write(mode, key, row, undefined);
    const { ttl } = readWriteOptions(options);
    return this.#parts.writer.write(mode, key, row, this.#expiryOf({ ttl }));
  }

  /** The expiry that a write gives its row: table time, 0 for none, undefined for the one that it has. */
  #expiryOf({ ttl, expiresAt }: ConditionalOptions): number | undefined {
    if (expiresAt !== undefined) return expiresAt === null ? 0 : this.#parts.clock.fromWall(expiresAt);
    if (ttl === undefined) return undefined;
    return ttl === null ? 0 : this.#parts.clock.after(ttl);
  }

  /** Runs `write` with the revision of the row that fulfils the condition, until nobody else wrote in between. */
  #whileExpected(key: string, expected: Expectation, write: (revision: number) => Outcome): boolean {
    if (expected.revision !== undefined) return isDone(write(expected.revision));
    let retries: Retries | undefined;
    for (;;) {
      const entry = this.entry(key);
      if (entry === undefined || !fulfils(entry.row, expected.values)) return false;
      const outcome = write(entry.revision);
      if (outcome !== 'mismatch') return isDone(outcome);
      retries ??= this.#retries(`a comparison with key ${show(key)}`);
      retries.next(false);
    }
  }
}

function isDone(outcome: Outcome): boolean {
  return outcome === 'updated' || outcome === 'deleted';
}

function readWriteOptions(options: ConditionalOptions = {}, known = WRITE_OPTIONS): ConditionalOptions {
  checkOptions(options, known);
  const { ttl, ifRevision, expiresAt } = options;
  checkTtl(ttl);
  return { ttl, ifRevision, expiresAt };
}

function checkPath(path: unknown): void {
  if (typeof path !== 'string' || path === '') {
    throw new ShmTableError('ERR_ARGUMENT', `path must be the path of a file, got ${show(path)}`);
  }
}

function checkTtl(ttl: number | null | undefined, name = 'ttl'): void {
  if (ttl !== undefined && ttl !== null) checkLifetime(ttl, name);
}

function checkLifetime(ttl: number, name = 'ttl'): void {
  integer(name, ttl, 1, Number.MAX_SAFE_INTEGER);
}

/** One object of options does for `create`, `open` and `destroy`; a name in it is the table's. */
function checkName(name: string, options: object): void {
  const given: unknown = Reflect.get(options, 'name');
  if (given === undefined || given === name) return;
  throw new ShmTableError(
    'ERR_ARGUMENT',
    `the table is named twice: ${show(name)} and, in the options, ${show(given)}`,
  );
}

function checkCallback(callback: unknown): void {
  if (typeof callback === 'function') return;
  throw new ShmTableError('ERR_ARGUMENT', `the callback must be a function, got ${show(callback)}`);
}

/** A promise has no columns: by the time it is kept, the row may be another. */
function checkSynchronous(changes: object, hasThen: boolean): void {
  const isThenable = !hasThen && changes instanceof Object && 'then' in changes && typeof changes.then === 'function';
  if (!isThenable && !types.isPromise(changes)) return;
  throw new ShmTableError(
    'ERR_ARGUMENT',
    'the callback must be synchronous and return a row, got a promise: await first what it needs, then modify the row',
  );
}
