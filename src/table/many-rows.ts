/** Operations on many keys: all of the caller's input is read and checked before anything is changed. */
import { types } from 'node:util';
import { ShmTableError, show } from '../errors.js';
import type { Key } from './hot/encode-key.js';
import type { ScratchRow } from './scratch-row.js';
import type { Columns, RowInput } from './types.js';

/**
 * Number of keys whose rows are prefetched together: few enough that they do not evict each other from the first-level
 * cache.
 */
export const MAX_KEYS_AHEAD = 64;

/** Keys as an array, from an array or any other iterable. `ERR_ARGUMENT`. */
export function listKeys(keys: Iterable<string>): string[] {
  return listOf('keys', keys);
}

/** The same, with each key checked: `ERR_KEY_INVALID`. */
export function readKeys(keys: Iterable<string>, key: Key): string[] {
  const list = listKeys(keys);
  for (let i = 0; i < list.length; i++) at('key', i, () => key.encode(list[i]));
  return list;
}

/** Keys and rows of setMany, each row read once and checked. `ERR_ARGUMENT`, and what `set` throws. */
export function readRows<C extends Columns>(
  entries: Iterable<readonly [string, RowInput<C>]>,
  key: Key,
  draft: ScratchRow<C>,
): { keys: string[]; rows: RowInput<C>[] } {
  const keys: string[] = [];
  const rows: RowInput<C>[] = [];
  listOf<unknown>('entries', entries).forEach((entry, i) => {
    if (!Array.isArray(entry) || entry.length !== 2) {
      throw new ShmTableError('ERR_ARGUMENT', `entry ${i}: it must be an array [key, row], got ${show(entry)}`);
    }
    const [text, row] = entry;
    at('entry', i, () => {
      rows.push(draft.copy(row));
      key.encode(text);
    });
    keys.push(text);
  });
  return { keys, rows };
}

/** Calls `one` for each key in order, and `ahead` with each group of keys before the first of the group. */
export function forEachKey(
  keys: readonly string[],
  ahead: (keys: readonly string[]) => void,
  one: (key: string, i: number) => void,
): void {
  for (let begin = 0; begin < keys.length; begin += MAX_KEYS_AHEAD) {
    const group = keys.slice(begin, begin + MAX_KEYS_AHEAD);
    ahead(group);
    for (let i = 0; i < group.length; i++) one(group[i], begin + i);
  }
}

/** Like `forEachKey`, for writes: an error says how many keys were completed before it. */
export function writeEachKey(
  keys: readonly string[],
  ahead: (keys: readonly string[]) => void,
  one: (key: string, i: number) => void,
): void {
  let completed = 0;
  try {
    forEachKey(keys, ahead, (key, i) => {
      one(key, i);
      completed++;
    });
  } catch (error) {
    if (!(error instanceof ShmTableError)) throw error;
    throw new ShmTableError(
      error.code,
      `${error.message} (at key ${show(keys[completed])}; ${completed} of ${keys.length} were done before it)`,
      { cause: error, completed },
    );
  }
}

function listOf<T>(what: string, given: Iterable<T>): T[] {
  if (Array.isArray(given)) return Array.from(given);
  const isIterable = typeof given === 'object' && given !== null && typeof given[Symbol.iterator] === 'function';
  if (!isIterable || types.isTypedArray(given)) {
    throw new ShmTableError('ERR_ARGUMENT', `${what} must be an array, or iterable, got ${show(given)}`);
  }
  return Array.from(given);
}

/** Runs a check; its error says which element failed. */
function at(what: string, i: number, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof ShmTableError)) throw error;
    throw new ShmTableError(error.code, `${what} ${i}: ${error.message}`, { cause: error });
  }
}
