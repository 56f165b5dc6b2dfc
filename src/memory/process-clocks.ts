import { performance } from 'node:perf_hooks';
import { runInNewContext } from 'node:vm';
import type { Services } from './platform.js';

type Clocks = Pick<Services, 'bootTimeMs' | 'monotonicMs' | 'wallTimeMs' | 'wallOffsetMs' | 'bootTimeIsKnown'>;

/** `Date.now` has whole milliseconds: two readings of the offset differ by less than this unless a clock was set. */
const SAME_MS = 2;

/**
 * Clocks without the addon. The functions are those of Node's prototype and of a realm of its own: a test framework
 * replaces methods of `performance` and the global `Date`, even before this package is loaded, but not these.
 *
 * The boot is the start of this thread: no other process or thread compares times with it.
 */
export function processClocks(): Clocks {
  const { now }: Pick<typeof performance, 'now'> = Object.getPrototypeOf(performance);
  const monotonicMs = (): number => now.call(performance);
  const dateNow: () => number = runInNewContext('Date.now');
  const offsetNow = (): number => dateNow() + 0.5 - monotonicMs();
  let offset = offsetNow();
  const wallOffsetMs = (): number => {
    const current = offsetNow();
    if (Math.abs(current - offset) > SAME_MS) offset = current;
    return offset;
  };
  return {
    bootTimeMs: monotonicMs,
    monotonicMs,
    wallTimeMs: dateNow,
    wallOffsetMs,
    bootTimeIsKnown: true,
  };
}
