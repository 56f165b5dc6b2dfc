import { bootTimeMs, wallOffsetMs } from '../../memory/index.js';
import { CLOCK_OFFSET, CLOCK_SEEN, WALL_AHEAD } from '../layout/segment.js';
import type { TableMemory } from '../layout/table-memory.js';
import { presentBootMs, presentWallOffsetMs } from '../present.js';

/** Later than every other expiry, and than every present. */
const EVER = 2 ** 53;

/**
 * Table time is milliseconds since the epoch by a clock that is never set: the header's offset plus the time since
 * boot. Setting the wall clock back does not revive expired rows.
 *
 * Callers get and pass times of the current wall clock: table time plus the lead of the wall clock over it, which is 0
 * until the wall clock is set. Both run at the same rate, so until then every read of a row returns the same
 * `expiresAt`.
 * - An expiry is stored so that it is a whole millisecond of the writer's wall clock. Readers round it; the value is so
 *   far from a half that it does not matter when they read the two clocks. An `expiresAt` that is read and written to
 *   another table is the same there.
 * - The latest `expiresAt` is 2^53 - 1, which stands for all later ones. It is stored as EVER, however the wall clock
 *   is set afterwards.
 */
export class TableClock {
  readonly #memory: TableMemory;

  constructor(memory: TableMemory) {
    this.#memory = memory;
  }

  now(): number {
    return this.#memory.doubles[CLOCK_OFFSET / 2] + presentBootMs();
  }

  /** The expiry, in table time, of a row that has `ttl` milliseconds left from now. */
  after(ttl: number): number {
    const now = presentBootMs();
    const offset = presentWallOffsetMs(now);
    return this.#ofWall(Math.round(now + offset + ttl), offset);
  }

  /** Converts an expiry in whole epoch milliseconds to table time. */
  fromWall(expiresAt: number): number {
    return this.#ofWall(expiresAt, presentWallOffsetMs(presentBootMs()));
  }

  #ofWall(expiresAt: number, offset: number): number {
    if (expiresAt >= Number.MAX_SAFE_INTEGER) return EVER;
    return expiresAt - (offset - this.#memory.doubles[CLOCK_OFFSET / 2]);
  }

  /** Converts a row's expiry (0: never) to epoch milliseconds, or null: what callers see. */
  toWall(expiresAt: number): number | null {
    if (expiresAt === 0) return null;
    if (expiresAt >= EVER) return Number.MAX_SAFE_INTEGER;
    return Math.min(Math.round(expiresAt + this.#wallAhead), Number.MAX_SAFE_INTEGER);
  }

  /** Milliseconds that a row with this expiry has left, at least 1. Right after a write, the number that was given. */
  left(expiresAt: number): number {
    return Math.max(1, Math.ceil(expiresAt - this.now() - 0.5));
  }

  get #wallAhead(): number {
    return presentWallOffsetMs(presentBootMs()) - this.#memory.doubles[CLOCK_OFFSET / 2];
  }

  /** Whether a row's expiresAt (0: never) has been reached. */
  isPast(expiresAt: number): boolean {
    return expiresAt !== 0 && expiresAt <= this.now();
  }

  /**
   * The present of this thread or of others, whichever is earlier: the earliest time at which an unseen row may expire.
   * The two differ while a test sets this thread's present.
   */
  firstNow(): number {
    return Math.min(this.now(), this.#machineNow());
  }

  /**
   * Records the current time for a later boot of the machine: table time never goes back before it, and then continues
   * by the wall clock, with the difference that the two have now.
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

/** The header's offset for a new table: its table time starts equal to the wall clock. */
export function newClockOffset(): number {
  return wallOffsetMs();
}
