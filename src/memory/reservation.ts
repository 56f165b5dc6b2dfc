import { readFileSync, type StatsFs, statfsSync } from 'node:fs';
import { ShmTableError } from '../errors.js';
import { availableMemory } from './memory-limits.js';
import type { Descriptor } from './native.js';
import { attemptedInProc, errnoName, systemError } from './system-error.js';

/** What a message says about a lack of space. */
export interface Place {
  /** `segment "a"` */
  readonly subject: string;
  /** `/dev/shm`, or `memory` */
  readonly place: string;
  /** What the reader can do. */
  readonly remedy: string;
}

/** Types of file systems, as statfs(2) gives them, whose files are memory. */
const TMPFS = 0x01021994;
const RAMFS = 0x858458f6;
export const HUGETLBFS = 0x958458f6;

function fileSystemOf(descriptor: Descriptor): StatsFs {
  const path = `/proc/self/fd/${descriptor.number}`;
  return attemptedInProc(
    () => `look at the file system of ${path}`,
    () => statfsSync(path),
  );
}

/** Bytes left on the file system of the object; Infinity for one without a limit, as that of memfd objects. */
function freeSpace(descriptor: Descriptor): number {
  const { blocks, bavail, bsize } = fileSystemOf(descriptor);
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}

function isMemory(descriptor: Descriptor): boolean {
  const { type } = fileSystemOf(descriptor);
  return type === TMPFS || type === RAMFS;
}

/** The largest file that this process may make, as text: the soft limit of RLIMIT_FSIZE. */
function fileSizeLimit(): string {
  const path = '/proc/self/limits';
  const text = attemptedInProc(
    () => `read ${path}`,
    () => readFileSync(path, 'utf8'),
  );
  return /^Max file size +(\S+)/m.exec(text)?.[1] ?? 'unlimited';
}

export function noSpace(size: number, present: number, free: number, place: Place): ShmTableError {
  return new ShmTableError(
    'ERR_SEGMENT_NO_SPACE',
    `The ${size} bytes of ${place.subject} need ${size - present} more, and ${place.place} has ${free} free: ${place.remedy}.`,
  );
}

/**
 * Refuses what the machine, or the container, cannot hold. The kernel takes such a request page by page, and kills some
 * process for want of memory before it refuses.
 *
 * @param present bytes that the object has already
 */
export function checkMemory(size: number, present: number, place: Place): void {
  const memory = availableMemory();
  if (size - present > memory.bytes) throw noSpace(size, present, memory.bytes, { ...place, place: memory.place });
}

/**
 * Reserves an object's bytes up to `size`, so that a lack of space is an error now and never a SIGBUS at some later
 * access. Cost: the kernel zeroes the new pages of memory, 93 ms a GiB.
 *
 * @param present bytes that the object has already
 * @param hugePages for an object that has none yet: in transparent huge pages as far as the system has them, 130 ms a GiB
 */
export function reserve(
  descriptor: Descriptor,
  size: number,
  place: Place,
  { present = descriptor.size(), hugePages = false }: { present?: number; hugePages?: boolean } = {},
): void {
  const memory = isMemory(descriptor);
  if (memory) checkMemory(size, present, place);
  const space = freeSpace(descriptor);
  if (size - present > space) throw noSpace(size, present, space, place);
  if (memory && hugePages) descriptor.makeHugePages(size);
  const result = descriptor.reserve(size);
  if (result >= 0) return;
  const name = errnoName(result);
  if (name === 'ENOSPC' || name === 'ENOMEM' || name === 'EDQUOT') {
    throw noSpace(size, present, Math.min(freeSpace(descriptor), availableMemory().bytes), place);
  }
  if (name === 'EFBIG') {
    throw new ShmTableError(
      'ERR_SEGMENT_NO_SPACE',
      `${place.subject} of ${size} bytes is larger than files may be: the limit of this process (RLIMIT_FSIZE, ulimit -f) ` +
        `is ${fileSizeLimit()} bytes, and the file system may have one of its own.`,
    );
  }
  throw systemError(result, `reserve ${size} bytes for ${place.subject}`);
}
