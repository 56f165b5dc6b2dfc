import { bootTimeMs } from '../memory/index.js';
import { CLOCK_OFFSET, CREATED_AT, SOONEST } from './segment-layout.js';
import type { TableMemory } from './table-memory.js';

const MAX_SECOND = 2 ** 31 - 1;

/**
 * Table time: milliseconds since the epoch by a clock that nobody sets, the header's offset plus the time since boot.
 * A wall clock set back revives no expired row.
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

  /** Lowers the header's `soonest` to this expiry. Before the row that has it is linked. */
  announce(expiresAt: number): void {
    const words = this.#memory.words;
    const since = Math.max(0, expiresAt - this.#memory.doubles[CREATED_AT]);
    const second = Math.min(Math.floor(since / 1000) + 1, MAX_SECOND);
    for (;;) {
      const soonest = Atomics.load(words, SOONEST);
      if (soonest !== 0 && soonest <= second) return;
      if (Atomics.compareExchange(words, SOONEST, soonest, second) === soonest) return;
    }
  }

  /** Whether any row can have expired since the table was made or last swept. */
  get mayHaveExpired(): boolean {
    const soonest = Atomics.load(this.#memory.words, SOONEST);
    return soonest !== 0 && this.now() >= this.#memory.doubles[CREATED_AT] + (soonest - 1) * 1000;
  }
}

/** The header's offset for a new table: table time begins as the wall clock. */
export function newClockOffset(): number {
  return Date.now() - bootTimeMs();
}
