import { hasCode, ShmTableError } from '../errors.js';
import type { BackendName, ByteLocks, Segment } from '../memory/index.js';
import { awaitWritable, WriteRefused } from './alter/states.js';
import { describeLoss } from './alter/successor.js';
import { ChangeFeed } from './changes/change-feed.js';
import { ChangeWatches } from './changes/change-watch.js';
import type { ExpiredRows } from './expiry/expired-rows.js';
import type { TableClock } from './expiry/table-clock.js';
import type { Accumulator } from './hot/add-to-column.js';
import type { Key } from './hot/encode-key.js';
import type { Caller } from './hot/lock.js';
import type { Lookup } from './hot/lookup.js';
import type { Writer } from './hot/write.js';
import { FROZEN, MOVED, READY, STATE } from './layout/segment.js';
import type { TableMemory } from './layout/table-memory.js';
import { type OpenedTable, openTable, removeNext } from './open.js';
import type { AttachOptions, TableSchema } from './options.js';
import type { Reader } from './reader.js';
import type { RowCodec } from './row-codec.js';
import type { RowScan } from './row-scan.js';
import type { Column } from './schema.js';
import type { ScratchRow } from './scratch-row.js';
import { SharedParts } from './shared-parts.js';
import type { StoredRows } from './stored-rows.js';
import type { TableParts, WritingParts } from './table-parts.js';
import type { Columns, Entry, Row } from './types.js';

/** The words of a handle without parts, which so takes the same way as one whose table has moved. */
const NOWHERE = new Int32Array(STATE + 1).fill(MOVED);

/**
 * What belongs to one handle: whether it is open, how long it waits for locks, and its watches. Everything else is in
 * the parts that the thread's handles of the table share; a closed handle has none, and every use of it throws
 * `ERR_TABLE_CLOSED`, while other handles continue.
 *
 * When the table has been altered, the handle follows it into its new segment at its next use: it exchanges its parts.
 * So nobody keeps parts, or what belongs to them, while the caller's code runs.
 */
export class TableHandle<C extends Columns> {
  readonly name: string;
  /** The kind of the table's memory, which it keeps when it is altered. */
  readonly backend: BackendName;
  /** `assertOpen` as a function to pass to others, which follows the table in any case. */
  readonly proceed = (): void => this.#present().assertOpen();
  readonly #attach: AttachOptions;
  readonly #caller: Caller;
  /** The columns that this handle was opened with: it follows its table as long as they are there. */
  #own: readonly Column[];
  #shared: SharedParts;
  #parts: TableParts<C> | undefined;
  /** The words of the parts' memory; NOWHERE without parts. */
  #words: Int32Array;
  /** The schema that was last seen, also of a closed handle. */
  #schema: TableSchema;
  #followsByItself = true;
  /** Why the handle cannot follow its table any more. */
  #lost: ShmTableError | undefined;
  #watches: ChangeWatches | undefined;

  constructor(shared: SharedParts, attach: AttachOptions) {
    this.name = attach.name;
    this.#attach = attach;
    this.#shared = shared;
    // C was inferred from the columns that the table was created with or checked against, or is the general Columns.
    const parts = shared.parts as TableParts<Columns> as TableParts<C>;
    this.#parts = parts;
    this.backend = parts.segment.backend;
    this.#words = parts.memory.words;
    this.#schema = parts.memory.layout.schema;
    this.#own = this.#schema.columns;
    this.#caller = { isOpen: true, lockTimeoutMs: attach.lockTimeoutMs };
    shared.hold(this);
  }

  /** A handle on a table that exists, whatever its schema. The errors of `openTable`; `ERR_TOO_MANY_PARTICIPANTS`. */
  static open(attach: AttachOptions): TableHandle<Columns> {
    return new TableHandle<Columns>(partsOf(attach), attach);
  }

  static attachTo(opened: OpenedTable, attach: AttachOptions): TableHandle<Columns> {
    return new TableHandle<Columns>(SharedParts.of(opened, attach), attach);
  }

  /** From now on the handle depends only on these columns of its table. */
  dependOn(columns: readonly Column[]): void {
    this.#own = columns;
  }

  /**
   * From now on the handle depends on no column, and follows its table only in `proceed`; until then, methods throw
   * `ERR_TABLE_CLOSED` once the table has moved. So its user can derive things from the columns, and knows when to
   * derive them again.
   */
  followOnlyWhenAsked(): void {
    this.#own = [];
    this.#followsByItself = false;
  }

  /** Whether the table has been altered, and this handle has not followed it yet. */
  get isBehind(): boolean {
    return this.#parts !== undefined && this.#words[STATE] === MOVED;
  }

  get lockTimeoutMs(): number {
    return this.#caller.lockTimeoutMs;
  }

  /** The table's schema; of a handle that is closed or lost the last one that it saw. Never throws. */
  get schema(): TableSchema {
    if (this.#words[STATE] === MOVED && this.#followsByItself) this.#followIfPossible();
    return this.#schema;
  }

  #followIfPossible(): void {
    try {
      this.#present();
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
    }
  }

  /** The shared parts, even if the table has been destroyed. `ERR_TABLE_CLOSED` once this handle is closed. */
  #open(): TableParts<C> {
    return this.#words[STATE] === MOVED ? this.#moved() : (this.#parts as TableParts<C>);
  }

  #moved(): TableParts<C> {
    if (this.#followsByItself || this.#parts === undefined) return this.#follow();
    throw new ShmTableError('ERR_TABLE_CLOSED', `table ${this.name} is being altered`);
  }

  /** The shared parts of the table where it is now. */
  #present(): TableParts<C> {
    return this.#words[STATE] === MOVED ? this.#follow() : (this.#parts as TableParts<C>);
  }

  /** Follows the table into its new segment. `ERR_SCHEMA_MISMATCH` when that lacks what this handle was opened with. */
  #follow(): TableParts<C> {
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#parts === undefined) {
      throw new ShmTableError('ERR_TABLE_CLOSED', `table ${this.name}: this handle is closed`);
    }
    const { identity } = this.#parts.memory;
    const shared = this.#findMoved(identity);
    const parts = shared.parts as TableParts<Columns> as TableParts<C>;
    const { layout } = parts.memory;
    const loss = describeLoss(this.#own, layout.schema.columns);
    if (loss !== undefined) {
      shared.closeUnheld();
      this.#lose('ERR_SCHEMA_MISMATCH', `was altered: ${loss}`);
    }
    const left = this.#shared;
    this.#shared = shared;
    this.#parts = parts;
    this.#words = parts.memory.words;
    this.#schema = layout.schema;
    // First of all: the thread that sleeps on the old memory could not be woken once that is gone.
    this.#watches?.moveTo(layout.feedCells === 0 ? undefined : new ChangeFeed(parts.memory));
    // In this order: `release` ends every registration of the handle.
    left.release(this);
    shared.hold(this);
    return parts;
  }

  /** The parts of the table's present segment. A table of the same name but another identity is another table. */
  #findMoved(identity: string): SharedParts {
    try {
      const shared = partsOf(this.#attach);
      if (shared.parts.memory.identity === identity) return shared;
      shared.closeUnheld();
    } catch (error) {
      if (!hasCode(error, 'ERR_TABLE_NOT_FOUND')) throw error;
    }
    return this.#lose('ERR_TABLE_CLOSED', 'was destroyed');
  }

  #lose(code: 'ERR_SCHEMA_MISMATCH' | 'ERR_TABLE_CLOSED', why: string): never {
    this.#lost = new ShmTableError(code, `table ${this.name} ${why}`);
    this.#leave();
    throw this.#lost;
  }

  /**
   * The parts that belong together: of two reads of the properties below, the second may be of another segment. They
   * last until the next use of the handle.
   */
  get parts(): TableParts<C> {
    return this.#open();
  }

  get memory(): TableMemory {
    return this.#open().memory;
  }

  get segment(): Segment {
    return this.#open().segment;
  }

  get locks(): ByteLocks {
    return this.#open().locks;
  }

  get draft(): ScratchRow<C> {
    return this.#open().draft;
  }

  get clock(): TableClock {
    return this.#open().clock;
  }

  get expired(): ExpiredRows {
    return this.#open().expired;
  }

  get codec(): RowCodec<C> {
    return this.#open().code.codec;
  }

  get reader(): Reader<C> {
    return this.#open().reader;
  }

  get key(): Key {
    return this.#open().code.key;
  }

  get scan(): RowScan<C> {
    return this.#open().scan;
  }

  get rows(): Lookup<Row<C>> {
    return this.#open().rows;
  }

  get entries(): Lookup<Entry<C>> {
    return this.#open().entries;
  }

  get storedRows(): StoredRows<C> {
    return this.#open().storedRows;
  }

  get presence(): Lookup<true> {
    return this.#open().presence;
  }

  get expiries(): Lookup<number> {
    return this.#open().expiries;
  }

  valuesOf(column: string): Lookup<unknown> {
    return this.#open().valuesOf(column);
  }

  accumulator(column: string): Accumulator {
    return this.#open().accumulator(column);
  }

  /** Undefined for a read-only handle. */
  get writing(): WritingParts | undefined {
    return this.#open().writing;
  }

  /**
   * The writer, which from now on writes for this handle. Use it only after the last of the caller's code has run,
   * except for what `write` itself reads. Waits while the table is being altered. `ERR_TABLE_CLOSED`, `ERR_READ_ONLY`,
   * `ERR_LOCK_TIMEOUT`.
   */
  get writer(): Writer {
    const writing = this.assertWritable();
    writing.participant.caller = this.#caller;
    return writing.writer;
  }

  /** For what a write has thrown: returns if it found the table being altered and is to begin again; else rethrows. */
  beginAgain(error: unknown): void {
    if (!(error instanceof WriteRefused)) throw error;
  }

  /**
   * Makes a write, and again if it found the table being altered; `parts` are those that the writer belongs to. For hot
   * uses, see `beginAgain`.
   */
  write<T>(operation: (writer: Writer, parts: TableParts<C>) => T): T {
    for (;;) {
      try {
        const { writer } = this;
        return operation(writer, this.#parts as TableParts<C>);
      } catch (error) {
        this.beginAgain(error);
      }
    }
  }

  /** Undefined for a table without a feed. */
  get watches(): ChangeWatches | undefined {
    const { memory, segment } = this.#open();
    if (memory.layout.schema.changes === 0) return undefined;
    const settleDead = (): void => {
      this.#present().writing?.participant.settleDead();
    };
    this.#watches ??= new ChangeWatches(
      new ChangeFeed(memory),
      { name: this.name, assertOpen: this.proceed, settleDead },
      segment.readOnly,
    );
    return this.#watches;
  }

  /** Keeps the present parts for `holder`, however long the handle stays, until `release(holder)`. */
  hold(holder: object): { readonly parts: TableParts<C>; readonly release: () => void } {
    const parts = this.#open();
    const shared = this.#shared;
    shared.hold(holder);
    return { parts, release: () => shared.release(holder) };
  }

  /** Whether this handle is closed or lost, or any process has destroyed the table. Never throws. */
  get isClosed(): boolean {
    if (this.#words[STATE] === MOVED) this.#followIfPossible();
    return this.#parts === undefined || this.#parts.isClosed;
  }

  /** Throws `ERR_TABLE_CLOSED` once this handle is closed, or any process has destroyed the table. */
  assertOpen(): void {
    this.#open().assertOpen();
  }

  /** Throws `ERR_TABLE_CLOSED` or `ERR_READ_ONLY`. */
  assertWritable(): WritingParts {
    const parts = this.#open();
    if (this.#words[STATE] === READY) return parts.assertWritable();
    return this.#awaitWritable();
  }

  /** Waits while the table is being altered. `ERR_LOCK_TIMEOUT`. */
  #awaitWritable(): WritingParts {
    for (;;) {
      const parts = this.#open();
      if (parts.writing === undefined || this.#words[STATE] !== FROZEN) return parts.assertWritable();
      awaitWritable(this.name, this.#words, parts.locks, this.#caller.lockTimeoutMs, () =>
        removeNext(this.#attach, parts),
      );
    }
  }

  /** Releases the parts, even when it throws `ERR_TABLE_CORRUPT`. Calling it again has no effect. */
  close(): void {
    this.#lost = undefined;
    if (this.#parts !== undefined) this.#leave();
  }

  #leave(): void {
    this.#parts = undefined;
    this.#words = NOWHERE;
    this.#caller.isOpen = false;
    this.#watches?.close();
    this.#shared.release(this);
  }
}

function partsOf(attach: AttachOptions): SharedParts {
  return SharedParts.find(attach, {}) ?? SharedParts.of(openTable(attach, {}), attach);
}
