import { type ErrorCode, hasCode, ShmTableError } from '../errors.js';
import type { BackendName } from './backend.js';

/*
 * What `auto` stands for: memory that leaves nothing behind where the host has such, in the order in which nginx looks
 * for its shared zones: anonymous, /dev/zero, System V.
 */

/** For a segment that its maker alone may need. */
export const ANY_BACKEND: readonly BackendName[] = ['anonymous', 'devzero', 'sysv'];

/** For what others must find by name: without /dev/zero, which a bare fork shares and a started program does not. */
export const SHARED_BACKENDS: readonly BackendName[] = ['anonymous', 'sysv'];

/** Errors that say what a host cannot or may not do; any other one would be the same everywhere, or is the caller's. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['ERR_BACKEND_UNSUPPORTED', 'ERR_PERMISSION']);

/**
 * Does with the first backend that this host supports. `ERR_BACKEND_UNSUPPORTED` with the reason of each when there is
 * none.
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
  throw new ShmTableError('ERR_BACKEND_UNSUPPORTED', `This host supports none of the backends. ${reasons.join(' ')}`);
}

/** Opens with the first backend that has it. The last one's `ERR_SEGMENT_NOT_FOUND` when none has. */
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
