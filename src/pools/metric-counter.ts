import { ShmTableError } from '../errors.js';
import type { MetricEntries, MetricEntry } from './metric-entries.js';
import { VALUE } from './metric-registry-layout.js';
import type { MetricWriter } from './metric-writer.js';

/** A number that only grows, the same for all processes that have its registry open. */
export class MetricCounter {
  readonly name: string;
  readonly #entries: MetricEntries;
  readonly #entry: MetricEntry;
  readonly #writer: MetricWriter;
  readonly #cells: Float64Array;
  /** Index of the own cell. */
  readonly #own: number;

  constructor(entries: MetricEntries, entry: MetricEntry, writer: MetricWriter) {
    this.name = entry.name;
    this.#entries = entries;
    this.#entry = entry;
    this.#writer = writer;
    this.#cells = entries.doubles;
    this.#own = entries.blockOf(entry, writer.number) / 2 + VALUE;
  }

  /**
   * Adds `by`, 0 or more, whole or not: one store, which a death leaves undone or done. `ERR_VALUE_RANGE` when `by` is
   * no such number or leads beyond the finite ones, `ERR_SEGMENT_NOT_FOUND` when the registry was closed. A few ns.
   */
  increment(by = 1): void {
    this.#writer.check(this.name);
    const next = typeof by === 'number' ? this.#cells[this.#own] + by : Number.NaN;
    if (!(by >= 0 && next < Number.POSITIVE_INFINITY)) {
      throw new ShmTableError(
        'ERR_VALUE_RANGE',
        `counter ${JSON.stringify(this.name)} grows by finite numbers from 0 on, not by ${by}`,
      );
    }
    this.#cells[this.#own] = next;
  }

  /** What all processes have counted. O(writers). */
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
