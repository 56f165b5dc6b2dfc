import { hasCode, ShmTableError, show } from '../../errors.js';
import { ChangeFeed } from '../changes/change-feed.js';
import { leastHash } from '../hash-order.js';
import { constants } from '../layout/constants.js';
import { isLong } from '../layout/row.js';
import { CLOCK_SEEN, GENERATION, REVISION_BASE, WALL_AHEAD } from '../layout/segment.js';
import * as slot from '../layout/slot.js';
import type { TableMemory } from '../layout/table-memory.js';
import type { BucketNumber, WordIndex } from '../layout/units.js';
import { LongRowReading } from '../long-row-reading.js';
import type { RowReading, RowSource } from '../row-source.js';
import { countedBlocks, countedRows, sumOfCounter } from '../stats.js';
import type { TableHandle } from '../table-handle.js';
import type { Columns, Row } from '../types.js';
import { rowConversion } from './row-conversion.js';

const { EPOCH, EPOCH_MASK, VERSION } = constants.bucket;
const { ROW_HASH } = constants.row;

/** The stamps of a bucket that was not copied yet, and of one of which not all rows were. */
const NEVER = -1;
const PARTLY = -2;
/** Rounds of copying while writers continue. */
const MAX_ROUNDS = 4;
/** With fewer changed buckets another round is not worth while: writers are held for this many instead. */
const FEW_BUCKETS = 1000;
/** The part of the buckets of a round that may have changed again meanwhile for another round to be worth while. */
const WORTHWHILE = 0.5;

/** A row to copy. */
interface CopiedRow {
  readonly row: Row<Columns>;
  /** Table time, 0 for never. */
  readonly expiresAt: number;
}

/**
 * Copies the rows of one table to another one, which nobody else has open and which has the same hash and table time.
 *
 * A bucket's version advances with every change of its rows. So a bucket is copied together with the version that it had
 * before, and once more if it has another one later. While others write this is repeated until few buckets are left, or
 * until they change faster than they are copied; the rest is copied while writers are held.
 */
export class TableCopy {
  readonly #from: TableHandle<Columns>;
  readonly #to: TableHandle<Columns>;
  readonly #source: TableMemory;
  /** For each bucket its epoch and version before it was copied last. */
  readonly #stamps: Float64Array;
  readonly #convert: (row: Row<Columns>) => object;
  readonly #readChain: (bucket: BucketNumber) => Iterable<{ readonly key: string; readonly value: CopiedRow }>;
  readonly #copiedKeys: RowReading<{ readonly key: string; readonly hash: number }>;
  #isFinal = false;
  /** The greatest stamp that was seen. */
  #greatest = 0;

  /** `ERR_SCHEMA_INVALID` when a column cannot be converted. */
  constructor(from: TableHandle<Columns>, to: TableHandle<Columns>) {
    const { memory, reader } = from;
    const { columns } = memory.layout.row;
    this.#from = from;
    this.#to = to;
    this.#source = memory;
    // Otherwise rows would be evicted because of others that were removed or have changed since.
    if (canHoldAll(to.memory, memory)) to.writer.evicts = false;
    this.#stamps = new Float64Array(memory.homeBuckets).fill(NEVER);
    this.#convert = rowConversion(memory.layout.schema.columns, to.schema.columns);
    const make = ({ codec, expiresAt }: RowSource): ((at: WordIndex) => CopiedRow) => {
      return (at) => ({ row: codec.read(at), expiresAt: expiresAt(at) });
    };
    if (columns.some(isLong)) {
      const reading = new LongRowReading(reader, columns, '', make);
      this.#readChain = (bucket) => reading.rows(bucket, () => {});
    } else {
      const reading = reader.reading((source) => {
        const read = make(source);
        return (at) => ({ key: source.keyAt(at), value: read(at) });
      });
      this.#readChain = (bucket) => reader.chain(bucket, reading);
    }
    this.#copiedKeys = to.reader.reading((source) => (at) => ({
      key: source.keyAt(at),
      hash: source.memory.words[at + ROW_HASH] >>> 0,
    }));
  }

  /** Copies while others write; what they change meanwhile is left for `finish`. */
  copyMost(): void {
    let changed = this.#changed();
    for (let round = 0; round < MAX_ROUNDS; round++) {
      this.#copy(changed);
      const before = changed.length;
      changed = this.#changed();
      if (changed.length <= FEW_BUCKETS || changed.length > before * WORTHWHILE) return;
    }
  }

  /** Copies what has changed since. Requires that nobody writes to the table. */
  finish(): void {
    this.#isFinal = true;
    const { memory, writer } = this.#to;
    writer.evicts = memory.uses !== undefined;
    this.#copy(this.#changed());
  }

  /**
   * Makes the copy continue where the table is: with revisions above all that it has had, with its statistics, its time
   * and its feed. Requires that `finish` was called and nobody writes to the table.
   */
  continueTable(): void {
    const { memory, writing } = this.#to;
    if (writing === undefined) return;
    const source = this.#source;
    const { doubles } = memory;
    const feedHead = source.layout.feedCells === 0 ? 0 : new ChangeFeed(source).head;
    const base = Math.max(doubles[REVISION_BASE / 2], source.revision(0, 0) + this.#greatest + 1, feedHead);
    doubles[REVISION_BASE / 2] = base;
    for (const field of [CLOCK_SEEN, WALL_AHEAD]) doubles[field / 2] = source.doubles[field / 2];
    this.#continueCounters(memory, writing.participant.at / 2);
    if (memory.layout.feedCells === 0) return;
    // One sequence is left out, so that every reader finds a gap. A table that was altered before may have had a feed
    // once, whose readers come back: all its sequences were below the bases of the revisions since.
    const isFirst = source.layout.feedCells === 0 && source.words[GENERATION] === 0;
    new ChangeFeed(memory).beginAt(isFirst ? 1 : (feedHead || source.doubles[REVISION_BASE / 2]) + 1);
  }

  /** Rows that were not copied had expired. */
  #continueCounters(memory: TableMemory, at: number): void {
    const { doubles } = memory;
    const source = this.#source;
    const rows = countedRows(memory);
    const evicted = sumOfCounter(memory, slot.EVICTIONS);
    for (const counter of slot.COUNTERS.keys()) {
      doubles[at + slot.counterAt(counter)] = sumOfCounter(source, counter);
    }
    doubles[at + slot.counterAt(slot.EVICTIONS)] += evicted;
    doubles[at + slot.counterAt(slot.EXPIRATIONS)] += countedRows(memory) - rows;
  }

  /** Epoch and version of a bucket as one number. */
  #stamp(bucket: BucketNumber): number {
    const { words } = this.#source;
    const home = this.#source.homeWord(bucket);
    for (;;) {
      const epoch = Atomics.load(words, home + EPOCH) & EPOCH_MASK;
      const version = Atomics.load(words, home + VERSION) >>> 0;
      // The epoch advances before the version wraps.
      if ((Atomics.load(words, home + EPOCH) & EPOCH_MASK) === epoch) return epoch * 2 ** 32 + version;
    }
  }

  /** The buckets that have changed since they were copied. At the end this also determines the greatest stamp. */
  #changed(): BucketNumber[] {
    const changed: BucketNumber[] = [];
    for (let bucket = 0 as BucketNumber; bucket < this.#source.homeBuckets; bucket++) {
      const stamp = this.#stamp(bucket);
      if (stamp !== this.#stamps[bucket]) changed.push(bucket);
      if (stamp > this.#greatest) this.#greatest = stamp;
    }
    return changed;
  }

  /**
   * What is gone is removed first, from all of these buckets, so that there is room for the rest; at the end also what
   * takes room in the heap, which may have been given to other rows.
   */
  #copy(buckets: readonly BucketNumber[]): void {
    for (const bucket of buckets) {
      const isFirst = this.#stamps[bucket] === NEVER;
      this.#stamps[bucket] = this.#stamp(bucket);
      if (!isFirst) this.#removeCopied(bucket, this.#isFinal && this.#to.memory.layout.heap !== undefined);
    }
    for (const bucket of buckets) this.#copyChain(bucket);
  }

  #copyChain(bucket: BucketNumber): void {
    const { writer } = this.#to;
    for (const { key, value } of this.#readChain(bucket)) {
      try {
        writer.write('put', key, this.#convert(value.row), value.expiresAt);
      } catch (error) {
        if (!(error instanceof ShmTableError)) throw error;
        // Rows that were removed since, and earlier values, may still be in the copy.
        if (this.#isFinal || !hasCode(error, 'ERR_TABLE_FULL')) throw refused(key, error);
        this.#stamps[bucket] = PARTLY;
        return;
      }
    }
  }

  /** Removes from the copy the rows of this bucket that the table no longer has, or all of them. */
  #removeCopied(bucket: BucketNumber, all: boolean): void {
    const { memory, reader, writer } = this.#to;
    const from = leastHash(this.#source, bucket);
    const to = leastHash(this.#source, bucket + 1);
    const last = memory.bucketOf(to - 1);
    let present: Set<string> | undefined;
    for (let copied = memory.bucketOf(from); copied <= last; copied++) {
      for (const { key, hash } of reader.chain(copied, this.#copiedKeys)) {
        if (hash < from || hash >= to) continue;
        if (!all) present ??= new Set(this.#from.scan.keysOf(bucket).map((row) => row.key));
        if (present?.has(key) !== true) writer.remove(key);
      }
    }
  }
}

/** Whether a table has room for the rows of another one; of the heap an estimate, since its columns may be others. */
function canHoldAll({ layout: { heap, schema } }: TableMemory, source: TableMemory): boolean {
  const { heap: sourceHeap } = source.layout;
  const heapBytes = sourceHeap === undefined ? 0 : countedBlocks(source) * sourceHeap.blockBytes;
  return countedRows(source) <= schema.capacity && (heap === undefined || heapBytes <= heap.blocks * heap.blockBytes);
}

function refused(key: string, error: ShmTableError): ShmTableError {
  return new ShmTableError(error.code, `the row of key ${show(key)} does not fit: ${error.message}`, { cause: error });
}
