/** The lifetime in a request: header `Shm-TTL-Ms` or query parameter `ttl`, in whole milliseconds. */
import type { IncomingHttpHeaders } from 'node:http';
import { ShmTableError, show } from '../errors.js';

const HEADER = 'shm-ttl-ms';
const DIGITS = /^[1-9][0-9]{0,15}$/;

/**
 * Returns the lifetime in milliseconds, 1 .. 2^53-1, or undefined when the request has none.
 *
 * @throws {ShmTableError} ERR_ARGUMENT when it is out of range or given twice
 */
export function lifetimeOf(headers: IncomingHttpHeaders, query: { readonly ttl?: number }): number | undefined {
  const text = headers[HEADER];
  if (text === undefined) return query.ttl;
  if (query.ttl !== undefined) {
    throw new ShmTableError('ERR_ARGUMENT', `the lifetime is given twice: Shm-TTL-Ms: ${text} and ?ttl=${query.ttl}`);
  }
  const milliseconds = typeof text === 'string' && DIGITS.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(milliseconds)) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `Shm-TTL-Ms must be an integer in 1 .. ${Number.MAX_SAFE_INTEGER}, got ${show(text)}`,
    );
  }
  return milliseconds;
}
