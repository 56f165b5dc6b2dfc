import type { Stats } from 'node:fs';
import { ShmTableError } from '../errors.js';
import { userName } from './attachments.js';

/*
 * Checks of ownership.
 *
 * Any user may create a file under any unused name in /dev/shm. Its owner, and everyone who may write to it, controls
 * what is read from it, and can kill all processes that map it by truncating it (SIGBUS). So an object found by name is
 * used only if
 * - it belongs to the effective user of this process, or to root, which can do all of this anyway;
 * - only its owner may write to it: neither the group nor others.
 * So objects of root can be read by anyone whom their mode allows to, and written only by root. Root gets no
 * exemption: it does not use memory that another user can change.
 *
 * The check examines the opened or attached object, never a path, which may refer to something else by then.
 */

const ROOT = 0;
const WRITABLE_BY_GROUP_OR_OTHERS = 0o022;

/** Owner and mode of an object. */
type Rights = Pick<Stats, 'uid' | 'mode'>;

/** The effective user id of this process. */
function effectiveUser(): number {
  return process.geteuid?.() ?? ROOT;
}

/** Whether it is a file that belongs to this user and that nobody else may write to. */
export function isOwnFile(status: Stats): boolean {
  return status.isFile() && status.uid === effectiveUser() && (status.mode & WRITABLE_BY_GROUP_OR_OTHERS) === 0;
}

/** @throws {ShmTableError} ERR_PERMISSION when another user could change the object */
export function assertTrusted({ uid, mode }: Rights, subject: string): void {
  const user = effectiveUser();
  if (uid !== user && uid !== ROOT) {
    throw new ShmTableError(
      'ERR_PERMISSION',
      `${subject} belongs to user ${named(uid)}; it must belong to ${named(user)} or root`,
    );
  }
  if ((mode & WRITABLE_BY_GROUP_OR_OTHERS) !== 0) {
    throw new ShmTableError(
      'ERR_PERMISSION',
      `${subject} must be writable by its owner only, got mode ${(mode & 0o777).toString(8).padStart(3, '0')}`,
    );
  }
}

function named(uid: number): string {
  const name = userName(uid);
  return name === String(uid) ? name : `${name} (${uid})`;
}
