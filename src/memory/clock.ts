import { readFileSync } from 'node:fs';
import { native } from './native.js';

/**
 * Milliseconds since the machine booted, time asleep included, with the fraction: CLOCK_BOOTTIME. The same in every
 * process, and never set back.
 */
export function bootTimeMs(): number {
  return native.bootTimeMs();
}

/** The kernel's random name of this boot: another one means that every value of `bootTimeMs` before is void. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
