import { bootTimeMs, wallOffsetMs } from '../memory/index.js';

/*
 * The present of this thread's tables: the machine's time, or one that a test has set (test-clock.ts). Times recorded
 * in a table's header, and waits for locks, always use the machine's time.
 */

/** What the two functions below return while a test has set the present. */
let setBootMs: number | undefined;
let setOffsetMs = 0;

/** `bootTimeMs`, unless a test has set the present. */
export function presentBootMs(): number {
  return setBootMs === undefined ? bootTimeMs() : setBootMs;
}

/** `wallOffsetMs`, unless a test has set the present; `now` is what `presentBootMs` has just returned. */
export function presentWallOffsetMs(now: number): number {
  return setBootMs === undefined ? wallOffsetMs(now) : setOffsetMs;
}

/** The wall clock of the present, in milliseconds since the epoch. */
export function presentWallMs(): number {
  const now = presentBootMs();
  return now + presentWallOffsetMs(now);
}

/** The present by the wall clock in whole milliseconds, like `Date.now`. */
export function presentTimeMs(): number {
  return Math.floor(presentWallMs());
}

/** Stops the present at this moment, in milliseconds since the epoch; `undefined` returns to the machine's time. */
export function setPresent(wallMs: number | undefined): void {
  if (wallMs !== undefined && setBootMs === undefined) setOffsetMs = wallOffsetMs();
  setBootMs = wallMs === undefined ? undefined : wallMs - setOffsetMs;
}
