import { randomUUID } from 'node:crypto';
import { constants, lstatSync, readdirSync, rmSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { TEMPORARY_BYTE } from './byte-locks.js';
import { objectStatus } from './descriptor-status.js';
import { type Descriptor, native } from './native.js';
import { isOwnFile } from './ownership.js';
import { attempted, checked } from './system-error.js';

/*
 * Publication of a file that cannot be nameless: it is created under a temporary name and linked to its final one,
 * which fails if that is taken, as with nameless files. It is never renamed, because that would replace an existing
 * file.
 *
 * Invariant: the creator holds TEMPORARY_BYTE of the file as long as the temporary name exists. A temporary file whose
 * byte is free was left by a dead creator; the next creator removes it while holding the byte.
 *
 * Only files of this user are considered: a record of another user could refer to a third user's segment, and its byte
 * could be held forever.
 */

/** A kind of temporary files. */
export interface TemporaryKind {
  /** Prefix of their names; starts with a dot, so that none is mistaken for a segment. */
  readonly prefix: string;
  /** Removes resources that belong to the file of a dead creator, before the file itself. */
  readonly discard?: (descriptor: Descriptor) => void;
}

function statusOf(descriptor: Descriptor): Stats {
  return attempted(
    () => 'inspect a temporary file',
    () => objectStatus(descriptor),
  );
}

/** Removes the temporary files of dead creators. */
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
 * Removes the temporary file `path`, open as `descriptor`, if its creator is dead. If its byte is free but its name is
 * gone, it has been published meanwhile and exists under its final name; it is then left alone.
 */
export function removeRemains(path: string, descriptor: Descriptor, kind: TemporaryKind): void {
  if (!isOwnFile(statusOf(descriptor)) || descriptor.tryLock(TEMPORARY_BYTE) !== 1 || !isNamed(path, descriptor))
    return;
  kind.discard?.(descriptor);
  descriptor.unlinkName(path);
}

function isNamed(path: string, descriptor: Descriptor): boolean {
  const named = attempted(
    () => `inspect ${path}`,
    () => lstatSync(path, { throwIfNoEntry: false }),
  );
  const { dev, ino } = statusOf(descriptor);
  return named?.dev === dev && named.ino === ino;
}

/** Creates an empty file under a temporary name, opens `descriptor` on it, and returns the name. */
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
      // Another process may have locked or removed the file between the two calls: then create another one.
      if (checked(descriptor.tryLock(TEMPORARY_BYTE), attempt) === 1 && statusOf(descriptor).nlink > 0) return path;
    } catch (error) {
      removeTemporary(path, descriptor);
      descriptor.close();
      throw error;
    }
    descriptor.close();
  }
}

/** Removes the temporary name, then unlocks its byte; a name that cannot be removed is left to the next creator. */
export function removeTemporary(temporary: string, descriptor: Descriptor): void {
  try {
    rmSync(temporary, { force: true });
  } catch {
    // The caller's result does not depend on this.
  }
  descriptor.unlock(TEMPORARY_BYTE);
}
