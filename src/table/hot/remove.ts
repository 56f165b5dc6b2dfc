import type { BucketNumber, RowNumber, WordIndex } from '../layout/units.js';
import type { Outcome } from '../outcome.js';
import type { TableContext } from '../table-context.js';
import type { Key } from './encode-key.js';
import type { Chain, Found } from './find.js';
import type { Heap } from './heap.js';
import type { Caller, Locking } from './lock.js';
import type { Redo } from './redo.js';

/** The operations that remove rows. */
export interface Removal {
  /** Revision of the row after the last write. */
  readonly last: { revision: number };
  /**
   * Removes a row. `take`, if given, reads the row when it is unlinked but not yet free, so that no other caller can
   * take it.
   */
  readonly remove: (key: string, ifRevision?: number, take?: (row: WordIndex) => void) => Outcome;
  /**
   * Removes the rows of one bucket, each as a separate operation: at most as many as there were at the start. Adds to
   * `removed` how many had not expired, also when it throws. Without `wait` it stops when the bucket is locked, and
   * leaves the rest.
   */
  readonly clearBucket: (bucket: BucketNumber, wait: boolean, removed: { rows: number }) => void;
  /** Removes one expired row of a bucket; false when there is none or, without `wait`, when the bucket is locked. */
  readonly expireOne: (bucket: BucketNumber, wait: boolean) => boolean;
  /** Evicts this row of a bucket; false when it is no longer there, or the bucket is locked. */
  readonly evict: (bucket: BucketNumber, row: RowNumber) => boolean;
}

/** The steps that removals share with the other writes, and the removals. Home buckets are given by their first word. */
export interface RemovalSteps {
  readonly operations: Removal;
  readonly hasExpired: (row: RowNumber) => boolean;
  readonly beginAtKey: (operation: number) => WordIndex;
  /** Searches for the key under the lock. */
  readonly look: (home: WordIndex) => RowNumber | 0;
  readonly seekTail: (home: WordIndex) => void;
  /** Records the revision of the row at this word in `last`. */
  readonly noteRevision: (row: WordIndex) => void;
  /** Unlinks the row that was found, fills the gap with the chain's last row, and frees what is no longer used. */
  readonly unlink: (home: WordIndex, row: RowNumber, counter: number, take?: (row: WordIndex) => void) => void;
}

/** The participant that writes. */
export interface WritingParticipant {
  readonly id: number;
  readonly at: WordIndex;
  readonly locking: Locking;
  caller: Caller;
  /**
   * `begin` for work that can be done later or elsewhere: returns 0 without beginning anything if another participant
   * has the lock.
   */
  readonly tryBegin: (operation: number, bucket: BucketNumber) => WordIndex | 0;
}

/** What removals work with. */
interface RemovalParts {
  readonly participant: WritingParticipant;
  readonly key: Key;
  readonly chain: Chain;
  readonly redo: Redo;
  /** Undefined for a table without long columns. */
  readonly heap: Heap | undefined;
}

/** Creates the functions that remove rows: see `Writer`. */
export function makeRemoval(context: TableContext, parts: RemovalParts): RemovalSteps {
  const { memory, addresses, clock, constants, runtime, refuse } = context;
  const { participant, key, chain, heap } = parts;
  const { at, id, tryBegin, locking } = participant;
  const { settle, settleRemoval, begin, commit, end, abandon } = locking;
  const { prepareVersion, prepareCounter } = parts.redo;
  const { find } = chain;
  const { words, doubles, rows, overflow } = memory;
  const { slot, bucket, row: rowAt } = constants;
  const { DAMAGED } = bucket;
  const { noteWrite, ownWrites } = runtime;
  const { bucketScale } = addresses;
  const last = { revision: 0 };

  const rowWord = (row: RowNumber): WordIndex => (addresses.rows + row * addresses.rowWords) as WordIndex;

  const hasExpired = (row: RowNumber): boolean => {
    const expiresAt = doubles[(rowWord(row) + rowAt.ROW_EXPIRES_AT) >>> 1];
    return expiresAt !== 0 && clock.isPast(expiresAt);
  };

  const corrupt: () => never = () => refuse('ERR_TABLE_CORRUPT', 'is damaged in the chain of a bucket');

  const beginAtKey = (operation: number): WordIndex =>
    begin(operation, (((key.hash >>> 0) * bucketScale) >>> 0) as BucketNumber);

  const look = (home: WordIndex): RowNumber | 0 => {
    const row = find(home);
    return row === DAMAGED ? corrupt() : row;
  };

  const seekTail = (home: WordIndex): void => {
    if (!chain.seekTail(home)) corrupt();
  };

  const noteRevision = (row: WordIndex): void => {
    last.revision = memory.revision(words[at + slot.EPOCH_AFTER], words[at + slot.VERSION_AFTER]);
    if (ownWrites.watched !== undefined) noteWrite(memory, words[row + rowAt.ROW_HASH]);
  };

  // Unlinks the row that was found, fills the gap with the chain's last row, and frees what is no longer used.
  const unlink = (home: WordIndex, row: RowNumber, counter: number, take?: (row: WordIndex) => void): void => {
    const place = chain.foundNumber;
    const position = chain.foundPosition;
    seekTail(home);
    const last = words[chain.tail + bucket.FIRST_ENTRY + chain.tailEntries - 1];
    const moved = last === row ? 0 : last;
    const empties = chain.tailEntries === 1 && chain.tailNumber !== 0;
    words[at + slot.ROW] = row;
    words[at + slot.PLACE] = place;
    words[at + slot.POSITION] = position;
    words[at + slot.MOVED] = moved;
    words[at + slot.SOURCE] = chain.tailNumber;
    words[at + slot.SOURCE_POSITION] = chain.tailEntries - 1;
    words[at + slot.OVERFLOW] = empties ? chain.tailNumber : 0;
    words[at + slot.BEFORE] = chain.beforeTail;
    prepareVersion(at, home, moved === 0 ? 1 : 2);
    prepareCounter(at, counter);
    if (heap !== undefined) heap.prepareBlocks(at, -heap.blocksOf(rowWord(row)));
    commit(home);
    noteRevision(rowWord(row));
    take?.(rowWord(row));
    // Before the row is freed: a chain that no slice names would be lost.
    if (heap !== undefined) heap.freeRow(at, id, rowWord(row));
    rows.release(row, id);
    if (empties) overflow.release(words[at + slot.OVERFLOW], id);
    end();
  };

  // Removes the row that `choose` finds under the lock, and returns the counter that was advanced: for an expired row
  // always that of expirations. 0 when it finds none.
  const removeOne = (
    number: BucketNumber,
    wait: boolean,
    counter: number,
    choose: (home: WordIndex) => Found,
  ): number => {
    settleRemoval();
    try {
      const home = wait ? begin(slot.REMOVE, number) : tryBegin(slot.REMOVE, number);
      if (home === 0) return 0;
      const row = choose(home);
      if (row === DAMAGED) return corrupt();
      if (row === 0) {
        abandon(home);
        return 0;
      }
      const counted = hasExpired(row) ? slot.EXPIRATIONS : counter;
      unlink(home, row, counted);
      return counted;
    } finally {
      settleRemoval();
    }
  };

  // The row at this place of a chain, counted from the head, or the last row when there are fewer; 0 for none.
  const seekUpTo = (home: WordIndex, place: number): Found => {
    let before = place;
    const row = chain.seek(home, () => before-- === 0);
    return row === 0 ? chain.seekLast(home) : row;
  };

  const operations: Removal = {
    last,

    remove(text, ifRevision, take) {
      settle();
      key.encode(text);
      try {
        const home = beginAtKey(slot.REMOVE);
        const row = look(home);
        if (row === 0) {
          abandon(home);
          return 'absent';
        }
        if (hasExpired(row)) {
          unlink(home, row, slot.EXPIRATIONS);
          return 'absent';
        }
        if (ifRevision !== undefined && memory.revisionAt(rowWord(row)) !== ifRevision) {
          abandon(home);
          return 'mismatch';
        }
        unlink(home, row, slot.DELETES, take);
        return 'deleted';
      } finally {
        settle();
      }
    },

    clearBucket(number, wait, removed) {
      // Rows move only towards the head, and rows that others insert meanwhile come after them: of the rows that were
      // there at the start, those not yet removed are always found at this place or before it.
      for (let place = chain.entries(memory.homeWord(number)) - 1; place >= 0; place--) {
        const counted = removeOne(number, wait, slot.DELETES, (home) => seekUpTo(home, place));
        if (counted === 0) break;
        if (counted === slot.DELETES) removed.rows++;
      }
    },

    expireOne(number, wait) {
      return removeOne(number, wait, slot.EXPIRATIONS, (home) => chain.seek(home, hasExpired)) !== 0;
    },

    evict(number, row) {
      return (
        removeOne(number, false, slot.EVICTIONS, (home) => chain.seek(home, (candidate) => candidate === row)) !== 0
      );
    },
  };

  return { operations, hasExpired, beginAtKey, look, seekTail, noteRevision, unlink };
}
