import { type ErrorCode, hasCode, ShmTableError } from '../errors.js';
import { type BackendName, SHARES_MEMORY } from './backend.js';

/*
 * The backends that `auto` tries: memory that leaves nothing behind if the host has it, in nginx's order for shared
 * zones: anonymous, /dev/zero, System V. Without shared memory there is only that of the process.
 */

/** For a segment that only its creator may need. */
export const ANY_BACKEND: readonly BackendName[] = SHARES_MEMORY ? ['anonymous', 'devzero', 'sysv'] : ['process'];

/** For a segment found by name: without /dev/zero, which a bare fork shares but a newly started program does not. */
export const SHARED_BACKENDS: readonly BackendName[] = SHARES_MEMORY ? ['anonymous', 'sysv'] : ['process'];

/** Errors caused by the host; any other error is the caller's or would occur with every backend. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['ERR_BACKEND_UNSUPPORTED', 'ERR_PERMISSION']);

/**
 * Runs an action with the first backend that this host supports.
 *
 * @throws {ShmTableError} ERR_BACKEND_UNSUPPORTED when it supports none; gives the reason for each
 */
export function firstSupported<T>(backends: readonly BackendName[], attempt: (backend: BackendName) => T): T {
  const reasons: string[] = [];
  for (const backend of backends) {
    try {
      return attempt(backend);
    } catch (error) {
      if (!(error instanceof ShmTableError) || !REFUSALS.has(error.code)) throw error;
      reasons.push(`${backend}: ${error.message}`);
    }
  }
  throw new ShmTableError('ERR_BACKEND_UNSUPPORTED', `this host supports none of the backends: ${reasons.join('; ')}`);
}

/**
 * Opens a segment with the first backend that has it.
 *
 * @throws {ShmTableError} ERR_SEGMENT_NOT_FOUND of the last backend when none has it
 */
export function firstFound<T>(backends: readonly BackendName[], attempt: (backend: BackendName) => T): T {
  let missing: unknown;
  for (const backend of backends) {
    try {
      return attempt(backend);
    } catch (error) {
      if (!hasCode(error, 'ERR_SEGMENT_NOT_FOUND')) throw error;
      missing = error;
    }
  }
  throw missing;
}
