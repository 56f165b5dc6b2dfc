import { ShmTableError } from '../errors.js';
import { platform } from './this-platform.js';
import { timers } from './timers.js';

/*
 * All clocks and timers of the package. Test frameworks replace `Date`, `performance` and the timers, in globals and in
 * Node's modules, before or after this package is loaded. A table created at their time 0 would be wrong for all
 * processes, and a wait for a stopped process would never end. So clocks are read through the addon, or as
 * `process-clocks.ts` says.
 */

/** Interval between checks whether the wall clock has been set, in milliseconds. */
const LOOK_MS = 5;
/** Two readings of the difference of the clocks differ by less than this unless a clock was set. */
const SAME_MS = 0.2;

let wallOffset = platform.wallOffsetMs();
let lookedAt = platform.bootTimeMs();

/**
 * Milliseconds since the machine booted, including suspension, with the fraction: CLOCK_BOOTTIME of the initial time
 * namespace. The same in every process, and never set back.
 */
export function bootTimeMs(): number {
  return platform.bootTimeMs();
}

/** CLOCK_MONOTONIC in milliseconds, for durations within this process. */
export function monotonicMs(): number {
  return platform.monotonicMs();
}

/** The wall clock in whole milliseconds since the epoch, like `Date.now`. */
export function wallTimeMs(): number {
  return Math.floor(platform.wallTimeMs());
}

/**
 * The clock of `performance`, in milliseconds since the epoch, for libraries that compare times with it: also when a test
 * framework has replaced it, because they read the same. It differs between processes: each keeps the wall clock of its
 * start, whatever changes of the wall clock follow, and stands still while the machine is suspended.
 */
export function performanceTimeMs(): number {
  return performance.timeOrigin + performance.now();
}

/** When this process started, by the wall clock, in milliseconds since the epoch. */
export function processStartMs(): number {
  return wallTimeMs() - process.uptime() * 1000;
}

/**
 * The wall clock minus `bootTimeMs`. Both clocks run at the same rate, even while NTP adjusts it, so within a process
 * this changes only when the wall clock is set, and is otherwise exactly constant.
 *
 * @param now the current `bootTimeMs`, for callers that have it, to save a call
 */
export function wallOffsetMs(now = platform.bootTimeMs()): number {
  if (now - lookedAt < LOOK_MS) return wallOffset;
  lookedAt = now;
  const offset = platform.wallOffsetMs();
  if (Math.abs(offset - wallOffset) > SAME_MS) wallOffset = offset;
  return wallOffset;
}

/**
 * Checks that `bootTimeMs` is the same as in other processes.
 *
 * @throws {ShmTableError} ERR_BACKEND_UNSUPPORTED when this is a time namespace whose offset cannot be determined
 */
export function assertBootTimeKnown(): void {
  if (platform.bootTimeIsKnown) return;
  throw new ShmTableError(
    'ERR_BACKEND_UNSUPPORTED',
    'this process is in a time namespace whose offset is unknown: /proc/self/timens_offsets shows that of its children, ' +
      'which are in another one, or cannot be read',
  );
}

/**
 * A random id of this boot. When it changes, all earlier values of `bootTimeMs` are invalid.
 *
 * @throws {ShmTableError} ERR_BACKEND_UNSUPPORTED when the system does not provide it
 */
export function bootId(): string {
  return platform.bootId();
}

/** Yields to other work of this thread. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    timers.setImmediate(resolve);
  });
}

/** Resolves after the given milliseconds, or as soon as `signal` is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timers.clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = timers.setTimeout(end, ms);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  });
}
