import { constants } from 'node:os';
import { type ErrorCode, ShmTableError } from '../errors.js';

/*
 * The one place where an errno becomes an error of this package. Nothing that the system refuses leaves it otherwise:
 * results of native calls go through `checked`, calls of node:fs through `attempted`.
 */

/** Where what was asked for is not there, or something else is in its place. */
const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO']);

/** What an errno means to a caller. One that is not here says that the system cannot do this at all. */
const CODES: Readonly<Partial<Record<string, ErrorCode>>> = {
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

/** What a message adds to a name that does not tell which limit was met. */
const LIMITS: Readonly<Partial<Record<string, string>>> = {
  EMFILE: ' (this process may open no more files: ulimit -n)',
  ENFILE: ' (the machine may open no more files: sysctl fs.file-max)',
  EDQUOT: ' (the quota of this user)',
  ENOLCK: ' (the machine may take no more locks)',
};

/**
 * Names by number, of two for one number the first: ENOTSUP, not EOPNOTSUPP. Node's own function knows only those that
 * libuv uses, without EDQUOT, ENOLCK and EIDRM.
 */
const NAMES = new Map(
  Object.entries(constants.errno)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** The name of an errno as the addon returns it (negative): `ENOSPC`. */
export function errnoName(result: number): string {
  return NAMES.get(-result) ?? `errno ${-result}`;
}

/**
 * The error for a failed call. `attempt` says what was tried, with its subject: `create segment "a"`; `missing` is the
 * code for what was not there.
 */
export function systemError(
  result: number,
  attempt: string,
  missing: ErrorCode = 'ERR_SEGMENT_NOT_FOUND',
): ShmTableError {
  const name = errnoName(result);
  const code = MISSING.has(name) ? missing : (CODES[name] ?? 'ERR_BACKEND_UNSUPPORTED');
  return new ShmTableError(code, `Could not ${attempt}: ${name}${LIMITS[name] ?? ''}.`);
}

/** Passes a native result that worked, throws `systemError` for one that did not. */
export function checked(result: number, attempt: () => string, missing?: ErrorCode): number {
  if (result < 0) throw systemError(result, attempt(), missing);
  return result;
}

/** `systemError` of what a function of node:fs has thrown; anything else as it is. */
function translated(error: unknown, attempt: () => string, missing?: ErrorCode): unknown {
  if (!(error instanceof Error)) return error;
  if ('errno' in error && typeof error.errno === 'number') return systemError(error.errno, attempt(), missing);
  // What they refuse before they ask the system.
  if (!('code' in error) || error.code !== 'ERR_INVALID_ARG_VALUE') return error;
  return new ShmTableError('ERR_ARGUMENT', `Could not ${attempt()}: no path has a zero byte.`);
}

/** Does with functions of node:fs, and throws `systemError` where they throw. */
export function attempted<T>(attempt: () => string, run: () => T, missing?: ErrorCode): T {
  try {
    return run();
  } catch (error) {
    throw translated(error, attempt, missing);
  }
}

/** `attempted` for what ends later. */
export async function attemptedLater<T>(attempt: () => string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw translated(error, attempt);
  }
}

/** What the system can be asked through /proc; without it, or without leave to look, the host cannot do this at all. */
export function attemptedInProc<T>(attempt: () => string, run: () => T): T {
  return attempted(attempt, run, 'ERR_BACKEND_UNSUPPORTED');
}
