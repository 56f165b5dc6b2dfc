import type { Stats } from 'node:fs';
import { ShmTableError } from '../errors.js';
import { userName } from './attachments.js';

/*
 * Whose memory this process works with.
 *
 * Any user may put a file under any free name of /dev/shm. Whoever owns it, and whoever may write to it, decides what
 * is read from it, and kills everybody who has it mapped by making it shorter (SIGBUS). So what a name leads to is used
 * only if
 * - it belongs to the user that this process acts as (its effective uid), or to root, which can do all of this anyway;
 * - nobody but its owner may write to it: neither the group nor others.
 * What root owns can so be read by those whom its mode lets read it, and be written by root alone. Root itself is a
 * user like any other here: it does not work with what another user can change under its hands.
 *
 * Looked at is always what was opened or attached, never a path: between two looks at a path it may lead elsewhere.
 */

const ROOT = 0;
const WRITABLE_BY_GROUP_OR_OTHERS = 0o022;

/** Of an object: its owner, and who may do what with it. */
type Rights = Pick<Stats, 'uid' | 'mode'>;

/** The user that this process acts as. */
function effectiveUser(): number {
  return process.geteuid?.() ?? ROOT;
}

/** Whether it is a file of this user's own that nobody else may write to. */
export function isOwnFile(status: Stats): boolean {
  return status.isFile() && status.uid === effectiveUser() && (status.mode & WRITABLE_BY_GROUP_OR_OTHERS) === 0;
}

/** `ERR_PERMISSION` for what somebody else could change. */
export function assertTrusted({ uid, mode }: Rights, subject: string): void {
  const user = effectiveUser();
  if (uid !== user && uid !== ROOT) {
    throw new ShmTableError(
      'ERR_PERMISSION',
      `${subject} belongs to user ${named(uid)}, and this process is user ${named(user)}'s: it is not used.`,
    );
  }
  if ((mode & WRITABLE_BY_GROUP_OR_OTHERS) !== 0) {
    throw new ShmTableError(
      'ERR_PERMISSION',
      `${subject} has mode ${(mode & 0o777).toString(8).padStart(3, '0')}, so that not its owner alone may write to ` +
        'it: it is not used.',
    );
  }
}

function named(uid: number): string {
  const name = userName(uid);
  return name === String(uid) ? name : `${name} (${uid})`;
}
