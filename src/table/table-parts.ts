import { ShmTableError } from '../errors.js';
import type { ByteLocks, Segment } from '../memory/index.js';
import { attachToFile, detachFromFile } from './boot-record.js';
import { Evictor } from './expiry/evictor.js';
import { ExpiredRows } from './expiry/expired-rows.js';
import { Sweeper } from './expiry/sweeper.js';
import type { TableClock } from './expiry/table-clock.js';
import type { Accumulator } from './hot/add-to-column.js';
import type { Heap } from './hot/heap.js';
import type { Lookup } from './hot/lookup.js';
import type { Writer } from './hot/write.js';
import { type PlacedColumn, ROW_HASH } from './layout/row.js';
import { memoryFor } from './layout/row-memory.js';
import { FROZEN, MOVED, READY, STATE } from './layout/segment.js';
import type { TableMemory } from './layout/table-memory.js';
import type { OpenedTable } from './open.js';
import type { AttachOptions } from './options.js';
import { Participant } from './participant.js';
import { Reader } from './reader.js';
import { entryReader, RowScan } from './row-scan.js';
import { ScratchRow } from './scratch-row.js';
import { countedBlocks } from './stats.js';
import { StoredRows } from './stored-rows.js';
import { TableCode } from './table-code.js';
import { createContext } from './table-context.js';
import type { Columns, Entry, Row } from './types.js';
import { unknownColumn } from './unknown-column.js';

/** Evictions of a handle between two checks for free slices that unfinished operations of others hide. */
const ROOMS_PER_LOOK = 64;

/** The parts that only a table open for writing has. */
export class WritingParts {
  readonly participant: Participant;
  readonly sweeper: Sweeper;
  readonly #createWriter: (writing: WritingParts) => Writer;
  #writer: Writer | undefined;

  constructor(
    participant: Participant,
    createSweeper: (writing: WritingParts) => Sweeper,
    createWriter: (writing: WritingParts) => Writer,
  ) {
    this.participant = participant;
    this.sweeper = createSweeper(this);
    this.#createWriter = createWriter;
  }

  get writer(): Writer {
    this.#writer ??= this.#createWriter(this);
    return this.#writer;
  }
}

/**
 * Everything that an attached table works with, assembled in one place. All handles that a thread has of the table
 * share it: see `shared-parts.ts`. Compiled code is created when it is first needed: see `TableCode`.
 */
export class TableParts<C extends Columns = Columns> {
  readonly name: string;
  readonly segment: Segment;
  readonly memory: TableMemory;
  readonly locks: ByteLocks;
  readonly code: TableCode<C>;
  readonly draft: ScratchRow<C>;
  readonly clock: TableClock;
  readonly expired: ExpiredRows;
  /** Undefined for read-only handles, which are not participants. */
  readonly writing: WritingParts | undefined;
  readonly #options: AttachOptions;
  readonly #columns: ReadonlyMap<string, PlacedColumn>;
  #reader: Reader<C> | undefined;
  #scan: RowScan<C> | undefined;
  #lastColumn: string | undefined;
  #lastValues: Lookup<unknown> | undefined;
  #rows: Lookup<Row<C>> | undefined;
  #entries: Lookup<Entry<C>> | undefined;
  #storedRows: StoredRows<C> | undefined;
  #presence: Lookup<true> | undefined;
  #expiries: Lookup<number> | undefined;
  readonly #values = new Map<string, Lookup<unknown>>();
  readonly #accumulators = new Map<string, Accumulator>();
  #lastSum: string | undefined;
  #lastAccumulator: Accumulator | undefined;

  /** Attaches. `ERR_TOO_MANY_PARTICIPANTS` when all slots are taken. */
  constructor({ segment, memory }: OpenedTable, options: AttachOptions) {
    const { row } = memory.layout;
    this.name = options.name;
    this.segment = segment;
    this.memory = memory;
    this.#options = options;
    this.#columns = new Map(row.columns.map((column) => [column.name, column]));
    this.code = new TableCode<C>(createContext(options.name, memory));
    this.draft = new ScratchRow<C>(row, () => this.code.compileCodec(memoryFor(row.rowBytes)).codec);
    this.clock = this.code.context.clock;
    this.expired = new ExpiredRows(memory, this.clock, this.code.context.groups);
    this.locks = segment.openByteLocks();
    try {
      this.writing = options.readOnly ? undefined : this.#attach();
    } catch (error) {
      // Otherwise the slot would stay taken until these locks are garbage-collected.
      this.locks.close();
      throw error;
    }
  }

  #attach(): WritingParts {
    const { segment, code, locks, clock } = this;
    const participant =
      segment.backend === 'file' ? attachToFile(segment, code, locks) : Participant.attach(code, locks);
    return new WritingParts(
      participant,
      (writing) => new Sweeper(this.expired, clock, writing, locks, () => !this.isClosed && !this.hasMoved),
      (writing) => this.#createWriter(writing),
    );
  }

  #createWriter({ participant, sweeper }: WritingParts): Writer {
    const { memory } = this;
    const writer = this.code.writer(participant);
    const hasOverlooked = (): boolean =>
      participant.settleUnfinished() > 0 || (memory.rows.seemsToHaveRoom && memory.overflow.seemsToHaveRoom);
    if (memory.uses === undefined) {
      // Waiting for a locked bucket, which costs the caller time, comes last.
      writer.makeRoom = () => hasOverlooked() || sweeper.reclaim() > 0 || sweeper.reclaimLocked();
    } else {
      const evictor = new Evictor(memory, memory.uses, writer);
      let times = 0;
      writer.makeRoom = () =>
        (times++ % ROOMS_PER_LOOK === 0 && hasOverlooked()) ||
        sweeper.reclaimNowAndThen() > 0 ||
        (writer.evicts && evictor.evictOne()) ||
        hasOverlooked();
    }
    const { heap } = this.code;
    if (heap !== undefined) this.#makeHeapRoomWith(heap, writer, participant, sweeper);
    return writer;
  }

  #makeHeapRoomWith(heap: Heap, writer: Writer, participant: Participant, sweeper: Sweeper): void {
    const { memory } = this;
    const { words, uses } = memory;
    const evictor = uses === undefined ? undefined : new Evictor(memory, uses, writer);
    const hasOverlooked = (): boolean => participant.settleUnfinished() > 0 || memory.heapBits?.findFree() !== -1;
    writer.usedBlocks = () => countedBlocks(memory);
    if (evictor === undefined) {
      writer.makeHeapRoom = () => sweeper.reclaim() > 0 || hasOverlooked() || sweeper.reclaimLocked();
      return;
    }
    let times = 0;
    // If a `set` evicted its own row, it would lose the columns that it does not name.
    writer.makeHeapRoom = (except) =>
      (times++ % ROOMS_PER_LOOK === 0 && hasOverlooked()) ||
      sweeper.reclaimNowAndThen() > 0 ||
      (writer.evicts && evictor.evictOne((row) => words[row + ROW_HASH] !== except && heap.blocksOf(row) > 0)) ||
      hasOverlooked();
  }

  #detach(participant: Participant): void {
    if (this.segment.backend === 'file') detachFromFile(this.segment, this.memory, this.locks, participant);
    else participant.detach();
  }

  /** A column by name. `ERR_COLUMN_UNKNOWN`. */
  column(name: string): PlacedColumn {
    return this.#columns.get(name) ?? unknownColumn(name, this.memory.layout.row.columns);
  }

  get reader(): Reader<C> {
    this.#reader ??= this.#createReader();
    return this.#reader;
  }

  #createReader(): Reader<C> {
    return new Reader<C>(this.code, this.#options.readOnly, () => this.assertOpen());
  }

  get scan(): RowScan<C> {
    this.#scan ??= new RowScan(this.code, this.reader, (name) => this.column(name));
    return this.#scan;
  }

  /** Looks up whole rows. */
  get rows(): Lookup<Row<C>> {
    this.#rows ??= this.reader.lookup(({ codec }) => codec.read);
    return this.#rows;
  }

  get entries(): Lookup<Entry<C>> {
    this.#entries ??= this.reader.lookup((source) => entryReader(source, source.codec.read, this.clock));
    return this.#entries;
  }

  /** Looks up entries in their stored form. */
  get storedRows(): StoredRows<C> {
    this.#storedRows ??= new StoredRows(this.reader, this.clock);
    return this.#storedRows;
  }

  /** Looks up whether there is a row: true or undefined. */
  get presence(): Lookup<true> {
    this.#presence ??= this.reader.lookup(() => (): true => true);
    return this.#presence;
  }

  /** Looks up when a row expires, in table time, 0 for never. */
  get expiries(): Lookup<number> {
    this.#expiries ??= this.reader.lookup(({ expiresAt }) => expiresAt);
    return this.#expiries;
  }

  /**
   * Looks up one column, by name. `ERR_COLUMN_UNKNOWN`. The last lookup is kept: most programs ask for one column many
   * times, and comparing names takes 4 ns less than finding a lookup by name.
   */
  valuesOf(column: string): Lookup<unknown> {
    if (column !== this.#lastColumn || this.#lastValues === undefined) {
      this.#lastValues = this.#values.get(column) ?? this.#lookUp(column);
      this.#lastColumn = column;
    }
    return this.#lastValues;
  }

  #lookUp(column: string): Lookup<unknown> {
    // Anything but a string might turn into the name of a column, or throw, when it is converted to one.
    if (typeof column !== 'string') unknownColumn(column, this.memory.layout.row.columns);
    const values = this.reader.lookup(
      ({ codec }) => codec.readers[column] ?? unknownColumn(column, this.memory.layout.row.columns),
    );
    this.#values.set(column, values);
    return values;
  }

  /** Adds to a column of numbers; the last one is kept, as in `valuesOf`. `ERR_COLUMN_UNKNOWN`, `ERR_COLUMN_TYPE`. */
  accumulator(name: string): Accumulator {
    if (name !== this.#lastSum || this.#lastAccumulator === undefined) {
      this.#lastAccumulator = this.#accumulators.get(name) ?? this.#accumulate(name);
      this.#lastSum = name;
    }
    return this.#lastAccumulator;
  }

  #accumulate(name: string): Accumulator {
    const accumulator = this.code.accumulator(this.column(name));
    this.#accumulators.set(name, accumulator);
    return accumulator;
  }

  /** Throws `ERR_TABLE_CLOSED` or `ERR_READ_ONLY`. */
  assertWritable(): WritingParts {
    this.assertOpen();
    if (this.writing === undefined) {
      throw new ShmTableError('ERR_READ_ONLY', `table ${this.name} was opened with readOnly`);
    }
    return this.writing;
  }

  /** Whether the table is destroyed or detached; the memory of a detached table reads as zeros. */
  get isClosed(): boolean {
    const state = this.memory.words[STATE];
    return state !== READY && state !== FROZEN && state !== MOVED;
  }

  /** Whether the table is in another segment now. */
  get hasMoved(): boolean {
    return Atomics.load(this.memory.words, STATE) === MOVED;
  }

  /** Throws `ERR_TABLE_CLOSED` once any process has destroyed the table. */
  assertOpen(): void {
    if (this.isClosed) throw new ShmTableError('ERR_TABLE_CLOSED', `table ${this.name}: the table was destroyed`);
  }

  /** Detaches, even when it throws `ERR_TABLE_CORRUPT`. Called once. */
  close(): void {
    const isLeft = this.isClosed || this.hasMoved;
    this.writing?.sweeper.stop();
    try {
      if (!isLeft && this.writing !== undefined) this.#detach(this.writing.participant);
    } finally {
      this.locks.close();
      this.segment.close();
    }
  }
}
