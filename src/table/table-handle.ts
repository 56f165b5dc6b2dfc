import { ShmTableError } from '../errors.js';
import type { ByteLocks, Segment } from '../memory/index.js';
import { ChangeFeed } from './changes/change-feed.js';
import { ChangeWatches } from './changes/change-watch.js';
import type { ExpiredRows } from './expiry/expired-rows.js';
import type { TableClock } from './expiry/table-clock.js';
import type { Accumulator } from './hot/add-to-column.js';
import type { Key } from './hot/encode-key.js';
import type { Caller } from './hot/lock.js';
import type { Lookup } from './hot/lookup.js';
import type { Writer } from './hot/write.js';
import type { TableMemory } from './layout/table-memory.js';
import type { AttachOptions } from './options.js';
import type { Reader } from './reader.js';
import type { RowCodec } from './row-codec.js';
import type { RowScan } from './row-scan.js';
import type { ScratchRow } from './scratch-row.js';
import type { SharedParts } from './shared-parts.js';
import type { StoredRows } from './stored-rows.js';
import type { TableParts, WritingParts } from './table-parts.js';
import type { Columns, Entry, Row } from './types.js';

/**
 * What belongs to one handle: whether it is open, how long it waits for locks, and its watches. Everything else is in
 * the parts that the thread's handles of the table share; a closed handle has none, and every use of it throws
 * `ERR_TABLE_CLOSED`, while other handles continue.
 */
export class TableHandle<C extends Columns> {
  readonly name: string;
  /** `assertOpen` as a function to pass to others. */
  readonly proceed = (): void => this.assertOpen();
  readonly #shared: SharedParts;
  readonly #caller: Caller;
  #parts: TableParts<C> | undefined;
  #watches: ChangeWatches | undefined;

  constructor(shared: SharedParts, { name, lockTimeoutMs }: AttachOptions) {
    this.name = name;
    this.#shared = shared;
    // C was inferred from the columns that the table was created with or checked against, or is the general Columns.
    this.#parts = shared.parts as TableParts<Columns> as TableParts<C>;
    this.#caller = { isOpen: true, lockTimeoutMs };
    shared.hold(this);
  }

  get lockTimeoutMs(): number {
    return this.#caller.lockTimeoutMs;
  }

  /** The shared parts, even if the table has been destroyed. `ERR_TABLE_CLOSED` once this handle is closed. */
  #open(): TableParts<C> {
    const parts = this.#parts;
    if (parts !== undefined) return parts;
    throw new ShmTableError('ERR_TABLE_CLOSED', `table ${this.name}: this handle is closed`);
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
   * except for what `write` itself reads. `ERR_TABLE_CLOSED`, `ERR_READ_ONLY`.
   */
  get writer(): Writer {
    const writing = this.assertWritable();
    writing.participant.caller = this.#caller;
    return writing.writer;
  }

  /** Undefined for a table without a feed. */
  get watches(): ChangeWatches | undefined {
    const { memory, writing, segment } = this.#open();
    if (memory.layout.schema.changes === 0) return undefined;
    const settleDead = (): void => {
      writing?.participant.settleDead();
    };
    this.#watches ??= new ChangeWatches(
      new ChangeFeed(memory),
      { assertOpen: this.proceed, settleDead },
      segment.readOnly,
    );
    return this.#watches;
  }

  /** Whether this handle is closed, or any process has destroyed the table. */
  get isClosed(): boolean {
    return this.#parts === undefined || this.#parts.isClosed;
  }

  /** Throws `ERR_TABLE_CLOSED` once this handle is closed, or any process has destroyed the table. */
  assertOpen(): void {
    this.#open().assertOpen();
  }

  /** Throws `ERR_TABLE_CLOSED` or `ERR_READ_ONLY`. */
  assertWritable(): WritingParts {
    return this.#open().assertWritable();
  }

  /** Releases the parts, even when it throws `ERR_TABLE_CORRUPT`. Calling it again has no effect. */
  close(): void {
    if (this.#parts === undefined) return;
    this.#parts = undefined;
    this.#caller.isOpen = false;
    this.#watches?.close();
    this.#shared.release(this);
  }
}
