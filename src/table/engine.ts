import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import { alteredSchema } from './alter/altered-schema.js';
import { BulkRemoval } from './bulk-removal.js';
import type { ChangeWatch } from './changes/change-watch.js';
import { ConditionalWrites } from './conditional-writes.js';
import { DistributionSample } from './distribution.js';
import type { WriteMode } from './hot/write.js';
import { layOutSegment } from './layout/segment.js';
import { CONDITIONAL_OPTIONS, REMOVE_OPTIONS, WATCH_OPTIONS } from './option-names.js';
import { integer } from './options.js';
import type { Outcome } from './outcome.js';
import { readScanOptions } from './row-scan.js';
import { countLiveRows, readCounts, readHeap } from './stats.js';
import type { TableHandle } from './table-handle.js';
import type {
  AlterOptions,
  Columns,
  Entry,
  HeapStats,
  RowInput,
  ScanOptions,
  ScanPage,
  TableCounts,
  WatchOptions,
} from './types.js';
import { readValueSizes, type ValueSizes } from './value-sizes.js';
import { type ConditionalOptions, checkTtl, expiryOf, readWriteOptions } from './write-options.js';

/** Groups, of some 3,600 rows each, of which the expired rows are counted at once: a few hundred microseconds each. */
const GROUPS_AT_ONCE = 24;

const engines = new WeakMap<object, TableEngine>();

/** Registers `engine` as the engine of `table`. */
export function putUnder<C extends Columns>(table: object, engine: TableEngine<C>): void {
  engines.set(table, engine as TableEngine);
}

/** The engine of a table, for the service and the command. */
export function engineOf<C extends Columns>(table: { readonly name: string; readonly columns: C }): TableEngine<C> {
  const engine = engines.get(table);
  if (engine === undefined) throw new ShmTableError('ERR_INTERNAL', `table ${table.name} has nothing under it`);
  return engine as TableEngine<C>;
}

/**
 * The engine of one `Table`: operations that report more than the methods of `Table` do, and those that `Table` is
 * built from. The service and the command use it (`engineOf`); it is not part of the package's public interface.
 */
export class TableEngine<C extends Columns = Columns> {
  readonly conditional: ConditionalWrites<C>;
  readonly removal: BulkRemoval<C>;
  readonly #handle: TableHandle<C>;

  constructor(handle: TableHandle<C>) {
    this.#handle = handle;
    this.conditional = new ConditionalWrites(handle);
    this.removal = new BulkRemoval(handle);
  }

  /**
   * A write that reports its outcome, and the revision and expiry (epoch milliseconds or null) that the row then has.
   */
  write(
    mode: WriteMode,
    key: string,
    row: RowInput<C>,
    options: ConditionalOptions = {},
  ): { outcome: Outcome; revision: number; expiresAt: number | null } {
    const read = readWriteOptions(options, CONDITIONAL_OPTIONS);
    return this.#handle.write((writer, { clock }) => {
      const outcome = writer.write(mode, key, row, expiryOf(clock, read), read.ifRevision);
      return { outcome, revision: writer.last.revision, expiresAt: clock.toWall(writer.expiresAt) };
    });
  }

  /** An increment that reports the revision and whether it created the row; 'mismatch' and 'absent' changed nothing. */
  increment(
    key: string,
    column: string,
    by: number | bigint = 1,
    options: ConditionalOptions = {},
  ): { outcome: Outcome; value: number | bigint; revision: number; created: boolean } {
    const read = readWriteOptions(options, CONDITIONAL_OPTIONS);
    return this.#handle.write((writer, parts) => {
      const numeric = parts.accumulator(column);
      const expiresAt = expiryOf(parts.clock, read);
      const outcome = writer.increment(key, numeric, numeric.addend(by), expiresAt, read.ifRevision);
      return { outcome, value: writer.value, revision: writer.last.revision, created: outcome === 'inserted' };
    });
  }

  /**
   * `Table.increment` with `ttlIfNew`, which also reports the milliseconds that the row has left: `Infinity` when it does
   * not expire. Saves the second lookup.
   */
  count(key: string, column: string, by: number, ttlIfNew: number | null): { value: number | bigint; msLeft: number } {
    if (ttlIfNew !== null) checkTtl(ttlIfNew, 'ttlIfNew');
    return this.#handle.write((writer, parts) => {
      const numeric = parts.accumulator(column);
      writer.increment(key, numeric, numeric.addend(by), undefined, undefined, ttlIfNew);
      const { value, expiresAt } = writer;
      return { value, msLeft: expiresAt === 0 ? Number.POSITIVE_INFINITY : parts.clock.left(expiresAt) };
    });
  }

  /** A removal that reports its outcome and revision. */
  remove(
    key: string,
    options: { readonly ifRevision?: number | undefined } = {},
  ): { outcome: Outcome; revision: number } {
    checkOptions(options, REMOVE_OPTIONS);
    const { ifRevision } = options;
    return this.#handle.write((writer) => {
      const outcome = writer.remove(key, ifRevision);
      return { outcome, revision: writer.last.revision };
    });
  }

  /**
   * `Table.entry` with values in their stored form: a `json` value as its text, '' for null. With `columns`, which must
   * exist, only those are read; an empty list reads only the revision.
   */
  storedEntry(key: string, columns?: readonly string[]): Entry<C> | undefined {
    return this.#handle.storedRows.entry(key, columns);
  }

  /**
   * `Table.scan` with values in their stored form; its long values have at most `maxBytes` together, or belong to a
   * single row.
   */
  storedPage<K extends keyof C & string>(options: ScanOptions<C, K>, maxBytes: number): ScanPage<C, K> {
    this.#handle.assertOpen();
    const read = readScanOptions(options);
    this.#handle.assertOpen();
    return this.#handle.scan.page(read, { isStored: true, maxBytes });
  }

  /**
   * Loads into the processor's cache the rows of up to MAX_KEYS_AHEAD keys that will be looked up next: see
   * `Reader.loadAhead`.
   */
  loadAhead(keys: readonly string[]): void {
    this.#handle.assertOpen();
    this.#handle.reader.loadAhead(keys);
  }

  /** `Table.watch`, with a non-blocking `poll`. */
  watch(options: WatchOptions = {}): ChangeWatch {
    checkOptions(options, WATCH_OPTIONS);
    const { prefix = '', since } = options;
    this.#handle.assertOpen();
    const { name, watches } = this.#handle;
    if (watches === undefined) {
      throw new ShmTableError('ERR_ARGUMENT', `table ${name} has no change feed: it was created with changes = 0`);
    }
    if (typeof prefix !== 'string') {
      throw new ShmTableError('ERR_ARGUMENT', `prefix must be a string, got ${show(prefix)}`);
    }
    if (since !== undefined) integer('since', since, 0, Number.MAX_SAFE_INTEGER);
    return watches.watch(prefix, since);
  }

  /** Distinguishes this table from all others, including later ones of the same name. */
  get identity(): string {
    this.#handle.assertOpen();
    return this.#handle.memory.identity;
  }

  /** See `TableHandle.followOnlyWhenAsked`; `follow` asks. */
  followOnlyWhenAsked(): void {
    this.#handle.followOnlyWhenAsked();
  }

  /** Whether the table has been altered, and this handle has not followed it yet. */
  get isBehind(): boolean {
    return this.#handle.isBehind;
  }

  /** Goes where the table is now. `ERR_TABLE_CLOSED` when it was destroyed, and what opening it throws. */
  follow(): void {
    this.#handle.proceed();
  }

  /** How many bytes the table takes after these changes. The errors of `alteredSchema`. */
  bytesAfter(changes: AlterOptions): number {
    return layOutSegment(alteredSchema(this.#handle.schema, changes)).totalBytes;
  }

  /** The part of `Table.stats` that is cheap however large the table is: O(maxParticipants). */
  counts(): TableCounts {
    this.#handle.assertOpen();
    const { memory, locks, writing } = this.#handle.parts;
    return readCounts(memory, locks, writing?.participant);
  }

  /** `Table.size`, if that is known within a few milliseconds; undefined if so much may have expired that it is not. */
  get quickSize(): number | undefined {
    this.#handle.assertOpen();
    const { memory, expired, writing } = this.#handle.parts;
    return expired.groupsDue > GROUPS_AT_ONCE ? undefined : countLiveRows(memory, expired, writing?.sweeper);
  }

  /** `Table.stats().heap`. O(maxParticipants + blocks / 32). */
  heapUse(): HeapStats | undefined {
    this.#handle.assertOpen();
    return readHeap(this.#handle.memory);
  }

  /** Begins a sample of how chains, rows and values are distributed. */
  distribution(): DistributionSample<C> {
    return new DistributionSample(this.#handle);
  }

  /** The sizes of the values of each `text`, `blob` and `json` column. O(rows); reads no value. */
  valueSizes(): Record<string, ValueSizes> {
    this.#handle.assertOpen();
    const { memory, reader, scan } = this.#handle.parts;
    return readValueSizes(memory, reader, scan);
  }

  /**
   * Settles the operations of dead participants and returns how many there were. Otherwise they are settled when others
   * wait for their locks.
   */
  settleDead(): number {
    return this.#handle.assertWritable().participant.settleDead();
  }
}
