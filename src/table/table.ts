import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import { putUnder, TableEngine } from './engine.js';
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
import { INCREMENT_OPTIONS, LOOKUP_OPTIONS, TABLE_OPTIONS } from './option-names.js';
import { type AttachOptions, parseAttach, parseNamespace, parseSchema } from './options.js';
import { SharedParts } from './shared-parts.js';
import { SnapshotReader } from './snapshot/reader.js';
import { checkSnapshot, loadSnapshot, restoredOptions, snapshotOf } from './snapshot/snapshot.js';
import { writeSnapshot } from './snapshot/writer.js';
import { attachedSlots, countLiveRows, readStats } from './stats.js';
import { TableHandle } from './table-handle.js';
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
  TableInfo,
  TableOptions,
  TableStats,
  Verification,
  WatchOptions,
  WriteOptions,
} from './types.js';
import { verifyTable } from './verify.js';
import { checkLifetime, checkTtl, expiryOf, readWriteOptions } from './write-options.js';

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
  readonly #handle: TableHandle<C>;
  readonly #engine: TableEngine<C>;

  private constructor(handle: TableHandle<C>, options: AttachOptions) {
    // Private in TypeScript only.
    if (!(handle instanceof TableHandle)) {
      throw new ShmTableError(
        'ERR_ARGUMENT',
        'a Table is made by Table.create, Table.open or Table.openOrCreate, not by new',
      );
    }
    const { schema } = handle.memory.layout;
    this.name = options.name;
    this.namespace = options.namespace;
    this.backend = handle.segment.backend;
    this.readOnly = options.readOnly;
    this.capacity = schema.capacity;
    this.maxKeyBytes = schema.maxKeyBytes;
    this.evict = schema.evict;
    this.changes = schema.changes;
    this.maxParticipants = schema.maxParticipants;
    // What was parsed from the same text that C was inferred from, or C is the general Columns.
    this.columns = Object.freeze(columnsOf(schema)) as C;
    this.#attach = options;
    this.#handle = handle;
    this.#engine = new TableEngine(handle);
    putUnder(this, this.#engine);
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
    assertCreatable(attach);
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
    return column === undefined ? this.#handle.rows(key) : this.#handle.valuesOf(column)(key);
  }

  /** The row with its key, revision and expiry, all of one commit (but for an increment's value: it may be newer). */
  entry(key: string): Entry<C> | undefined {
    return this.#handle.entries(key);
  }

  has(key: string): boolean {
    return this.#handle.presence(key) === true;
  }

  /**
   * `get` of each key, in the order given: rows, `undefined` where there is none. Faster than one `get` after the other
   * in a large table, since buckets and rows are loaded ahead. Each row is as one commit left it; together they are no
   * snapshot.
   */
  getMany(keys: Iterable<string>): (Row<C> | undefined)[] {
    this.#handle.assertOpen();
    const { rows } = this.#handle;
    const list = listKeys(keys);
    const found = new Array<Row<C> | undefined>(list.length);
    forEachKey(
      list,
      (group) => this.#engine.loadAhead(group),
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
    this.#handle.assertOpen();
    const { memory, expired, writing } = this.#handle;
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
    return this.#handle.writer.remove(key) === 'deleted';
  }

  /** Reads and removes the row in one step: of several processes exactly one gets it. */
  take(key: string): Row<C> | undefined {
    let row: Row<C> | undefined;
    this.#handle.writer.remove(key, undefined, (at) => {
      row = this.#handle.codec.read(at);
    });
    return row;
  }

  /**
   * `set` of each `[key, row]`, in the order given; a key that comes twice is written twice. All keys and rows are read
   * and checked before anything is written. No transaction: what stops it in the middle, `ERR_TABLE_FULL` or
   * `ERR_LOCK_TIMEOUT`, says as `completed` how many had been written.
   */
  setMany(entries: Iterable<readonly [key: string, row: RowInput<C>]>, options?: WriteOptions): this {
    this.#handle.assertWritable();
    const { ttl } = readWriteOptions(options);
    const { keys, rows } = readRows(entries, this.#handle.key, this.#handle.draft);
    writeEachKey(
      keys,
      (group) => this.#engine.loadAhead(group),
      (key, i) => this.#handle.writer.write('set', key, rows[i], expiryOf(this.#handle.clock, { ttl })),
    );
    return this;
  }

  /**
   * `delete` of each key, in the order given: for each whether there was a row. All keys are checked before anything is
   * removed. No transaction: what stops it in the middle, `ERR_LOCK_TIMEOUT`, says as `completed` how many were done.
   */
  deleteMany(keys: Iterable<string>): boolean[] {
    this.#handle.assertWritable();
    const list = readKeys(keys, this.#handle.key);
    const deleted = new Array<boolean>(list.length);
    writeEachKey(
      list,
      (group) => this.#engine.loadAhead(group),
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
  deletePrefix(prefix: string): Promise<number> {
    return this.#engine.removal.deletePrefix(prefix);
  }

  /**
   * Removes every row, one by one: rows written meanwhile may stay. Buckets that others hold come last; when one stays
   * locked, all that were not have been cleared before it throws `ERR_LOCK_TIMEOUT`. With options it is a promise of how many it removed,
   * and takes turns with this thread's other work; rejects like `deletePrefix`.
   */
  clear(): void;
  clear(options: ClearOptions): Promise<number>;
  clear(options?: ClearOptions): Promise<number> | undefined {
    if (options !== undefined) return this.#engine.removal.clearInTurns(options);
    this.#engine.removal.clear();
    return undefined;
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
    const numeric = this.#handle.accumulator(column);
    return this.#add(key, numeric, numeric.addend(by), options) as Row<C>[K];
  }

  /** `increment` by the opposite. */
  decrement<K extends NumericColumn<C>>(
    key: string,
    column: K,
    by: ColumnInput<C[K]> | number = 1,
    options?: IncrementOptions,
  ): Row<C>[K] {
    const numeric = this.#handle.accumulator(column);
    return this.#add(key, numeric, -numeric.addend(by), options) as Row<C>[K];
  }

  #add(key: string, column: Accumulator, by: number | bigint, options: IncrementOptions | undefined): number | bigint {
    if (options === undefined) {
      const { writer } = this.#handle;
      writer.increment(key, column, by, undefined);
      return writer.value;
    }
    checkOptions(options, INCREMENT_OPTIONS);
    const { ttl, ttlIfNew } = options;
    if (ttl !== undefined) checkTtl(ttl);
    if (ttlIfNew !== undefined) checkTtl(ttlIfNew, 'ttlIfNew');
    const { writer } = this.#handle;
    const expiresAt = ttl === undefined ? undefined : expiryOf(this.#handle.clock, { ttl });
    writer.increment(key, column, by, expiresAt, undefined, ttlIfNew);
    return writer.value;
  }

  /**
   * Writes the named columns if the row is as expected: has these values (at least one), or this revision. False when
   * it is not, or is missing. -0 equals only -0, NaN equals NaN, and float32 rounds what is expected first.
   */
  compareAndSet(key: string, expected: Expected<C>, row: RowInput<C>, options?: WriteOptions): boolean {
    return this.#engine.conditional.compareAndSet(key, expected, row, options);
  }

  /** Removes the row if it is as expected. False when it is not, or is missing. */
  compareAndDelete(key: string, expected: Expected<C>): boolean {
    return this.#engine.conditional.compareAndDelete(key, expected);
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
    this.#handle.assertWritable();
    checkCallback(change);
    return this.#engine.conditional.modify(key, change, options);
  }

  /** Sets the row's lifetime in milliseconds from now, or none for `null`; whether there is such a row. */
  expire(key: string, ttl: number | null): boolean {
    const { writer } = this.#handle;
    if (ttl !== null) checkLifetime(ttl);
    return writer.expire(key, ttl === null ? 0 : this.#handle.clock.after(ttl)) === 'updated';
  }

  /** Milliseconds that the row has left, `Infinity` when it does not expire, `undefined` when there is none. */
  ttl(key: string): number | undefined {
    const expiresAt = this.#handle.expiries(key);
    if (expiresAt === undefined) return undefined;
    return expiresAt === 0 ? Number.POSITIVE_INFINITY : this.#handle.clock.left(expiresAt);
  }

  // ---- all rows ----

  *keys(): IterableIterator<string> {
    for (const chain of this.#handle.scan.chains(this.#handle.scan.keys, this.#handle.proceed))
      for (const { key } of chain) yield key;
  }

  *values(): IterableIterator<Row<C>> {
    for (const chain of this.#handle.scan.chains(this.#handle.scan.keysAndRows, this.#handle.proceed)) {
      for (const { row } of chain) yield row;
    }
  }

  *entries(): IterableIterator<[string, Row<C>]> {
    for (const chain of this.#handle.scan.chains(this.#handle.scan.keysAndRows, this.#handle.proceed)) {
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
    this.#handle.assertOpen();
    return this.#handle.scan.page(options, this.#handle.proceed);
  }

  /**
   * The changes from now on, or after `since`, as they are committed; those of one key in the order of their commits.
   * A reader that falls behind by more than the feed holds is told so by a `gap`. Nothing is polled. The iteration
   * keeps the process alive until `return` (the end of a `for await`); it throws `ERR_TABLE_CLOSED` when the table is
   * closed or destroyed, `ERR_SEGMENT_NO_SPACE` when the thread that waits cannot be made. `ERR_ARGUMENT` when the table
   * has no feed (`changes`).
   */
  watch(options: WatchOptions = {}): AsyncIterableIterator<Change | Gap> {
    return this.#engine.watch(options);
  }

  // ---- about the table ----

  /** Whether this handle can be used: neither closed, nor its table destroyed. Never throws. */
  get isOpen(): boolean {
    return !this.#handle.isClosed;
  }

  /** The options in force, defaults included, as `openOrCreate` takes them. Never throws. */
  get options(): TableOptions<C> {
    const { hugePages, lockTimeoutMs, path } = this.#attach;
    return {
      name: this.name,
      capacity: this.capacity,
      columns: this.columns,
      maxKeyBytes: this.maxKeyBytes,
      backend: this.backend,
      hugePages,
      readOnly: this.readOnly,
      namespace: this.namespace,
      evict: this.evict,
      changes: this.changes,
      lockTimeoutMs,
      maxParticipants: this.maxParticipants,
      ...(path === undefined ? {} : { path }),
    };
  }

  /** Counts of rows and operations, over all processes. O(buckets): the longest chain is looked for. */
  stats(): TableStats {
    this.#handle.assertOpen();
    return readStats(this.#handle.memory, this.#handle.locks, this.#handle.writing?.participant);
  }

  /** Checks every invariant of the segment. Sound only while nobody writes; settles what the dead have left first. */
  verify(): Verification {
    this.#handle.assertOpen();
    this.#handle.writing?.participant.settleDead();
    return verifyTable(this.#handle.memory);
  }

  /**
   * Writes all rows to a file while others go on writing: each row as one commit left it, every row that is there
   * throughout, none twice. The file appears under `path` only when it is whole and on disk; what was there before
   * stays until then. Takes turns with this thread's other work.
   */
  async snapshot(path: string): Promise<void> {
    this.#handle.assertOpen();
    checkPath(path);
    const table = {
      memory: this.#handle.memory,
      reader: this.#handle.reader,
      clock: this.#handle.clock,
      name: this.name,
    };
    await writeSnapshot(path, snapshotOf(table, this.#handle.proceed));
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
      assertCreatable(attach);
      const table = createTable(
        attach,
        parseSchema(wanted),
        (opened) => Table.#attachTo<C>(opened, attach),
        snapshot.revision + 1,
      );
      try {
        await loadSnapshot(reader, table.#handle.memory, table.#handle.writer, table.#handle.clock);
        return table;
      } catch (error) {
        table.destroy();
        throw error;
      }
    } finally {
      await reader.close();
    }
  }

  /** Detaches. The table stays. Twice is harmless. */
  close(): void {
    this.#handle.close();
  }

  /**
   * Removes the table: marks the segment, so that every handle in every process throws `ERR_TABLE_CLOSED` from then
   * on, and unlinks its name.
   */
  destroy(): void {
    this.#handle.assertWritable();
    destroySegment(this.#handle.segment);
    this.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // ---- parts ----

  #describe(): TableInfo {
    const owners = attachedSlots(this.#handle.memory, this.#handle.locks, this.#handle.writing?.participant);
    return {
      name: this.name,
      columns: this.columns,
      capacity: this.capacity,
      rows: this.size,
      bytes: this.#handle.memory.layout.totalBytes,
      backend: this.backend,
      owners: owners.map((number) => this.#handle.memory.words[this.#handle.memory.slotWord(number) + PID]),
    };
  }

  #write(mode: WriteMode, key: string, row: RowInput<C>, options: WriteOptions | undefined): Outcome {
    if (options === undefined) return this.#handle.writer.write(mode, key, row, undefined);
    const { ttl } = readWriteOptions(options);
    return this.#handle.writer.write(mode, key, row, expiryOf(this.#handle.clock, { ttl }));
  }
}

function assertCreatable({ name, readOnly }: AttachOptions): void {
  if (readOnly) throw new ShmTableError('ERR_READ_ONLY', `a table cannot be made with readOnly: ${name}`);
}

function checkPath(path: unknown): void {
  if (typeof path !== 'string' || path === '') {
    throw new ShmTableError('ERR_ARGUMENT', `path must be the path of a file, got ${show(path)}`);
  }
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
