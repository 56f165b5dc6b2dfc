import { ShmTableError } from '../errors.js';
import { storeRelease } from '../memory/index.js';
import type { MetricEntries, MetricEntry } from './metric-entries.js';
import { BUCKET, COUNTS, NEW_COUNT, NEW_SUM, STEP, TOTAL } from './metric-registry-layout.js';
import type { MetricWriter } from './metric-writer.js';

/** A distribution at one moment. */
export interface Distribution {
  /** Observations in each bucket, not cumulated: up to and including each bound, and those above the last one. */
  readonly counts: number[];
  /** Sum of `counts`. */
  readonly count: number;
  /** Sum of the observed values. */
  readonly sum: number;
}

/** Readings of a block, some milliseconds of them, before one is taken that its writer did not let stand. */
const READ_TRIES = 10_000;

/** How often values of each size were observed, the same for all processes that have its registry open. */
export class MetricHistogram {
  readonly name: string;
  /** Upper bounds of the buckets but the last one, ascending. */
  readonly bounds: readonly number[];
  readonly #entries: MetricEntries;
  readonly #entry: MetricEntry;
  readonly #writer: MetricWriter;
  readonly #words: Int32Array;
  readonly #cells: Float64Array;
  /** First word of the own block, and its index among the numbers of 8 bytes. */
  readonly #own: number;
  readonly #ownCells: number;

  constructor(entries: MetricEntries, entry: MetricEntry, writer: MetricWriter) {
    this.name = entry.name;
    this.bounds = entry.bounds;
    this.#entries = entries;
    this.#entry = entry;
    this.#writer = writer;
    this.#words = entries.words;
    this.#cells = entries.doubles;
    this.#own = entries.blockOf(entry, writer.number);
    this.#ownCells = this.#own / 2;
    this.#settle();
  }

  /**
   * Counts a value. A death leaves it counted in full or not at all. `ERR_VALUE_RANGE` for a value that is not finite
   * or leads the sum beyond the finite ones, `ERR_SEGMENT_NOT_FOUND` when the registry was closed. O(log bounds).
   */
  observe(value: number): void {
    this.#writer.check(this.name);
    this.#settle();
    const cells = this.#cells;
    const at = this.#ownCells;
    const sum = typeof value === 'number' ? cells[at + TOTAL] + value : Number.NaN;
    if (!Number.isFinite(sum)) {
      throw new ShmTableError(
        'ERR_VALUE_RANGE',
        `histogram ${JSON.stringify(this.name)} takes finite numbers with a finite sum, not ${value}`,
      );
    }
    const bucket = bucketOf(this.bounds, value);
    this.#words[this.#own + BUCKET] = bucket;
    cells[at + NEW_COUNT] = cells[at + COUNTS + bucket] + 1;
    cells[at + NEW_SUM] = sum;
    this.#advance();
    this.#carryOut();
  }

  /** What all processes have observed. O(writers x bounds). */
  get distribution(): Distribution {
    return distributionOf(this.#entries, this.#entry);
  }

  /**
   * Finishes an observation that was committed and not carried out: the last writer of this number died there, or an
   * error for want of stack or the end of a `vm` script interrupted this one.
   */
  #settle(): void {
    if (isCommitted(this.#words[this.#own + STEP])) this.#carryOut();
  }

  /** Final values only: done twice it does no harm. */
  #carryOut(): void {
    const cells = this.#cells;
    const at = this.#ownCells;
    cells[at + COUNTS + this.#words[this.#own + BUCKET]] = cells[at + NEW_COUNT];
    cells[at + TOTAL] = cells[at + NEW_SUM];
    this.#advance();
  }

  /** The order of stores is the promise: see the invariants of `step`. */
  #advance(): void {
    storeRelease(this.#words, this.#own + STEP, this.#words[this.#own + STEP] + 1);
  }
}

function isCommitted(step: number): boolean {
  return (step & 1) === 1;
}

/** Number of the first bound that is not below the value: that many buckets lie before its own. */
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
 * Sum over the blocks of a histogram. Each block is read as it stood between two observations, unless its writer never
 * pauses; then `sum` may be some observations away from `counts`.
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
    if (Atomics.load(words, block + STEP) === step || tries === READ_TRIES) return { counts, sum };
  }
}
