/**
 * Records whether this thread has written a row while the caller's callback ran. A compare-and-set loop must
 * distinguish the two: writes of another process in between are contention, which ends; writes of the callback itself
 * happen again at every attempt.
 */
import { HASH_KEY } from './layout/segment.js';
import type { TableMemory } from './layout/table-memory.js';

/** A row being watched. */
interface WatchedRow {
  /** Two random words of the table, the same for all its handles. */
  readonly table0: number;
  readonly table1: number;
  /** Hash of its key. Another key with the same hash counts as this one. */
  readonly hash: number;
  written: boolean;
  readonly outer: WatchedRow | undefined;
}

/** The rows watched in this thread, the innermost callback's first: callbacks may call `modify` themselves. */
export interface OwnWrites {
  watched: WatchedRow | undefined;
}

export const ownWrites: OwnWrites = { watched: undefined };

/** Runs `callback`, and returns whether it wrote or removed the row of this hash through any handle of this thread. */
export function watchRow<T>({ words }: TableMemory, hash: number, callback: () => T): { result: T; written: boolean } {
  const outer = ownWrites.watched;
  const row: WatchedRow = { table0: words[HASH_KEY], table1: words[HASH_KEY + 1], hash, written: false, outer };
  ownWrites.watched = row;
  try {
    const result = callback();
    return { result, written: row.written };
  } finally {
    ownWrites.watched = outer;
  }
}

/**
 * Called by writers for each row that they write or remove while one is watched. Called under a lock: allocates
 * nothing.
 */
export function noteWrite({ words }: TableMemory, hash: number): void {
  for (let row = ownWrites.watched; row !== undefined; row = row.outer) {
    if (row.hash === hash && row.table0 === words[HASH_KEY] && row.table1 === words[HASH_KEY + 1]) row.written = true;
  }
}
