import { randomUUID } from 'node:crypto';
import { constants, fstatSync, linkSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TEMPORARY_BYTE } from './byte-locks.js';
import { type Descriptor, native } from './native.js';
import { checked } from './system-error.js';

/*
 * Publication where the file system has no nameless files: the object is made under a temporary name and linked to its
 * final one, which fails when that is taken, as with nameless files. Never renamed: that would replace another's.
 *
 * Invariant: the maker holds TEMPORARY_BYTE of the file for as long as the temporary name exists. A temporary whose
 * byte is free is the remains of a dead maker, and the next one removes it, under the byte.
 */
const PREFIX = '.shmtable-temporary-';

function isNameless(descriptor: Descriptor): boolean {
  return fstatSync(descriptor.number).nlink === 0;
}

/** Removes the temporaries of dead makers. Those of other users cannot be opened, and stay. */
function sweep(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(directory, name);
    const descriptor = new native.Descriptor();
    if (descriptor.open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0) < 0) continue;
    if (descriptor.tryLock(TEMPORARY_BYTE) === 1) descriptor.unlinkName(path);
    descriptor.close();
  }
}

/** Opens `descriptor` on a new empty file under a temporary name, which is returned. */
export function createTemporary(directory: string, descriptor: Descriptor, attempt: () => string): string {
  sweep(directory);
  for (;;) {
    const path = join(directory, PREFIX + randomUUID());
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_NOFOLLOW;
    checked(descriptor.open(path, flags, 0o600), attempt);
    // A sweeper may have come between the two calls: then the file is its own to remove, and another one is made.
    if (descriptor.tryLock(TEMPORARY_BYTE) === 1 && !isNameless(descriptor)) return path;
    descriptor.close();
  }
}

/** Gives the finished object its name; false when the name is taken. The temporary name stays. */
export function linkTemporary(temporary: string, path: string): boolean {
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the temporary name, then gives its byte back. */
export function removeTemporary(temporary: string, descriptor: Descriptor): void {
  rmSync(temporary, { force: true });
  descriptor.unlock(TEMPORARY_BYTE);
}
