/** `shmtable/testing`: a clock for tests that set the time. */
import { ShmTableError, show } from '../errors.js';
import { integer } from './options.js';
import { presentWallMs, setPresent } from './present.js';

/** The latest time that a `Date` can hold, in milliseconds since the epoch. */
const LATEST = 8.64e15;

/** The time of this thread's tables. It stands still until it is moved. */
export interface TestClock extends Disposable {
  /** Returns milliseconds since the epoch. */
  now(): number;
  /**
   * Moves the clock forward by whole milliseconds, 0 or more.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `ms` is anything else, or the clock has been restored.
   */
  advance(ms: number): void;
  /**
   * Moves the clock, forward or back, to a date or to whole milliseconds since the epoch.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when `date` is anything else, or the clock has been restored.
   */
  set(date: Date | number): void;
  /**
   * Moves the clock back to its initial time.
   *
   * @throws {ShmTableError} `ERR_ARGUMENT` when the clock has been restored.
   */
  reset(): void;
  /**
   * Ends the clock: tables use the machine's time again. Calling it again has no effect; `advance`, `set` and `reset`
   * throw from then on.
   */
  restore(): void;
}

let inUse: TestClock | undefined;

/**
 * Gives all tables of this thread, open ones and later ones, a time that stands still at `date` (default: now) and
 * moves only when the test says so. Lifetimes, `ttl`, `expiresAt`, `size`, sweeping and snapshots use it. Other
 * processes and threads continue with the machine's time: for them a row written here expires at the date that
 * `expiresAt` gives, and a row that this thread considers expired may have been removed.
 *
 * @throws {ShmTableError} `ERR_ARGUMENT` when `date` is not a date, or while another test clock of this thread is in
 *   use.
 */
export function useTestClock(date?: Date | number): TestClock {
  if (inUse !== undefined) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      'a test clock is in use already: restore it first, a thread can have only one',
    );
  }
  const start = date === undefined ? Math.floor(presentWallMs()) : millisecondsOf(date);
  let now = start;
  const go = (ms: number): void => {
    if (inUse !== clock) throw new ShmTableError('ERR_ARGUMENT', 'this test clock has been restored');
    now = ms;
    setPresent(now);
  };
  const clock: TestClock = {
    now: () => now,
    advance: (ms) => go(now + integer('ms', ms, 0, LATEST - now)),
    set: (to) => go(millisecondsOf(to)),
    reset: () => go(start),
    restore() {
      if (inUse !== clock) return;
      inUse = undefined;
      setPresent(undefined);
    },
    [Symbol.dispose]() {
      this.restore();
    },
  };
  inUse = clock;
  go(start);
  return clock;
}

/** Throws `ERR_ARGUMENT` when `date` is neither a date nor whole milliseconds in range. */
function millisecondsOf(date: Date | number): number {
  // A test framework may have replaced the global `Date` with its own.
  const ms: unknown = Object.prototype.toString.call(date) === '[object Date]' ? Number(date) : date;
  if (typeof ms === 'number' && Number.isInteger(ms) && ms >= 0 && ms <= LATEST) return ms;
  throw new ShmTableError(
    'ERR_ARGUMENT',
    `date must be a Date or whole milliseconds since the epoch, 0 .. ${LATEST}, got ${show(date)}`,
  );
}
