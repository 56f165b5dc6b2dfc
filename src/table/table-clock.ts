import { bootTimeMs } from '../memory/index.js';
import { CLOCK_OFFSET, CLOCK_SEEN, CREATED_AT, SOONEST, SOONEST_OF_PASS } from './segment-layout.js';
import type { TableMemory } from './table-memory.js';

/** A second later than all others; 0 stands for "none" in memory. */
const NEVER = 2 ** 31 - 1;

/**
 * Table time, and the moment before which no row can have expired.
 *
 * Table time is milliseconds since the epoch by a clock that nobody sets: the header's offset plus the time since
 * boot. A wall clock set back revives no expired row.
 *
 * The header has two seconds (of table time since the table was made): SOONEST, valid now, and SOONEST_OF_PASS, which
 * the sweeper's pass under way collects. What counts is the lower one.
 * - A writer lowers SOONEST_OF_PASS, then SOONEST, with the bucket's lock held from before that until the row is
 *   linked.
 * - A pass first lowers SOONEST to what the pass before it collected, sets SOONEST_OF_PASS to none, lowers it for each
 *   row that it leaves, and to the present for each bucket that it finds locked: the holder may have announced a row
 *   before the pass began and link it behind it. At the end it raises SOONEST.
 * Killed at any point, the lower of the two is still no later than the first expiry.
 */
export class TableClock {
  readonly #memory: TableMemory;

  constructor(memory: TableMemory) {
    this.#memory = memory;
  }

  now(): number {
    return this.#memory.doubles[CLOCK_OFFSET] + bootTimeMs();
  }

  /** Whether a row's expiresAt (0: never) has come. */
  isPast(expiresAt: number): boolean {
    return expiresAt !== 0 && expiresAt <= this.now();
  }

  /**
   * Whether any row can have expired and not been swept yet. Two loads while no row has an expiry: that of the pass
   * first, for a pass that begins in between lowers the other one before it clears this one.
   */
  get mayHaveExpired(): boolean {
    const soonest = Math.min(this.#load(SOONEST_OF_PASS), this.#load(SOONEST));
    return soonest !== NEVER && this.now() >= this.#memory.doubles[CREATED_AT] + (soonest - 1) * 1000;
  }

  /** Lowers both seconds to this expiry. Requires the lock of the bucket in which the row will be linked. */
  announce(expiresAt: number): void {
    const second = this.#secondOf(expiresAt);
    this.#lower(SOONEST_OF_PASS, second);
    this.#lower(SOONEST, second);
  }

  /** Begins a pass over all rows. Requires the sweeper's byte lock, as do the next two. */
  beginPass(): void {
    this.#lower(SOONEST, this.#load(SOONEST_OF_PASS));
    Atomics.store(this.#memory.words, SOONEST_OF_PASS, 0);
  }

  /** Tells the pass of a row that it leaves, by its expiry. */
  leaveRow(expiresAt: number): void {
    this.#lower(SOONEST_OF_PASS, this.#secondOf(expiresAt));
  }

  endPass(): void {
    this.#memory.doubles[CLOCK_SEEN] = this.now();
    const words = this.#memory.words;
    for (;;) {
      const before = Atomics.load(words, SOONEST);
      if (Atomics.compareExchange(words, SOONEST, before, Atomics.load(words, SOONEST_OF_PASS)) === before) return;
    }
  }

  #secondOf(expiresAt: number): number {
    const since = Math.max(0, expiresAt - this.#memory.doubles[CREATED_AT]);
    return Math.min(Math.floor(since / 1000) + 1, NEVER);
  }

  #load(word: number): number {
    return Atomics.load(this.#memory.words, word) || NEVER;
  }

  #lower(word: number, second: number): void {
    const words = this.#memory.words;
    for (;;) {
      const before = Atomics.load(words, word);
      if ((before || NEVER) <= second) return;
      if (Atomics.compareExchange(words, word, before, second) === before) return;
    }
  }
}

/** The header's offset for a new table: table time begins as the wall clock. */
export function newClockOffset(): number {
  return Date.now() - bootTimeMs();
}
