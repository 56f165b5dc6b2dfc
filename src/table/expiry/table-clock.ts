import { bootTimeMs, wallOffsetMs } from '../../memory/index.js';
import { CLOCK_OFFSET, CLOCK_SEEN, WALL_AHEAD } from '../layout/segment.js';
import type { TableMemory } from '../layout/table-memory.js';
import { presentBootMs, presentWallOffsetMs } from '../present.js';

/** Later than every other expiry, and than every present. */
const EVER = 2 ** 53;

/**
 * Table time is milliseconds since the epoch by a clock that nobody sets: the header's offset plus the time since
 * boot. A wall clock set back revives no expired row.
 *
 * What callers see and give is wall time of now: table time plus what the wall clock is ahead of it by, 0 until somebody
 * sets that. Both run at one rate, so the same row has the same `expiresAt` at every look until then.
 * - An expiry is kept so that it is a whole millisecond of the wall clock that set it. What others see is rounded, and so
 *   far from the half that it does not matter when they looked at the two clocks: an `expiresAt` that was read and
 *   written to another table is the same there.
 * - The latest `expiresAt` is 2^53 - 1, which stands for all that are later. It is kept as EVER, however the wall clock is
 *   set afterwards.
 */
export class TableClock {
  readonly #memory: TableMemory;

  constructor(memory: TableMemory) {
    this.#memory = memory;
  }

  now(): number {
    return this.#memory.doubles[CLOCK_OFFSET / 2] + presentBootMs();
  }

  /** The expiry of what has so many milliseconds left from now. */
  after(ttl: number): number {
    const now = presentBootMs();
    const offset = presentWallOffsetMs(now);
    return this.#ofWall(Math.round(now + offset + ttl), offset);
  }

  /** An expiry of whole epoch milliseconds as table time. */
  fromWall(expiresAt: number): number {
    return this.#ofWall(expiresAt, presentWallOffsetMs(presentBootMs()));
  }

  #ofWall(expiresAt: number, offset: number): number {
    if (expiresAt >= Number.MAX_SAFE_INTEGER) return EVER;
    return expiresAt - (offset - this.#memory.doubles[CLOCK_OFFSET / 2]);
  }

  /** A row's expiry (0: never) as epoch milliseconds, or null: what callers see. */
  toWall(expiresAt: number): number | null {
    if (expiresAt === 0) return null;
    if (expiresAt >= EVER) return Number.MAX_SAFE_INTEGER;
    return Math.min(Math.round(expiresAt + this.#wallAhead), Number.MAX_SAFE_INTEGER);
  }

  /** Milliseconds that a row of this expiry has left, at least 1: as many as it was given, just afterwards. */
  left(expiresAt: number): number {
    return Math.max(1, Math.ceil(expiresAt - this.now() - 0.5));
  }

  get #wallAhead(): number {
    return presentWallOffsetMs(presentBootMs()) - this.#memory.doubles[CLOCK_OFFSET / 2];
  }

  /** Whether a row's expiresAt (0: never) has come. */
  isPast(expiresAt: number): boolean {
    return expiresAt !== 0 && expiresAt <= this.now();
  }

  /**
   * The present of this thread or that of others, whichever is first: rows that were not seen may expire from then on. They
   * differ while a test sets this thread's.
   */
  firstNow(): number {
    return Math.min(this.now(), this.#machineNow());
  }

  /**
   * Notes how late it is, for a later boot of the machine: table time never goes back behind it, and goes on from there by
   * the wall clock, by the difference that the two have now.
   */
  noteTime(): void {
    const { doubles } = this.#memory;
    doubles[WALL_AHEAD / 2] = wallOffsetMs() - doubles[CLOCK_OFFSET / 2];
    doubles[CLOCK_SEEN / 2] = this.#machineNow();
  }

  #machineNow(): number {
    return this.#memory.doubles[CLOCK_OFFSET / 2] + bootTimeMs();
  }
}

/** The header's offset for a new table: table time begins as the wall clock. */
export function newClockOffset(): number {
  return wallOffsetMs();
}
