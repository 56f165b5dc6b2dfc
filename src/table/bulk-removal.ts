import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import type { BucketNumber } from './layout/units.js';
import { CLEAR_OPTIONS } from './option-names.js';
import { integer } from './options.js';
import type { TableHandle } from './table-handle.js';
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
    const locked: BucketNumber[] = [];
    this.clearFrom(0, this.#handle.memory.homeBuckets, locked);
    this.clearLocked(locked);
  }

  /** Removes all rows, taking turns with this thread's other work; resolves with how many. */
  async clearInTurns(options: ClearOptions): Promise<number> {
    checkOptions(options, CLEAR_OPTIONS);
    const yieldMs = integer('yieldMs', options.yieldMs ?? YIELD_MS, 1, MAX_YIELD_MS);
    return this.#inTurns(yieldMs, (bucket) => this.#handle.writer.clearBucket(bucket, true));
  }

  /** Removes the rows whose key begins with `prefix`, taking turns; resolves with how many. */
  async deletePrefix(prefix: string): Promise<number> {
    if (typeof prefix !== 'string') {
      throw new ShmTableError('ERR_ARGUMENT', `prefix must be a string, got ${show(prefix)}`);
    }
    return this.#inTurns(YIELD_MS, (bucket) => {
      const { reader, scan, writer } = this.#handle;
      let deleted = 0;
      for (const { key } of reader.chain(bucket, scan.keys)) {
        if (key.startsWith(prefix) && writer.remove(key) === 'deleted') deleted++;
      }
      return deleted;
    });
  }

  /**
   * A part of `clear`: at most `buckets` buckets from number `begin` on. Returns the number to continue with, undefined
   * at the end. Never waits: buckets that were locked are added to `locked`, for `clearLocked` after the last part.
   */
  clearFrom(begin: number, buckets: number, locked: BucketNumber[]): number | undefined {
    const { writer, memory, reader } = this.#handle;
    const end = Math.min(begin + buckets, memory.homeBuckets);
    for (let bucket = begin as BucketNumber; ; bucket++) {
      bucket = reader.chains.nextFilled(bucket, end);
      if (bucket >= end) break;
      writer.clearBucket(bucket, false);
      if (reader.chains.nextFilled(bucket, bucket + 1) === bucket) locked.push(bucket);
    }
    return end < memory.homeBuckets ? end : undefined;
  }

  /** Clears the buckets that `clearFrom` left, waiting for their holders. `ERR_LOCK_TIMEOUT`. */
  clearLocked(locked: readonly BucketNumber[]): void {
    const { writer } = this.#handle;
    for (const bucket of locked) writer.clearBucket(bucket, true);
  }

  /**
   * Calls `remove` once for each bucket that has rows, and adds up how many it removed. Terminates no matter how many
   * rows others insert.
   */
  async #inTurns(yieldMs: number, remove: (bucket: BucketNumber) => number): Promise<number> {
    const handle = this.#handle;
    const turns = new Turns(yieldMs);
    const locked: BucketNumber[] = [];
    let removed = 0;
    for (let bucket = 0 as BucketNumber; ; ) {
      // First of all: while other work had its turn, the table may have been closed.
      handle.assertWritable();
      const { homeBuckets } = handle.memory;
      const end = Math.min(bucket + BUCKETS_AT_ONCE, homeBuckets);
      bucket = handle.reader.chains.nextFilled(bucket, end);
      if (bucket < end) {
        if (handle.memory.isLocked(bucket)) locked.push(bucket);
        else removed += remove(bucket);
        bucket++;
      }
      if (bucket >= homeBuckets) break;
      if (turns.isOver) await turns.next();
    }
    for (const bucket of locked) {
      handle.assertWritable();
      removed += remove(bucket);
      if (turns.isOver) await turns.next();
    }
    return removed;
  }
}
