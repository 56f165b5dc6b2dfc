import { readFileSync, type StatsFs, statfsSync } from 'node:fs';
import { ShmTableError } from '../errors.js';
import { availableMemory } from './memory-limits.js';
import type { Descriptor } from './native.js';
import { attemptedInProc, errnoName, systemError } from './system-error.js';

/** Parts of a message about a lack of space. */
export interface Place {
  /** `segment "a"` */
  readonly subject: string;
  /** `/dev/shm`, or `memory` */
  readonly place: string;
  /** What the user can do about it. */
  readonly remedy: string;
}

/** Types, as in statfs(2), of file systems whose files are memory. */
const TMPFS = 0x01021994;
const RAMFS = 0x858458f6;
export const HUGETLBFS = 0x958458f6;

function fileSystemOf(descriptor: Descriptor): StatsFs {
  const path = `/proc/self/fd/${descriptor.number}`;
  return attemptedInProc(
    () => `inspect the file system of ${path}`,
    () => statfsSync(path),
  );
}

/** Bytes left on the file system of the object; Infinity if it has no limit, like that of memfd objects. */
function freeSpace(descriptor: Descriptor): number {
  const { blocks, bavail, bsize } = fileSystemOf(descriptor);
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}

function isMemory(descriptor: Descriptor): boolean {
  const { type } = fileSystemOf(descriptor);
  return type === TMPFS || type === RAMFS;
}

/** The maximum file size of this process, as text: the soft limit of RLIMIT_FSIZE. */
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
    `${place.subject} of ${size} bytes needs ${size - present} more, and ${place.place} has ${free} free: ${place.remedy}`,
  );
}

/**
 * Checks that the machine and the container have enough memory. The kernel allocates page by page, and would kill some
 * process when memory runs out before it reports an error.
 *
 * @param present bytes that the object already has
 */
export function checkMemory(size: number, present: number, place: Place): void {
  const memory = availableMemory();
  if (size - present > memory.bytes) throw noSpace(size, present, memory.bytes, { ...place, place: memory.place });
}

/**
 * Reserves an object's bytes up to `size`, so that a lack of space is an error now instead of a SIGBUS at a later
 * access. The kernel zeroes new pages, which takes 93 ms per GiB.
 *
 * @param present bytes that the object already has
 * @param hugePages for an empty object: whether to use transparent huge pages as far as available, 130 ms per GiB
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
      `${place.subject} of ${size} bytes is too large for a file: the limit of this process (RLIMIT_FSIZE, ulimit -f) ` +
        `is ${fileSizeLimit()} bytes, and the file system may have another`,
    );
  }
  throw systemError(result, `reserve ${size} bytes for ${place.subject}`);
}
