import { bootTimeMs, wallOffsetMs } from '../memory/index.js';
import { presentBootMs, presentWallOffsetMs } from './present.js';
import { CLOCK_OFFSET, CLOCK_SEEN, CREATED_AT, SOONEST, SOONEST_OF_PASS, WALL_AHEAD } from './segment-layout.js';
import type { TableMemory } from './table-memory.js';

/** Later than every other expiry, and than every present. */
const EVER = 2 ** 53;
/** A second later than all others; 0 stands for "none" in memory. */
const NEVER = 2 ** 31 - 1;

/**
 * Table time, and the moment before which no row can have expired.
 *
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
    return this.#memory.doubles[CLOCK_OFFSET] + presentBootMs();
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
    return expiresAt - (offset - this.#memory.doubles[CLOCK_OFFSET]);
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
    return presentWallOffsetMs(presentBootMs()) - this.#memory.doubles[CLOCK_OFFSET];
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
    if (soonest === NEVER) return false;
    // The first second has no beginning: a test may have set the present to before the table was made.
    return soonest === 1 || this.now() >= this.#memory.doubles[CREATED_AT] + (soonest - 1) * 1000;
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

  /**
   * Tells the pass of rows that it may not have seen: they may expire from now on, by this thread's present or by that
   * of others, whichever is first.
   */
  leaveUnseen(): void {
    this.leaveRow(Math.min(this.now(), this.#machineNow()));
  }

  endPass(): void {
    this.noteTime();
    const words = this.#memory.words;
    for (;;) {
      const before = Atomics.load(words, SOONEST);
      if (Atomics.compareExchange(words, SOONEST, before, Atomics.load(words, SOONEST_OF_PASS)) === before) return;
    }
  }

  /**
   * Notes how late it is, for a later boot of the machine: table time never goes back behind it, and goes on from there by
   * the wall clock, by the difference that the two have now.
   */
  noteTime(): void {
    const { doubles } = this.#memory;
    doubles[WALL_AHEAD] = wallOffsetMs() - doubles[CLOCK_OFFSET];
    doubles[CLOCK_SEEN] = this.#machineNow();
  }

  #machineNow(): number {
    return this.#memory.doubles[CLOCK_OFFSET] + bootTimeMs();
  }

  #secondOf(expiresAt: number): number {
    const since = Math.max(0, expiresAt - this.#memory.doubles[CREATED_AT]);
    return Math.min(Math.floor(since / 1000) + 1, NEVER - 1);
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
  return wallOffsetMs();
}
