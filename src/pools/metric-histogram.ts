import { ShmTableError } from '../errors.js';
import { fence, loadAfter, storeRelease } from '../memory/index.js';
import type { MetricEntries, MetricEntry } from './metric-entries.js';
import { BUCKET, COUNTS, NEW_COUNT, NEW_SUM, STEP, TOTAL } from './metric-registry-layout.js';
import type { MetricWriter } from './metric-writer.js';

/** A distribution at one moment. */
export interface Distribution {
  /** Observations in each bucket, not cumulative: up to and including each bound, then those above the last one. */
  readonly counts: number[];
  /** Sum of `counts`. */
  readonly count: number;
  /** Sum of the observed values. */
  readonly sum: number;
}

/**
 * How often a block is read while its writer keeps changing it, some milliseconds, before a reading is accepted anyway.
 */
const READ_TRIES = 10_000;

/** A distribution of observed values, shared by all processes that have its registry open. */
export class MetricHistogram {
  readonly name: string;
  /** Upper bounds of all buckets except the last, ascending. */
  readonly bounds: readonly number[];
  readonly #entries: MetricEntries;
  readonly #entry: MetricEntry;
  readonly #writer: MetricWriter;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  /** First word of this handle's block, and the block's index among the numbers of 8 bytes. */
  readonly #own: number;
  readonly #ownNumbers: number;

  constructor(entries: MetricEntries, entry: MetricEntry, writer: MetricWriter) {
    this.name = entry.name;
    this.bounds = entry.bounds;
    this.#entries = entries;
    this.#entry = entry;
    this.#writer = writer;
    this.#words = entries.words;
    this.#numbers = entries.doubles;
    this.#own = entries.blockOf(entry, writer.number);
    this.#ownNumbers = this.#own / 2;
    this.#settle();
  }

  /**
   * Counts a value. A death leaves it counted completely or not at all. O(log bounds).
   *
   * @throws {ShmTableError} ERR_VALUE_RANGE when `value` or the new sum is not finite
   * @throws {ShmTableError} ERR_SEGMENT_NOT_FOUND when the registry is closed
   */
  observe(value: number): void {
    this.#writer.check(this.name);
    this.#settle();
    const numbers = this.#numbers;
    const at = this.#ownNumbers;
    const sum = typeof value === 'number' ? numbers[at + TOTAL] + value : Number.NaN;
    if (!Number.isFinite(sum)) {
      throw new ShmTableError(
        'ERR_VALUE_RANGE',
        `values of histogram ${JSON.stringify(this.name)} and their sum must be finite, got ${value}`,
      );
    }
    const bucket = bucketOf(this.bounds, value);
    this.#words[this.#own + BUCKET] = bucket;
    numbers[at + NEW_COUNT] = numbers[at + COUNTS + bucket] + 1;
    numbers[at + NEW_SUM] = sum;
    this.#advance();
    this.#carryOut();
  }

  /** The distribution over all processes. O(writers x bounds). */
  get distribution(): Distribution {
    return distributionOf(this.#entries, this.#entry);
  }

  /**
   * Completes an observation that was committed but not executed: the previous writer with this number died there, or a
   * stack overflow or the timeout of a `vm` script interrupted this one.
   */
  #settle(): void {
    if (isCommitted(this.#words[this.#own + STEP])) this.#carryOut();
  }

  /** Stores only final values, so that repeating it is harmless. */
  #carryOut(): void {
    const numbers = this.#numbers;
    const at = this.#ownNumbers;
    numbers[at + COUNTS + this.#words[this.#own + BUCKET]] = numbers[at + NEW_COUNT];
    numbers[at + TOTAL] = numbers[at + NEW_SUM];
    this.#advance();
  }

  /** What was stored before is visible before the step, and what is stored afterwards after it. */
  #advance(): void {
    storeRelease(this.#words, this.#own + STEP, this.#words[this.#own + STEP] + 1);
    fence();
  }
}

function isCommitted(step: number): boolean {
  return (step & 1) === 1;
}

/** Index of the first bound that is not less than the value, which is also the index of the value's bucket. */
function bucketOf(bounds: readonly number[], value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value <= bounds[middle]) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Sums the blocks of a histogram. Each block is read as it was between two observations, unless its writer never
 * pauses; then `sum` may differ from `counts` by some observations.
 */
export function distributionOf(entries: MetricEntries, entry: MetricEntry): Distribution {
  const counts = new Array<number>(entry.bounds.length + 1).fill(0);
  let sum = 0;
  for (const block of entries.blocks(entry)) {
    const read = readBlock(entries, block, counts.length);
    for (const [bucket, count] of read.counts.entries()) counts[bucket] += count;
    sum += read.sum;
  }
  return { counts, count: counts.reduce((total, count) => total + count, 0), sum };
}

function readBlock(
  { words, doubles }: MetricEntries,
  block: number,
  buckets: number,
): { counts: number[]; sum: number } {
  const at = block / 2;
  for (let tries = 1; ; tries++) {
    const step = Atomics.load(words, block + STEP);
    const counts = Array.from(doubles.subarray(at + COUNTS, at + COUNTS + buckets));
    let sum = doubles[at + TOTAL];
    if (isCommitted(step)) {
      counts[words[block + BUCKET]] = doubles[at + NEW_COUNT];
      sum = doubles[at + NEW_SUM];
    }
    if (loadAfter(words, block + STEP) === step || tries === READ_TRIES) return { counts, sum };
  }
}
