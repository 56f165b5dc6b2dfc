import { readFileSync, statfsSync } from 'node:fs';
import { ShmTableError } from '../errors.js';
import type { Descriptor } from './native.js';
import { errnoName, systemError } from './system-error.js';

/** What a message says about a lack of space. */
export interface Place {
  /** `segment "a"` */
  readonly subject: string;
  /** `/dev/shm`, or `memory` */
  readonly place: string;
  /** What the reader can do. */
  readonly remedy: string;
}

/** Memory that the system could still give, in bytes: free and reclaimable pages, and swap. */
function availableMemory(): number {
  const text = readFileSync('/proc/meminfo', 'utf8');
  const kibibytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
  return (kibibytes('MemAvailable') + kibibytes('SwapFree')) * 1024;
}

/** Bytes left on the file system of the object; Infinity for one without a limit, as that of memfd objects. */
function freeSpace(descriptor: Descriptor): number {
  const { blocks, bavail, bsize } = statfsSync(`/proc/self/fd/${descriptor.number}`);
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}

function noSpace(size: number, present: number, free: number, place: Place): ShmTableError {
  return new ShmTableError(
    'ERR_SEGMENT_NO_SPACE',
    `The ${size} bytes of ${place.subject} need ${size - present} more, and ${place.place} has ${free} free: ${place.remedy}.`,
  );
}

/**
 * Reserves an object's bytes up to `size`, so that a lack of space is an error now and never a SIGBUS at some later
 * access. Cost: the kernel zeroes the new pages, 93 ms a GiB.
 *
 * Looks before it asks: the kernel takes a request that the machine cannot hold page by page, and kills some process
 * for want of memory before it refuses.
 *
 * @param present bytes that the object has already
 */
export function reserve(descriptor: Descriptor, size: number, place: Place, present = descriptor.size()): void {
  const memory = availableMemory();
  if (size - present > memory) throw noSpace(size, present, memory, { ...place, place: 'the machine' });
  const space = freeSpace(descriptor);
  if (size - present > space) throw noSpace(size, present, space, place);
  const result = descriptor.reserve(size);
  if (result >= 0) return;
  if (errnoName(result) === 'ENOSPC' || errnoName(result) === 'ENOMEM') {
    throw noSpace(size, present, Math.min(freeSpace(descriptor), availableMemory()), place);
  }
  throw systemError(result, `reserve ${size} bytes for ${place.subject}`);
}
