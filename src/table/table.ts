import { hasCode, ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import { alterTable } from './alter/alteration.js';
import { alterationTo, alteredSchema } from './alter/altered-schema.js';
import { describeLoss } from './alter/successor.js';
import { eachKey, eachRow } from './chain-walk.js';
import { destroyCompanions } from './companions.js';
import { putUnder, TableEngine } from './engine.js';
import type { WriteMode } from './hot/write.js';
import { bytesByPurpose, layOutSegment, visibleColumnsOf } from './layout/segment.js';
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
  prepareTable,
} from './open.js';
import { ALTER_OPTIONS, LOOKUP_OPTIONS, TABLE_OPTIONS } from './option-names.js';
import {
  type AttachOptions,
  parseAttach,
  parseNamespace,
  parseOnMismatch,
  parseSchema,
  type TableSchema,
} from './options.js';
import type { Outcome } from './outcome.js';
import { readScanOptions } from './row-scan.js';
import { describeMismatch } from './schema-mismatch.js';
import { SharedParts } from './shared-parts.js';
import { SnapshotReader } from './snapshot/reader.js';
import { checkSnapshot, loadSnapshot, restoredOptions, snapshotOf } from './snapshot/snapshot.js';
import { writeSnapshot } from './snapshot/writer.js';
import { attachedSlots, countLiveRows, readStats } from './stats.js';
import { TableHandle } from './table-handle.js';
import type {
  Alteration,
  AlterOptions,
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
import { checkLifetime, expiryOf, readIncrementOptions, readWriteOptions } from './write-options.js';

/**
 * A typed hash table in shared memory: every process on the machine reads and writes its rows as if they were in a
 * local `Map`. Everything is synchronous, except what returns a promise or an async iterator.
 *
 * Readers never wait. Writers wait only for another writer of the same bucket, at most `lockTimeoutMs`, and never for a
 * dead one. Operations on one key are O(1).
 *
 * Errors common to many methods are listed here only:
 * - `ERR_TABLE_CLOSED`, every method: after `close`, and in all processes after `destroy`.
 * - `ERR_TABLE_CORRUPT`, every method: the shared memory is damaged.
 * - `ERR_ARGUMENT`, methods with options: an option is unknown or out of range.
 * - `ERR_KEY_INVALID`, methods with a key: it is not 1 to `maxKeyBytes` bytes of well-formed UTF-8.
 * - `ERR_COLUMN_UNKNOWN`, methods that name columns: the schema lacks one.
 * - `ERR_COLUMN_TYPE`, `ERR_VALUE_RANGE`, `ERR_VALUE_TOO_LONG`, methods with values: one does not fit its column.
 * - `ERR_READ_ONLY`, methods that write: the handle is read-only.
 * - `ERR_LOCK_TIMEOUT`, methods that write: a live process has held the lock of the row's bucket for `lockTimeoutMs`;
 *   methods that read: the row was rewritten a million times in a row while it was being copied.
 * - `ERR_TABLE_FULL`, methods that may add a row: there are `capacity` rows, none has expired, and `evict` is `'none'`;
 *   with `'lru'` only if for a second others took every slice that was freed.
 */
export class Table<const C extends Columns = Columns> implements Iterable<[string, Row<C>]> {
  readonly name: string;
  readonly namespace: string;
  readonly backend: BackendName;
  readonly readOnly: boolean;

  readonly #attach: AttachOptions;
  readonly #handle: TableHandle<C>;
  readonly #engine: TableEngine<C>;
  #columns: { readonly schema: TableSchema; readonly columns: C } | undefined;

  private constructor(handle: TableHandle<C>, options: AttachOptions) {
    // The constructor is private in TypeScript only.
    if (!(handle instanceof TableHandle)) {
      throw new ShmTableError(
        'ERR_ARGUMENT',
        'a Table is created by Table.create, Table.open or Table.openOrCreate, not by new',
      );
    }
    this.name = options.name;
    this.namespace = options.namespace;
    // Nothing here follows the table: if it has been altered, the first use of the handle says so, and not its opening.
    this.backend = handle.backend;
    this.readOnly = options.readOnly;
    this.#attach = options;
    this.#handle = handle;
    this.#engine = new TableEngine(handle);
    putUnder(this, this.#engine);
  }

  // ---- creating, finding, removing ----

  /**
   * Creates a table. All of its memory is reserved now, so the table never runs out of memory later. O(bytes).
   *
   * @throws {ShmTableError} `ERR_TABLE_EXISTS` when there is a table of this name.
   * @throws {ShmTableError} `ERR_SCHEMA_INVALID` when the columns are invalid.
   * @throws {ShmTableError} `ERR_ARGUMENT` when another option is invalid.
   * @throws {ShmTableError} `ERR_READ_ONLY` when `readOnly` is given.
   * @throws {ShmTableError} `ERR_SEGMENT_NO_SPACE`, `ERR_SEGMENT_TOO_LARGE`, `ERR_PERMISSION` or
   *   `ERR_BACKEND_UNSUPPORTED` when the memory is not available.
   */
  static create<const C extends Columns>(options: TableOptions<C>): Table<C> {
    checkOptions(options, TABLE_OPTIONS);
    const attach = parseAttach(options);
    const schema = parseSchema(options);
    assertCreatable(attach);
    return createTable(attach, schema, (opened) => Table.#attachTo<C>(opened, attach));
  }

  /**
   * Attaches to an existing table. The schema comes from the segment; `columns` and other schema properties are
   * optional, and must match it when given.
   *
   * @throws {ShmTableError} `ERR_TABLE_NOT_FOUND` when there is no such table.
   * @throws {ShmTableError} `ERR_SCHEMA_MISMATCH` when a given schema property differs from the table's; the message
   *   says which.
   * @throws {ShmTableError} `ERR_TOO_MANY_PARTICIPANTS` when `maxParticipants` threads have the table open for writing.
   * @throws {ShmTableError} `ERR_PERMISSION` when this user may not open the memory, or another user could write to it.
   * @throws {ShmTableError} `ERR_LAYOUT_VERSION` when another version of this package created the table.
   * @throws {ShmTableError} `ERR_TABLE_CORRUPT` when it is not a table, or damaged.
   * @throws {ShmTableError} `ERR_SEGMENT_TOO_LARGE` when it is larger than this version of Node can map.
   * @throws {ShmTableError} `ERR_LOCK_TIMEOUT` when another process has been verifying the table's file for a minute
   *   after a restart of the machine.
   */
  static open<const C extends Columns = Columns>(name: string, options: OpenOptions<C> = {}): Table<C> {
    checkOptions(options, TABLE_OPTIONS);
    checkName(name, options);
    const attach = parseAttach({ ...options, name });
    const shared = SharedParts.find(attach, options);
    if (shared !== undefined) return Table.#over<C>(shared, attach);
    return attachOrClose(openTable(attach, options), (opened) => Table.#attachTo<C>(opened, attach));
  }

  /**
   * Attaches to the table, or creates it if it does not exist, without races between processes.
   *
   * @throws {ShmTableError} everything that `create` and `open` throw except `ERR_TABLE_EXISTS`; `ERR_TABLE_NOT_FOUND`
   *   only with `readOnly`.
   * @throws {ShmTableError} with `onMismatch: 'alter'`, what `alter` throws.
   */
  static openOrCreate<const C extends Columns>(options: TableOptions<C>): Table<C> {
    checkOptions(options, TABLE_OPTIONS);
    const attach = parseAttach(options);
    const schema = parseSchema(options);
    const onMismatch = parseOnMismatch(options.onMismatch);
    if (onMismatch !== 'throw') return Table.#openAsWanted(attach, schema, onMismatch);
    const wanted = { ...schema, columns: options.columns };
    const shared = SharedParts.find(attach, wanted);
    if (shared !== undefined) return Table.#over<C>(shared, attach);
    return openOrCreateTable(attach, schema, wanted, (opened) => Table.#attachTo<C>(opened, attach));
  }

  /** `openOrCreate` for a caller that may change a table of another schema. */
  static #openAsWanted<C extends Columns>(
    attach: AttachOptions,
    schema: TableSchema,
    onMismatch: 'alter' | 'recreate',
  ): Table<C> {
    const attachTo = (opened: OpenedTable): Table<C> => Table.#attachTo<C>(opened, attach);
    for (;;) {
      const opened = openOrCreateTable(attach, schema, {}, attachTo);
      // Until it is known to have what is wanted, it may be altered in any way.
      opened.#handle.dependOn([]);
      const { schema: stored } = opened.#handle;
      const mismatch = describeMismatch(stored, schema);
      const isOlder = schema.schemaVersion < stored.schemaVersion;
      const loss = isOlder ? describeLoss(schema.columns, stored.columns) : undefined;
      if (mismatch === undefined || (isOlder && loss === undefined)) {
        opened.#handle.dependOn(schema.columns);
        return opened;
      }
      if (isOlder || attach.readOnly) {
        opened.close();
        throw new ShmTableError('ERR_SCHEMA_MISMATCH', `table ${attach.name} has another schema: ${loss ?? mismatch}`);
      }
      try {
        if (onMismatch === 'recreate') opened.#destroyIfStill(stored);
        else alterTable(attach, (now) => alterationTo(schema, now));
      } catch (error) {
        // It was destroyed meanwhile.
        if (!hasCode(error, 'ERR_TABLE_NOT_FOUND') && !hasCode(error, 'ERR_TABLE_CLOSED')) throw error;
      } finally {
        opened.close();
      }
    }
  }

  /** Destroys this table and no other: another process may have altered it, or created another one in its place. */
  #destroyIfStill(schema: TableSchema): void {
    if (this.#handle.schema !== schema) return;
    const { segment } = this.#handle;
    if (this.#handle.schema === schema) destroySegment(this.#attach, segment);
  }

  /**
   * Gives a table another schema while it is in use: capacity, columns, heap, feed. The rows are copied to a new segment
   * beside the old one, which takes over the table's name in one step; killed anywhere, the table is whole in the one or
   * the other. Rows keep keys, values and expiry, and get higher revisions. Readers continue throughout. Writers wait at
   * the end, while what was written during the copy is copied once more: for a moment, but for the length of the copy
   * if the table is written faster than it can be copied.
   *
   * Every handle of every process follows at its next operation; watches with a gap; scans and iterations continue where
   * they are. A handle whose columns are gone or of another kind throws `ERR_SCHEMA_MISMATCH` from then on.
   *
   * Synchronous. O(rows + bytes).
   *
   * @throws {ShmTableError} `ERR_TABLE_NOT_FOUND` when there is no such table.
   * @throws {ShmTableError} `ERR_COLUMN_UNKNOWN`, `ERR_SCHEMA_INVALID` or `ERR_ARGUMENT` when a change is invalid.
   * @throws {ShmTableError} `ERR_TABLE_FULL`, `ERR_VALUE_RANGE`, `ERR_VALUE_TOO_LONG` or `ERR_KEY_INVALID` when a row
   *   does not fit; the message names it.
   * @throws {ShmTableError} `ERR_LOCK_TIMEOUT` when a live writer is stopped in a write for `lockTimeoutMs`, or another
   *   process alters the table for a minute.
   * @throws {ShmTableError} `ERR_BACKEND_UNSUPPORTED` when the table is neither in `posix` memory nor in a file.
   * @throws {ShmTableError} what `create` throws for the new segment. Whatever is thrown, the table is as before.
   */
  static alter(name: string, changes: AlterOptions): Alteration {
    checkOptions(changes, ALTER_OPTIONS);
    const { namespace, backend, path, hugePages, lockTimeoutMs } = changes;
    const attach = parseAttach({ name, namespace, backend, path, hugePages, lockTimeoutMs });
    return alterTable(attach, (stored) => alteredSchema(stored, changes));
  }

  static #attachTo<C extends Columns>(opened: OpenedTable, attach: AttachOptions): Table<C> {
    return Table.#over<C>(SharedParts.of(opened, attach), attach);
  }

  static #over<C extends Columns>(shared: SharedParts, attach: AttachOptions): Table<C> {
    return new Table<C>(new TableHandle<C>(shared, attach), attach);
  }

  /**
   * Lists the tables of a namespace, as the operating system knows them. Tables that are damaged, or that this user may
   * not open, are left out. A table in a file is listed while a process has it open, or if its `path` is given.
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

  /**
   * Destroys a table by name, without opening it, and with the table of a cache the whole cache. See the method `destroy`.
   *
   * @throws {ShmTableError} `ERR_TABLE_NOT_FOUND` when there is no such table.
   * @throws {ShmTableError} `ERR_PERMISSION` when this user may not remove it.
   */
  static destroy(name: string, options: LookupOptions = {}): void {
    checkOptions(options, TABLE_OPTIONS);
    checkName(name, options);
    const attach = parseAttach({ ...options, name, readOnly: false });
    destroyCompanions(attach);
    destroyTable(attach);
  }

  /**
   * Returns how many bytes of shared memory a table with these options takes, by purpose. Creates nothing.
   *
   * @throws {ShmTableError} `ERR_SCHEMA_INVALID` or `ERR_ARGUMENT` when the columns, or another option, are invalid.
   */
  static bytesFor(options: TableOptions<Columns>): TableBytes {
    checkOptions(options, TABLE_OPTIONS);
    parseAttach(options);
    return bytesByPurpose(layOutSegment(parseSchema(options)));
  }

  // ---- reading ----

  /** Returns the row as a new object, or one of its columns; `undefined` when there is no row. */
  get(key: string): Row<C> | undefined;
  get<K extends keyof C & string>(key: string, column: K): Row<C>[K] | undefined;
  get(key: string, column?: string): unknown {
    return column === undefined ? this.#handle.rows(key) : this.#handle.valuesOf(column)(key);
  }

  /**
   * Returns the row with its key, revision and expiry, all from one commit, except that a number which `increment` is
   * changing may already be newer.
   */
  entry(key: string): Entry<C> | undefined {
    return this.#handle.entries(key);
  }

  /** Returns whether there is a row with this key. */
  has(key: string): boolean {
    return this.#handle.presence(key) === true;
  }

  /**
   * Does `get` for each key, in the order given: a row, or `undefined` where there is none. In a large table it is
   * faster than one `get` after the other, since buckets and rows are loaded ahead. Each row is in the state of one
   * commit; together they are not a snapshot.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `keys` is not iterable.
   */
  getMany(keys: Iterable<string>): (Row<C> | undefined)[] {
    this.#handle.assertOpen();
    const list = listKeys(keys);
    let { rows } = this.#handle;
    const found = new Array<Row<C> | undefined>(list.length);
    forEachKey(
      list,
      (group) => {
        this.#engine.loadAhead(group);
        // The handle may have followed its table.
        rows = this.#handle.rows;
      },
      (text, i) => {
        found[i] = rows(text);
      },
    );
    return found;
  }

  /**
   * The number of rows that have not expired. O(maxParticipants) if nothing has expired since the last count; otherwise
   * it scans the parts of the table, some 3,600 rows each, in which rows have expired, and a handle that can write
   * sweeps them.
   */
  get size(): number {
    this.#handle.assertOpen();
    const { memory, expired, writing } = this.#handle.parts;
    return countLiveRows(memory, expired, writing?.sweeper);
  }

  // ---- writing ----

  /** Writes the named columns; in a new row the others are zero, false or empty. */
  set(key: string, row: RowInput<C>, options?: WriteOptions): this {
    this.#write('set', key, row, options);
    return this;
  }

  /** Writes the whole row: columns that are not named become zero, false or empty. */
  put(key: string, row: RowInput<C>, options?: WriteOptions): this {
    this.#write('put', key, row, options);
    return this;
  }

  /** Writes the row only if there is none, and returns whether it did; of several processes exactly one succeeds. */
  insert(key: string, row: RowInput<C>, options?: WriteOptions): boolean {
    return this.#write('insert', key, row, options) === 'inserted';
  }

  /**
   * Writes the named columns only if there is a row, and returns whether there was one. Never throws `ERR_TABLE_FULL`.
   */
  update(key: string, row: RowInput<C>, options?: WriteOptions): boolean {
    return this.#write('update', key, row, options) === 'updated';
  }

  /** Removes the row, and returns whether there was one. */
  delete(key: string): boolean {
    for (;;) {
      try {
        return this.#handle.writer.remove(key) === 'deleted';
      } catch (error) {
        this.#handle.beginAgain(error);
      }
    }
  }

  /** Reads and removes the row in one step; of several processes exactly one gets it. */
  take(key: string): Row<C> | undefined {
    let row: Row<C> | undefined;
    this.#handle.write((writer, { code }) => {
      writer.remove(key, undefined, (at) => {
        row = code.codec.read(at);
      });
    });
    return row;
  }

  /**
   * Does `set` for each `[key, row]`, in the order given; a key that appears twice is written twice. All keys and rows
   * are read and checked before anything is written. Not a transaction: an error in the middle (`ERR_TABLE_FULL`,
   * `ERR_LOCK_TIMEOUT`, `ERR_TABLE_CLOSED`) has a property `completed`, the number of rows written before it.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `entries` is not iterable, or one of them is not `[key, row]`.
   */
  setMany(entries: Iterable<readonly [key: string, row: RowInput<C>]>, options?: WriteOptions): this {
    this.#handle.assertWritable();
    const { ttl } = readWriteOptions(options);
    const { keys, rows } = readRows(entries, this.#handle.key, this.#handle.draft);
    writeEachKey(
      keys,
      (group) => this.#engine.loadAhead(group),
      (key, i) =>
        this.#handle.write((writer) => writer.write('set', key, rows[i], expiryOf(this.#handle.clock, { ttl }))),
    );
    return this;
  }

  /**
   * Does `delete` for each key, in the order given, and returns for each whether there was a row. All keys are checked
   * before anything is removed. Not a transaction: an error in the middle (`ERR_LOCK_TIMEOUT`, `ERR_TABLE_CLOSED`) has
   * a property `completed`, the number of keys handled before it.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `keys` is not iterable.
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
   * Removes every row whose key begins with `prefix`, and resolves with how many. Examines each row of the table once,
   * taking turns with this thread's other work: rows that others insert meanwhile may stay. When it rejects, what was
   * removed by then is gone.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `prefix` is not a string.
   * @throws {ShmTableError} `ERR_LOCK_TIMEOUT` as `delete` does.
   * @throws {ShmTableError} `ERR_TABLE_CLOSED` when the table is closed or destroyed meanwhile.
   */
  deletePrefix(prefix: string): Promise<number> {
    return this.#engine.removal.deletePrefix(prefix);
  }

  /**
   * Removes every row, one by one: rows written meanwhile may stay. Locked buckets come last. With options it takes
   * turns with this thread's other work, resolves with how many rows it removed, and rejects as `deletePrefix` does.
   *
   * @throws {ShmTableError} `ERR_LOCK_TIMEOUT` when a bucket stays locked; all buckets that were not locked have been
   *   cleared by then.
   */
  clear(): void;
  clear(options: ClearOptions): Promise<number>;
  clear(options?: ClearOptions): Promise<number> | undefined {
    if (options !== undefined) return this.#engine.removal.clearInTurns(options);
    this.#engine.removal.clear();
    return undefined;
  }

  /**
   * Adds `by` to a number and returns the new value. A missing or expired row is created.
   *
   * `ttl` sets the lifetime of the row at every call; `ttlIfNew` only when this call creates the row, so that a counter
   * expires a fixed time after it began. Without either, a row keeps the lifetime it has, and a new one lives until it
   * is removed.
   *
   * @throws {ShmTableError} `ERR_VALUE_RANGE` when the result would leave the range of the column, or of finite
   *   numbers.
   * @throws {ShmTableError} `ERR_COLUMN_TYPE` when the column does not hold numbers.
   */
  increment<K extends NumericColumn<C>>(
    key: string,
    column: K,
    by: ColumnInput<C[K]> | number = 1,
    options?: IncrementOptions,
  ): Row<C>[K] {
    return this.#add(key, column, by as number | bigint, 1, options) as Row<C>[K];
  }

  /** Subtracts `by` from a number and returns the new value: `increment` by `-by`, with the same errors. */
  decrement<K extends NumericColumn<C>>(
    key: string,
    column: K,
    by: ColumnInput<C[K]> | number = 1,
    options?: IncrementOptions,
  ): Row<C>[K] {
    return this.#add(key, column, by as number | bigint, -1, options) as Row<C>[K];
  }

  #add(
    key: string,
    column: string,
    by: number | bigint,
    sign: 1 | -1,
    options: IncrementOptions | undefined,
  ): number | bigint {
    const lifetimes = options === undefined ? undefined : readIncrementOptions(options);
    for (;;) {
      try {
        // Before anything else of the table: when the table moves in between, this writer refuses to write.
        const { writer } = this.#handle;
        const numeric = this.#handle.accumulator(column);
        const addend = sign === 1 ? numeric.addend(by) : -numeric.addend(by);
        if (lifetimes === undefined) {
          writer.increment(key, numeric, addend, undefined);
        } else {
          const { ttl, ttlIfNew } = lifetimes;
          const expiresAt = ttl === undefined ? undefined : expiryOf(this.#handle.clock, { ttl });
          writer.increment(key, numeric, addend, expiresAt, undefined, ttlIfNew);
        }
        return writer.value;
      } catch (error) {
        this.#handle.beginAgain(error);
      }
    }
  }

  /**
   * Writes the named columns if the row is as expected: it has these values (at least one), or this revision. Returns
   * false if it is not, or if there is no row. -0 equals only -0, NaN equals NaN, and an expected value of a float32
   * column is first rounded to float32.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `expected` names neither a column nor the revision, or both.
   * @throws {ShmTableError} `ERR_LOCK_TIMEOUT` when columns are compared and others kept writing the row in between,
   *   for `lockTimeoutMs` and at least 1,000 tries.
   */
  compareAndSet(key: string, expected: Expected<C>, row: RowInput<C>, options?: WriteOptions): boolean {
    return this.#engine.conditional.compareAndSet(key, expected, row, options);
  }

  /**
   * Removes the row if it is as expected; returns false if it is not, or if there is no row. Compares, and throws, as
   * `compareAndSet` does.
   */
  compareAndDelete(key: string, expected: Expected<C>): boolean {
    return this.#engine.conditional.compareAndDelete(key, expected);
  }

  /**
   * Passes the row (`undefined` if there is none) to `change` and writes what it returns, repeating both until no other
   * write has come in between. Returns the new row, or `undefined` when `change` returned `undefined` and nothing was
   * written. `change` may run more than once, must be synchronous, and must return the columns to write instead of
   * writing this row itself.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `change` is not a function, returns a promise, or has written the row
   *   itself ten times.
   * @throws {ShmTableError} `ERR_LOCK_TIMEOUT` when others kept writing the row in between, for `lockTimeoutMs` and at
   *   least 1,000 tries.
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

  /**
   * Sets the row's lifetime in milliseconds from now, 1 .. 2^53-1, or removes it with `null`. Returns whether there is
   * such a row.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `ttl` is neither `null` nor an integer in that range.
   */
  expire(key: string, ttl: number | null): boolean {
    this.#handle.assertWritable();
    if (ttl !== null) checkLifetime(ttl);
    return this.#handle.write(
      (writer) => writer.expire(key, ttl === null ? 0 : this.#handle.clock.after(ttl)) === 'updated',
    );
  }

  /**
   * Returns the milliseconds that the row has left, `Infinity` when it does not expire, `undefined` when there is no
   * row.
   */
  ttl(key: string): number | undefined {
    const expiresAt = this.#handle.expiries(key);
    if (expiresAt === undefined) return undefined;
    return expiresAt === 0 ? Number.POSITIVE_INFINITY : this.#handle.clock.left(expiresAt);
  }

  // ---- all rows ----

  /** Iterates over all keys, as `entries` does. */
  *keys(): IterableIterator<string> {
    for (const chain of eachKey(this.#handle)) for (const { key } of chain) yield key;
  }

  /** Iterates over all rows, as `entries` does. */
  *values(): IterableIterator<Row<C>> {
    for (const chain of eachRow(this.#handle)) {
      for (const { row } of chain) yield row;
    }
  }

  /**
   * Iterates over all rows with their keys, in unspecified order. Others may write meanwhile: a row that exists
   * throughout is visited exactly once, one that is inserted or removed meanwhile at most once. O(rows + buckets) for a
   * complete iteration.
   */
  *entries(): IterableIterator<[string, Row<C>]> {
    for (const chain of eachRow(this.#handle)) {
      for (const { key, row } of chain) yield [key, row];
    }
  }

  /** Iterates as `entries` does. */
  [Symbol.iterator](): IterableIterator<[string, Row<C>]> {
    return this.entries();
  }

  /**
   * Calls `callback` for each row, in the order of `entries`.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `callback` is not a function.
   */
  forEach(callback: (value: Row<C>, key: string, table: this) => void): void {
    checkCallback(callback);
    for (const [key, row] of this.entries()) callback(row, key, this);
  }

  /**
   * Returns a page of rows: at most `limit` (1 .. 10,000, default 100), with the cursor of the next page, or null at
   * the end. A row that exists from the first page to the last is on exactly one of them, whichever processes request
   * the pages.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when the cursor was not returned by a scan of this table.
   */
  scan<K extends keyof C & string = keyof C & string>(options: ScanOptions<C, K> = {}): ScanPage<C, K> {
    this.#handle.assertOpen();
    const read = readScanOptions(options);
    this.#handle.assertOpen();
    return this.#handle.scan.page(read);
  }

  /**
   * Iterates over the changes from now on, or after `since`, as they are committed; those of one key come in the order
   * of their commits. A reader that falls behind by more than the feed holds gets a `gap`. Nothing is polled. The
   * iteration keeps the process alive until `return` (the end of a `for await`).
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when the table has no feed (`changes`).
   * @throws {ShmTableError} `ERR_TABLE_CLOSED` from the iteration, when the table is closed or destroyed.
   * @throws {ShmTableError} `ERR_SEGMENT_NO_SPACE` from the iteration, when the thread that waits cannot be started.
   */
  watch(options: WatchOptions = {}): AsyncIterableIterator<Change | Gap> {
    return this.#engine.watch(options);
  }

  // ---- about the table ----

  get capacity(): number {
    return this.#handle.schema.capacity;
  }

  /** Names and types of the columns, as this handle last saw them. */
  get columns(): C {
    const { schema } = this.#handle;
    if (this.#columns?.schema !== schema) this.#columns = columnsOfSchema<C>(schema);
    return this.#columns.columns;
  }

  get maxKeyBytes(): number {
    return this.#handle.schema.maxKeyBytes;
  }

  get evict(): 'none' | 'lru' {
    return this.#handle.schema.evict;
  }

  get changes(): number {
    return this.#handle.schema.changes;
  }

  get maxParticipants(): number {
    return this.#handle.schema.maxParticipants;
  }

  /** The version of the schema: see `TableOptions.schemaVersion`. */
  get schemaVersion(): number {
    return this.#handle.schema.schemaVersion;
  }

  /** Whether this handle can be used: it is not closed, and its table not destroyed. Never throws. */
  get isOpen(): boolean {
    return !this.#handle.isClosed;
  }

  /** The options in force, including defaults, in the form that `openOrCreate` takes. Never throws. */
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
      schemaVersion: this.schemaVersion,
      ...(path === undefined ? {} : { path }),
    };
  }

  /**
   * Returns counts of rows and operations over all processes. O(buckets), because it searches for the longest chain.
   */
  stats(): TableStats {
    this.#handle.assertOpen();
    const { memory, locks, writing } = this.#handle.parts;
    return readStats(memory, locks, writing?.participant);
  }

  /**
   * Checks every invariant of the segment. The result is only meaningful while no process writes. A handle that can
   * write first settles what dead participants have left.
   */
  verify(): Verification {
    this.#handle.assertOpen();
    const { memory, writing } = this.#handle.parts;
    writing?.participant.settleDead();
    return verifyTable(memory);
  }

  /**
   * Writes all rows to a file while others may write: each row is one committed version, and every row that exists
   * throughout is in the file exactly once. The file replaces a previous one at `path` only when it is complete and on
   * disk. Yields to this thread's other work.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `path` is not a non-empty string.
   * @throws {ShmTableError} `ERR_SEGMENT_NOT_FOUND` when there is no such folder.
   * @throws {ShmTableError} `ERR_PERMISSION` or `ERR_SEGMENT_NO_SPACE` when the file cannot be written.
   * @throws {ShmTableError} `ERR_TABLE_CLOSED` when the table is closed or destroyed meanwhile.
   */
  async snapshot(path: string): Promise<void> {
    this.#handle.assertOpen();
    checkPath(path);
    // A snapshot that has begun describes the table as it was before an alteration.
    const { parts, release } = this.#handle.hold({});
    try {
      const { memory, reader, clock, name } = parts;
      await writeSnapshot(path, snapshotOf({ memory, reader, clock, name }, this.#handle.proceed));
    } finally {
      release();
    }
  }

  /**
   * Creates a table from a snapshot. Its options are those of the table that the snapshot was taken of, unless
   * `options` say otherwise; the columns must be the same. Every checksum in the file is verified before the table is
   * created, and nobody else can open the table before all of its rows are in it: a restore that fails, or whose
   * process is killed, leaves nothing. Lifetimes continue to run while a snapshot is on disk.
   *
   * @throws {ShmTableError} `ERR_SNAPSHOT_DAMAGED` when the file is not a snapshot, or truncated or altered; the
   *   message says where.
   * @throws {ShmTableError} `ERR_SEGMENT_NOT_FOUND` when there is no such file.
   * @throws {ShmTableError} `ERR_SCHEMA_MISMATCH` when `options` name other columns.
   * @throws {ShmTableError} `ERR_TABLE_FULL` when `capacity` is less than the number of rows.
   * @throws {ShmTableError} what `create` throws, `ERR_TABLE_EXISTS` included.
   */
  static async restore<const C extends Columns = Columns>(
    path: string,
    options: RestoreOptions<C> = {},
  ): Promise<Table<C>> {
    checkPath(path);
    checkOptions(options, TABLE_OPTIONS);
    // Reads one file to the end, even if another snapshot replaces it under this path meanwhile.
    const reader = await SnapshotReader.open(path);
    try {
      const snapshot = await checkSnapshot(reader);
      const wanted = restoredOptions(snapshot, options);
      const attach = parseAttach(wanted);
      assertCreatable(attach);
      const { attached: table, publish } = prepareTable(
        attach,
        parseSchema(wanted),
        (opened) => Table.#attachTo<C>(opened, attach),
        { leastRevision: snapshot.revision + 1 },
      );
      try {
        await loadSnapshot(reader, table.#handle);
        publish();
        return table;
      } catch (error) {
        table.close();
        throw error;
      }
    } finally {
      await reader.close();
    }
  }

  /** Detaches this handle. The table stays. Calling it again has no effect. */
  close(): void {
    this.#handle.close();
  }

  /**
   * Removes the table: marks the segment as destroyed, so that every handle in every process throws `ERR_TABLE_CLOSED`
   * from then on, and unlinks its name.
   */
  destroy(): void {
    this.#handle.assertWritable();
    destroyCompanions(this.#attach);
    // It may move to another segment in between.
    while (!destroySegment(this.#attach, this.#handle.segment));
    this.close();
  }

  /** Does `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  // ---- parts ----

  #describe(): TableInfo {
    const { memory, expired, locks, writing } = this.#handle.parts;
    const owners = attachedSlots(memory, locks, writing?.participant);
    const { schema, totalBytes } = memory.layout;
    return {
      name: this.name,
      columns: columnsOfSchema(schema).columns,
      capacity: schema.capacity,
      rows: countLiveRows(memory, expired, writing?.sweeper),
      bytes: totalBytes,
      backend: this.backend,
      owners: owners.map((number) => memory.words[memory.slotWord(number) + PID]),
    };
  }

  #write(mode: WriteMode, key: string, row: RowInput<C>, options: WriteOptions | undefined): Outcome {
    for (;;) {
      try {
        if (options === undefined) return this.#handle.writer.write(mode, key, row, undefined);
        const { ttl } = readWriteOptions(options);
        return this.#handle.writer.write(mode, key, row, expiryOf(this.#handle.clock, { ttl }));
      } catch (error) {
        this.#handle.beginAgain(error);
      }
    }
  }
}

function columnsOfSchema<C extends Columns>(schema: TableSchema): { schema: TableSchema; columns: C } {
  // The schema was parsed from the same object that C was inferred from; otherwise C is the general Columns.
  return { schema, columns: Object.freeze(visibleColumnsOf(schema)) as C };
}

function assertCreatable({ name, readOnly }: AttachOptions): void {
  if (readOnly) throw new ShmTableError('ERR_READ_ONLY', `a table cannot be created with readOnly: ${name}`);
}

function checkPath(path: unknown): void {
  if (typeof path !== 'string' || path === '') {
    throw new ShmTableError('ERR_ARGUMENT', `path must be the path of a file, got ${show(path)}`);
  }
}

/** One options object serves `create`, `open` and `destroy`; a name in it must be the table's. */
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
