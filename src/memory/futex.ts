import { ShmTableError } from '../errors.js';
import { checked, errnoName } from './system-error.js';
import { platform } from './this-platform.js';

const WAIT_RESULTS = ['woken', 'changed', 'timeout'] as const;

function describe(words: Int32Array, index: number): string {
  return `word ${index} of a view of ${words.length} words`;
}

function refuse(words: Int32Array, index: number, rest: string): never {
  throw new ShmTableError('ERR_ARGUMENT', `cannot wait on or wake ${describe(words, index)}${rest}`);
}

/**
 * Sleeps while the word has the expected value, until it is woken, for at most `timeoutMs` (0 .. 2^31-1, fractions
 * allowed). Blocks the whole thread.
 *
 * @returns `woken`, also after a signal, so check the word again; `changed` when the word had another value already;
 *   or the result for a timeout
 * @throws {ShmTableError} ERR_ARGUMENT when the index is outside the view (that of a closed segment has no words) or
 *   the timeout is out of range
 */
export function futexWait(
  words: Int32Array,
  index: number,
  expected: number,
  timeoutMs: number,
): 'woken' | 'changed' | 'timeout' {
  const result = platform.futexWait(words, index, expected, timeoutMs);
  if (result < 0 && errnoName(result) === 'EINVAL')
    refuse(words, index, ` for ${timeoutMs} ms (limit 0 .. 2147483647)`);
  return WAIT_RESULTS[checked(result, () => `wait on ${describe(words, index)}`)];
}

/**
 * Wakes up to `count` (1 .. 2^31-1) sleepers on the word, in all processes that map the memory; returns their number.
 *
 * @throws {ShmTableError} ERR_ARGUMENT when the index is outside the view
 */
export function futexWake(words: Int32Array, index: number, count: number): number {
  const result = platform.futexWake(words, index, count);
  if (result < 0 && errnoName(result) === 'EINVAL') refuse(words, index, '');
  return checked(result, () => `wake ${describe(words, index)}`);
}
