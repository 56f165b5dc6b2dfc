import { ShmTableError } from '../errors.js';
import type { MetricEntries, MetricEntry } from './metric-entries.js';
import { VALUE } from './metric-registry-layout.js';
import type { MetricWriter } from './metric-writer.js';

/** A number that only grows, shared by all processes that have its registry open. */
export class MetricCounter {
  readonly name: string;
  readonly #entries: MetricEntries;
  readonly #entry: MetricEntry;
  readonly #writer: MetricWriter;
  readonly #numbers: Float64Array;
  /** Index of this handle's value. */
  readonly #own: number;

  constructor(entries: MetricEntries, entry: MetricEntry, writer: MetricWriter) {
    this.name = entry.name;
    this.#entries = entries;
    this.#entry = entry;
    this.#writer = writer;
    this.#numbers = entries.doubles;
    this.#own = entries.blockOf(entry, writer.number) / 2 + VALUE;
  }

  /**
   * Adds `by`, with one store: a death leaves it done or not done. O(1), a few ns.
   *
   * @param by a finite number of at least 0, not necessarily an integer
   * @throws {ShmTableError} ERR_VALUE_RANGE when `by` is anything else, or the sum would not be finite
   * @throws {ShmTableError} ERR_SEGMENT_NOT_FOUND when the registry is closed
   */
  increment(by = 1): void {
    this.#writer.check(this.name);
    const next = typeof by === 'number' ? this.#numbers[this.#own] + by : Number.NaN;
    if (!(by >= 0 && next < Number.POSITIVE_INFINITY)) {
      throw new ShmTableError(
        'ERR_VALUE_RANGE',
        `the increment of counter ${JSON.stringify(this.name)} must be at least 0 and keep it finite, got ${by}`,
      );
    }
    this.#numbers[this.#own] = next;
  }

  /** The total of all processes. O(writers). */
  get value(): number {
    return sumOf(this.#entries, this.#entry);
  }
}

/** Sum over the blocks of a counter. */
export function sumOf(entries: MetricEntries, entry: MetricEntry): number {
  let sum = 0;
  for (const block of entries.blocks(entry)) sum += entries.doubles[block / 2 + VALUE];
  return sum;
}
