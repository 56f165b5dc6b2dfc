/** `shmtable/testing`: a clock for tests that set the time. */
import { ShmTableError, show } from '../errors.js';
import { integer } from './options.js';
import { presentWallMs, setPresent } from './present.js';

/** As far as a `Date` goes, in milliseconds since the epoch. */
const LATEST = 8.64e15;

/** The time of this thread's tables, which stands still until it is moved. */
export interface TestClock extends Disposable {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Goes forward by so many whole milliseconds, 0 or more. */
  advance(ms: number): void;
  /** Goes to a date, or to whole milliseconds since the epoch; back as well. */
  set(date: Date | number): void;
  /** Goes back to where the clock began. */
  reset(): void;
  /** Ends the clock: tables go by the machine's time again. Twice is harmless; everything else throws from then on. */
  restore(): void;
}

let inUse: TestClock | undefined;

/**
 * Gives all tables of this thread, open ones and later ones, a time that stands still at `date` (default: now) and moves
 * only as the test says: lifetimes, `ttl`, `expiresAt`, `size`, sweeping and snapshots go by it. Other processes and
 * threads go on by the machine's; to them a row written here expires at the date that `expiresAt` gives, and a row that
 * this thread takes for expired may be gone.
 *
 * `ERR_ARGUMENT` for what is no date, or while another test clock of this thread is in use.
 */
export function useTestClock(date?: Date | number): TestClock {
  if (inUse !== undefined) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      'a test clock is in use already: restore it first, there can be 1 a thread',
    );
  }
  const start = date === undefined ? Math.floor(presentWallMs()) : millisecondsOf(date);
  let now = start;
  const go = (ms: number): void => {
    if (inUse !== clock) throw new ShmTableError('ERR_ARGUMENT', 'this test clock was restored');
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

/** `ERR_ARGUMENT`. */
function millisecondsOf(date: Date | number): number {
  // A test framework may have put a `Date` of its own in the place of the global one.
  const ms: unknown = Object.prototype.toString.call(date) === '[object Date]' ? Number(date) : date;
  if (typeof ms === 'number' && Number.isInteger(ms) && ms >= 0 && ms <= LATEST) return ms;
  throw new ShmTableError(
    'ERR_ARGUMENT',
    `date must be a Date or whole milliseconds since the epoch, 0 .. ${LATEST}, got ${show(date)}`,
  );
}
