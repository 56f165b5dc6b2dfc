import { constants } from 'node:os';
import { type ErrorCode, ShmTableError } from '../errors.js';

/*
 * The only place where an errno becomes an error of this package: results of native calls go through `checked`, calls
 * of node:fs through `attempted`.
 */

/** Errors that mean that the object is missing, or something else is in its place. */
const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO']);

/** Codes for errnos. Any other errno means that the system does not support the operation. */
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

/** Additions to messages for errnos that do not say which limit was reached. */
const LIMITS: Readonly<Partial<Record<string, string>>> = {
  EMFILE: ' (this process may open no more files: ulimit -n)',
  ENFILE: ' (the machine may open no more files: sysctl fs.file-max)',
  EDQUOT: ' (the quota of this user)',
  ENOLCK: ' (the machine may take no more locks)',
};

/**
 * Names of errnos by number; of two names for one number the first: ENOTSUP, not EOPNOTSUPP. Node's own function knows
 * only those that libuv uses, not EDQUOT, ENOLCK and EIDRM.
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
 * Creates the error for a failed call.
 *
 * @param attempt what was attempted, with its subject: `create segment "a"`
 * @param missing the code for a missing object
 */
export function systemError(
  result: number,
  attempt: string,
  missing: ErrorCode = 'ERR_SEGMENT_NOT_FOUND',
): ShmTableError {
  return errorNamed(errnoName(result), attempt, missing);
}

function errorNamed(name: string, attempt: string, missing: ErrorCode = 'ERR_SEGMENT_NOT_FOUND'): ShmTableError {
  const code = MISSING.has(name) ? missing : (CODES[name] ?? 'ERR_BACKEND_UNSUPPORTED');
  return new ShmTableError(code, `cannot ${attempt}: ${name}${LIMITS[name] ?? ''}`);
}

/** Returns a native result that succeeded; throws `systemError` for one that failed. */
export function checked(result: number, attempt: () => string, missing?: ErrorCode): number {
  if (result < 0) throw systemError(result, attempt(), missing);
  return result;
}

/** Converts an error of node:fs with `systemError`; returns any other error unchanged. */
function translated(error: unknown, attempt: () => string, missing?: ErrorCode): unknown {
  if (!(error instanceof Error)) return error;
  if (!('code' in error) || typeof error.code !== 'string') return error;
  // By its name, because on Windows the number is one of libuv's; which does not know the name of every errno of Linux.
  if ('errno' in error && typeof error.errno === 'number') {
    const isKnown = /^E[A-Z0-9]+$/.test(error.code);
    return errorNamed(isKnown ? error.code : errnoName(error.errno), attempt(), missing);
  }
  // Thrown by node:fs itself, before the system call.
  if (error.code !== 'ERR_INVALID_ARG_VALUE') return error;
  return new ShmTableError('ERR_ARGUMENT', `cannot ${attempt()}: a path must not contain a zero byte`);
}

/** Runs an action with functions of node:fs, and throws `systemError` when they throw. */
export function attempted<T>(attempt: () => string, run: () => T, missing?: ErrorCode): T {
  try {
    return run();
  } catch (error) {
    throw translated(error, attempt, missing);
  }
}

/** `attempted` for asynchronous actions. */
export async function attemptedLater<T>(attempt: () => string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw translated(error, attempt);
  }
}

/** `attempted` for /proc: if it is missing or may not be read, the host does not support the operation. */
export function attemptedInProc<T>(attempt: () => string, run: () => T): T {
  return attempted(attempt, run, 'ERR_BACKEND_UNSUPPORTED');
}
