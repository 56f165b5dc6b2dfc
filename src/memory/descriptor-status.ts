import { type Stats, statSync } from 'node:fs';
import type { Descriptor } from './native.js';

/**
 * The status of the object of a descriptor. Not by `fstat`: Deno's accepts only descriptors that Deno itself has opened.
 * The link leads to the opened object, whatever its name is now.
 */
export function objectStatus(descriptor: Descriptor): Stats {
  return statSync(`/proc/self/fd/${descriptor.number}`);
}

/** What distinguishes the object from all others that exist. */
export function objectIdentity(descriptor: Descriptor): string {
  const { dev, ino } = statSync(`/proc/self/fd/${descriptor.number}`, { bigint: true });
  return `${dev}:${ino}`;
}
