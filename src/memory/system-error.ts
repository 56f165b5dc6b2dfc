import { getSystemErrorName } from 'node:util';
import { type ErrorCode, ShmTableError } from '../errors.js';

/** What an errno of a memory call means to a caller. One that is not here says that the system cannot do this at all. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'ERR_SEGMENT_NOT_FOUND',
  ENOTDIR: 'ERR_SEGMENT_NOT_FOUND',
  EISDIR: 'ERR_SEGMENT_NOT_FOUND',
  ELOOP: 'ERR_SEGMENT_NOT_FOUND',
  ENXIO: 'ERR_SEGMENT_NOT_FOUND',
  EEXIST: 'ERR_SEGMENT_EXISTS',
  EACCES: 'ERR_PERMISSION',
  EPERM: 'ERR_PERMISSION',
  EROFS: 'ERR_PERMISSION',
  ENOSPC: 'ERR_SEGMENT_NO_SPACE',
  EDQUOT: 'ERR_SEGMENT_NO_SPACE',
  ENOMEM: 'ERR_SEGMENT_NO_SPACE',
  EMFILE: 'ERR_SEGMENT_NO_SPACE',
  ENFILE: 'ERR_SEGMENT_NO_SPACE',
  ENOLCK: 'ERR_SEGMENT_NO_SPACE',
  ENAMETOOLONG: 'ERR_ARGUMENT',
  EFBIG: 'ERR_SEGMENT_TOO_LARGE',
  EOVERFLOW: 'ERR_SEGMENT_TOO_LARGE',
};

/** The name of an errno as the addon returns it (negative): `ENOSPC`. */
export function errnoName(result: number): string {
  return getSystemErrorName(result);
}

/** The error for a failed native call. `attempt` says what was tried, with its subject: `create segment "a"`. */
export function systemError(result: number, attempt: string): ShmTableError {
  const name = errnoName(result);
  return new ShmTableError(CODES[name] ?? 'ERR_BACKEND_UNSUPPORTED', `Could not ${attempt}: ${name}.`);
}

/** Passes a native result that worked, throws `systemError` for one that did not. */
export function checked(result: number, attempt: () => string): number {
  if (result < 0) throw systemError(result, attempt());
  return result;
}
