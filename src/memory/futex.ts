import { ShmTableError } from '../errors.js';
import { native } from './native.js';
import { checked, errnoName } from './system-error.js';

const WAIT_RESULTS = ['woken', 'changed', 'timeout'] as const;

function describe(words: Int32Array, index: number): string {
  return `word ${index} of a view of ${words.length} words`;
}

function refuse(words: Int32Array, index: number, rest: string): never {
  throw new ShmTableError('ERR_ARGUMENT', `Cannot wait on or wake ${describe(words, index)}${rest}.`);
}

/**
 * Sleeps while the word has the expected value, until somebody wakes it, at most `timeoutMs` (0 .. 2^31-1, fractions
 * allowed). Blocks the whole thread.
 *
 * `woken` may also mean a signal: look at the word again. `changed`: the word had another value already.
 *
 * @throws ERR_ARGUMENT for an index outside the view (a closed segment's view has no words) or a bad timeout
 */
export function futexWait(
  words: Int32Array,
  index: number,
  expected: number,
  timeoutMs: number,
): 'woken' | 'changed' | 'timeout' {
  const result = native.futexWait(words, index, expected, timeoutMs);
  if (result < 0 && errnoName(result) === 'EINVAL')
    refuse(words, index, ` for ${timeoutMs} ms (limit 0 .. 2147483647)`);
  return WAIT_RESULTS[checked(result, () => `wait on ${describe(words, index)}`)];
}

/**
 * Wakes up to `count` (1 .. 2^31-1) sleepers of the word, in every process that maps the memory; returns how many.
 *
 * @throws ERR_ARGUMENT for an index outside the view
 */
export function futexWake(words: Int32Array, index: number, count: number): number {
  const result = native.futexWake(words, index, count);
  if (result < 0 && errnoName(result) === 'EINVAL') refuse(words, index, '');
  return checked(result, () => `wake ${describe(words, index)}`);
}
