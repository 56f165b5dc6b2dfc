import { readFileSync } from 'node:fs';
import * as nodeTimers from 'node:timers';
import { ShmTableError } from '../errors.js';
import { native } from './native.js';
import { attemptedInProc } from './system-error.js';

/*
 * Every clock and timer of the package. Test frameworks replace `Date`, `performance` and the timers, in globals and in
 * Node's modules, before this package is loaded or after. A table made at their time 0 would be wrong for all processes, and
 * a wait for a stopped process would never end. So clocks are the addon's, which nobody replaces.
 *
 * Timers are Node's as they are when this file is loaded. Replaced before that, they run as the framework says: sweeping,
 * and whatever takes turns with other work, then wait for it. What the table answers depends on none of them.
 */

/** How often the wall clock is looked at for having been set, in milliseconds. */
const LOOK_MS = 5;
/** Two looks at the same clocks differ by less, unless one was set: the rest is the time that looking takes. */
const SAME_MS = 0.2;

let wallOffset = native.wallOffsetMs();
let lookedAt = native.bootTimeMs();

/**
 * Milliseconds since the machine booted, time asleep included, with the fraction: CLOCK_BOOTTIME of the initial time
 * namespace. The same in every process, and never set back.
 */
export function bootTimeMs(): number {
  return native.bootTimeMs();
}

/** For durations within this process: CLOCK_MONOTONIC. */
export function monotonicMs(): number {
  return native.monotonicMs();
}

/** The wall clock, in whole milliseconds since the epoch, as `Date.now` gives it. */
export function wallTimeMs(): number {
  return Math.floor(native.wallTimeMs());
}

/**
 * The wall clock minus `bootTimeMs`. Both clocks run at one rate, also while the time of the network corrects it, so this
 * changes when the wall clock is set and stands still otherwise: to the last bit, within a process.
 *
 * @param now what `bootTimeMs` has just given, for callers who have it: each call of the addon counts
 */
export function wallOffsetMs(now = native.bootTimeMs()): number {
  if (now - lookedAt < LOOK_MS) return wallOffset;
  lookedAt = now;
  const offset = native.wallOffsetMs();
  if (Math.abs(offset - wallOffset) > SAME_MS) wallOffset = offset;
  return wallOffset;
}

/**
 * `ERR_BACKEND_UNSUPPORTED` where `bootTimeMs` is not that of other processes: in a time namespace whose offset the kernel
 * does not tell.
 */
export function assertBootTimeKnown(): void {
  if (native.bootTimeIsKnown) return;
  throw new ShmTableError(
    'ERR_BACKEND_UNSUPPORTED',
    'this process is in a time namespace whose offset is unknown: /proc/self/timens_offsets shows that of its children, ' +
      'which are in another one, or cannot be read',
  );
}

/**
 * The kernel's random name of this boot: another one means that every value of `bootTimeMs` before is void.
 * `ERR_BACKEND_UNSUPPORTED` where /proc does not tell.
 */
export function bootId(): string {
  const path = '/proc/sys/kernel/random/boot_id';
  return attemptedInProc(
    () => `read ${path}`,
    () => readFileSync(path, 'utf8'),
  ).trim();
}

/** Node's timers. */
export const timers = {
  setTimeout: nodeTimers.setTimeout,
  clearTimeout: nodeTimers.clearTimeout,
  setInterval: nodeTimers.setInterval,
  clearInterval: nodeTimers.clearInterval,
  setImmediate: nodeTimers.setImmediate,
} as const;

/** Lets other work of this thread have its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    timers.setImmediate(resolve);
  });
}

/** Resolves after so many milliseconds, or as soon as `signal` is aborted. */
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
