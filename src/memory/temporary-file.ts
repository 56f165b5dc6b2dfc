import { randomUUID } from 'node:crypto';
import { constants, fstatSync, linkSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TEMPORARY_BYTE } from './byte-locks.js';
import { type Descriptor, native } from './native.js';
import { checked } from './system-error.js';

/*
 * Publication where a file cannot be nameless: it is made under a temporary name and linked to its final one, which
 * fails when that is taken, as with nameless files. Never renamed: that would replace another's.
 *
 * Invariant: the maker holds TEMPORARY_BYTE of the file for as long as the temporary name exists. A temporary whose
 * byte is free is the remains of a dead maker, and the next one removes it, under the byte.
 */

/** What temporaries are for, and how to tell them. */
export interface TemporaryKind {
  /** Their names begin so; with a dot, so that none is taken for a segment. */
  readonly prefix: string;
  /** Removes what belongs to the file of a dead maker, before the file itself goes. */
  readonly discard?: (descriptor: Descriptor) => void;
}

function isNameless(descriptor: Descriptor): boolean {
  return fstatSync(descriptor.number).nlink === 0;
}

/** Removes the temporaries of dead makers. Those of other users cannot be opened, and stay. */
function sweep(directory: string, kind: TemporaryKind): void {
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(kind.prefix)) continue;
    const path = join(directory, name);
    const descriptor = new native.Descriptor();
    if (descriptor.open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0) < 0) continue;
    removeRemains(path, descriptor, kind);
    descriptor.close();
  }
}

/**
 * Removes the temporary `path`, which `descriptor` was opened by, if its maker is dead. Whose byte is free but whose name
 * has gone was finished in the meantime, and lives on under its final name: nothing of it is touched.
 */
export function removeRemains(path: string, descriptor: Descriptor, kind: TemporaryKind): void {
  if (descriptor.tryLock(TEMPORARY_BYTE) !== 1 || !isNamed(path, descriptor)) return;
  kind.discard?.(descriptor);
  descriptor.unlinkName(path);
}

function isNamed(path: string, descriptor: Descriptor): boolean {
  const named = lstatSync(path, { throwIfNoEntry: false });
  const { dev, ino } = fstatSync(descriptor.number);
  return named?.dev === dev && named.ino === ino;
}

/** Opens `descriptor` on a new empty file under a temporary name, which is returned. */
export function createTemporary(
  directory: string,
  kind: TemporaryKind,
  descriptor: Descriptor,
  attempt: () => string,
): string {
  sweep(directory, kind);
  for (;;) {
    const path = join(directory, kind.prefix + randomUUID());
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
