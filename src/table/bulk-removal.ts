import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import { leastHash } from './hash-order.js';
import type { Writer } from './hot/write.js';
import type { TableMemory } from './layout/table-memory.js';
import type { BucketNumber } from './layout/units.js';
import { CLEAR_OPTIONS } from './option-names.js';
import { integer } from './options.js';
import type { TableHandle } from './table-handle.js';
import type { TableParts } from './table-parts.js';
import { Turns } from './turns.js';
import type { ClearOptions, Columns } from './types.js';

/** Milliseconds of work of `clear` and `deletePrefix` between two turns of the event loop. */
const YIELD_MS = 5;
const MAX_YIELD_MS = 60_000;
/** Empty buckets that are skipped before the time is checked again. */
const BUCKETS_AT_ONCE = 2 ** 14;

/** Removes many rows, one by one, bucket after bucket; buckets that are locked come last. See `Table.clear`. */
export class BulkRemoval<C extends Columns> {
  readonly #handle: TableHandle<C>;

  constructor(handle: TableHandle<C>) {
    this.#handle = handle;
  }

  /** Removes all rows, without yielding. */
  clear(): void {
    const locked: HashRange[] = [];
    this.clearFrom(0, Number.POSITIVE_INFINITY, locked);
    this.clearLocked(locked);
  }

  /** Removes all rows, taking turns with this thread's other work; resolves with how many. */
  async clearInTurns(options: ClearOptions): Promise<number> {
    checkOptions(options, CLEAR_OPTIONS);
    const yieldMs = integer('yieldMs', options.yieldMs ?? YIELD_MS, 1, MAX_YIELD_MS);
    return this.#inTurns(yieldMs, (bucket, removed, writer) => writer.clearBucket(bucket, true, removed));
  }

  /** Removes the rows whose key begins with `prefix`, taking turns; resolves with how many. */
  async deletePrefix(prefix: string): Promise<number> {
    if (typeof prefix !== 'string') {
      throw new ShmTableError('ERR_ARGUMENT', `prefix must be a string, got ${show(prefix)}`);
    }
    return this.#inTurns(YIELD_MS, (bucket, removed, writer, { reader, scan }) => {
      for (const { key } of reader.chain(bucket, scan.keys)) {
        if (key.startsWith(prefix) && writer.remove(key) === 'deleted') removed.rows++;
      }
    });
  }

  /**
   * A part of `clear`: at most `buckets` buckets from that of the hash `begin` on. Returns the hash to continue with,
   * undefined at the end. Never waits: buckets that were locked are added to `locked`, for `clearLocked` after the last
   * part.
   */
  clearFrom(begin: number, buckets: number, locked: HashRange[]): number | undefined {
    return this.#handle.write((writer, { memory, reader }) => {
      const first = memory.bucketOf(begin);
      const end = Math.min(first + buckets, memory.homeBuckets);
      for (let bucket = first; ; bucket++) {
        bucket = reader.chains.nextFilled(bucket, end);
        if (bucket >= end) break;
        writer.clearBucket(bucket, false, { rows: 0 });
        if (reader.chains.nextFilled(bucket, bucket + 1) === bucket) locked.push(rangeOf(memory, bucket));
      }
      return end < memory.homeBuckets ? leastHash(memory, end) : undefined;
    });
  }

  /** Clears the buckets that `clearFrom` left, waiting for their holders. `ERR_LOCK_TIMEOUT`. */
  clearLocked(locked: readonly HashRange[]): void {
    const removed = { rows: 0 };
    for (const range of locked) {
      this.#eachBucket(range, removed, (bucket, _, writer) => writer.clearBucket(bucket, true, removed));
    }
  }

  /**
   * Calls `remove` for each bucket that has a part of the range, however many buckets the table has by now: again for
   * those that it was called for when the table is altered in the middle.
   */
  #eachBucket({ from, to }: HashRange, removed: RemovedRows, remove: BucketRemoval<C>): void {
    this.#handle.write((writer, parts) => {
      const { memory } = parts;
      const last = memory.bucketOf(to - 1);
      for (let bucket = memory.bucketOf(from); bucket <= last; bucket++) remove(bucket, removed, writer, parts);
    });
  }

  /**
   * Calls `remove` for each bucket that has rows, and returns how many it removed. Terminates no matter how many rows
   * others insert.
   */
  async #inTurns(yieldMs: number, remove: BucketRemoval<C>): Promise<number> {
    const handle = this.#handle;
    const turns = new Turns(yieldMs);
    const locked: HashRange[] = [];
    const removed: RemovedRows = { rows: 0 };
    for (let begin: number | undefined = 0; begin !== undefined; ) {
      // First of all: while other work had its turn, the table may have been closed, or altered.
      handle.assertWritable();
      const { memory, reader } = handle.parts;
      const first = memory.bucketOf(begin);
      const end = Math.min(first + BUCKETS_AT_ONCE, memory.homeBuckets);
      const bucket = reader.chains.nextFilled(first, end);
      if (bucket < end) {
        const range = rangeOf(memory, bucket);
        if (memory.isLocked(bucket)) locked.push(range);
        else this.#eachBucket(range, removed, remove);
      }
      const next = Math.min(bucket + 1, end);
      begin = next < memory.homeBuckets ? leastHash(memory, next) : undefined;
      if (begin !== undefined && turns.isOver) await turns.next();
    }
    for (const range of locked) {
      handle.assertWritable();
      this.#eachBucket(range, removed, remove);
      if (turns.isOver) await turns.next();
    }
    return removed.rows;
  }
}

/** Counts rows as they are removed: a removal of many may be interrupted by an error. */
interface RemovedRows {
  rows: number;
}

/** Removes rows of a bucket and adds how many. */
type BucketRemoval<C extends Columns> = (
  bucket: BucketNumber,
  removed: RemovedRows,
  writer: Writer,
  parts: TableParts<C>,
) => void;

/** The hashes of a bucket, from `from` to before `to`: a part of the table that stays the same when it is altered. */
export interface HashRange {
  readonly from: number;
  readonly to: number;
}

function rangeOf(memory: TableMemory, bucket: BucketNumber): HashRange {
  return { from: leastHash(memory, bucket), to: leastHash(memory, bucket + 1) };
}
