import { randomUUID } from 'node:crypto';
import { constants, fstatSync, lstatSync, readdirSync, rmSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { TEMPORARY_BYTE } from './byte-locks.js';
import { type Descriptor, native } from './native.js';
import { isOwnFile } from './ownership.js';
import { attempted, checked } from './system-error.js';

/*
 * Publication where a file cannot be nameless: it is made under a temporary name and linked to its final one, which
 * fails when that is taken, as with nameless files. Never renamed: that would replace another's.
 *
 * Invariant: the maker holds TEMPORARY_BYTE of the file for as long as the temporary name exists. A temporary whose
 * byte is free is the remains of a dead maker, and the next one removes it, under the byte.
 *
 * Only this user's are looked at: what another one has put under such a name may name the segment of a third as its own,
 * and its byte may be held for ever.
 */

/** What temporaries are for, and how to tell them. */
export interface TemporaryKind {
  /** Their names begin so; with a dot, so that none is taken for a segment. */
  readonly prefix: string;
  /** Removes what belongs to the file of a dead maker, before the file itself goes. */
  readonly discard?: (descriptor: Descriptor) => void;
}

function statusOf(descriptor: Descriptor): Stats {
  return attempted(
    () => 'look at a temporary file',
    () => fstatSync(descriptor.number),
  );
}

/** Removes the temporaries of dead makers. */
function sweep(directory: string, kind: TemporaryKind, attempt: () => string): void {
  for (const name of attempted(attempt, () => readdirSync(directory), 'ERR_ARGUMENT')) {
    if (!name.startsWith(kind.prefix)) continue;
    const path = join(directory, name);
    const descriptor = new native.Descriptor();
    if (descriptor.open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0) < 0) continue;
    try {
      removeRemains(path, descriptor, kind);
    } finally {
      descriptor.close();
    }
  }
}

/**
 * Removes the temporary `path`, which `descriptor` was opened by, if its maker is dead. Whose byte is free but whose name
 * has gone was finished in the meantime, and lives on under its final name: nothing of it is touched.
 */
export function removeRemains(path: string, descriptor: Descriptor, kind: TemporaryKind): void {
  if (!isOwnFile(statusOf(descriptor)) || descriptor.tryLock(TEMPORARY_BYTE) !== 1 || !isNamed(path, descriptor))
    return;
  kind.discard?.(descriptor);
  descriptor.unlinkName(path);
}

function isNamed(path: string, descriptor: Descriptor): boolean {
  const named = attempted(
    () => `look at ${path}`,
    () => lstatSync(path, { throwIfNoEntry: false }),
  );
  const { dev, ino } = statusOf(descriptor);
  return named?.dev === dev && named.ino === ino;
}

/** Opens `descriptor` on a new empty file under a temporary name, which is returned. */
export function createTemporary(
  directory: string,
  kind: TemporaryKind,
  descriptor: Descriptor,
  attempt: () => string,
): string {
  sweep(directory, kind, attempt);
  for (;;) {
    const path = join(directory, kind.prefix + randomUUID());
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_NOFOLLOW;
    checked(descriptor.open(path, flags, 0o600), attempt, 'ERR_ARGUMENT');
    try {
      // A sweeper may have come between the two calls: then the file is its own to remove, and another one is made.
      if (checked(descriptor.tryLock(TEMPORARY_BYTE), attempt) === 1 && statusOf(descriptor).nlink > 0) return path;
    } catch (error) {
      removeTemporary(path, descriptor);
      descriptor.close();
      throw error;
    }
    descriptor.close();
  }
}

/** Removes the temporary name, then gives its byte back: one that cannot be removed is left to the next maker. */
export function removeTemporary(temporary: string, descriptor: Descriptor): void {
  try {
    rmSync(temporary, { force: true });
  } catch {
    // What is to be said of the object has been decided by then.
  }
  descriptor.unlock(TEMPORARY_BYTE);
}
