import { bootTimeMs, wallOffsetMs } from '../memory/index.js';

/*
 * The present of this thread's tables: that of the machine, or the one that a test has set (test-clock.ts). What is kept of
 * time in a table's header, and what locks are waited for by, is always the machine's.
 */

/** What the two functions below give instead while a test has set the present. */
let setBootMs: number | undefined;
let setOffsetMs = 0;

/** `bootTimeMs`. */
export function presentBootMs(): number {
  return setBootMs === undefined ? bootTimeMs() : setBootMs;
}

/** `wallOffsetMs`, given what `presentBootMs` has just given. */
export function presentWallOffsetMs(now: number): number {
  return setBootMs === undefined ? wallOffsetMs(now) : setOffsetMs;
}

/** The wall clock of the present, in milliseconds. */
export function presentWallMs(): number {
  const now = presentBootMs();
  return now + presentWallOffsetMs(now);
}

/** Stops the present at this moment, in milliseconds since the epoch. `undefined`: it is the machine's again. */
export function setPresent(wallMs: number | undefined): void {
  if (wallMs !== undefined && setBootMs === undefined) setOffsetMs = wallOffsetMs();
  setBootMs = wallMs === undefined ? undefined : wallMs - setOffsetMs;
}
