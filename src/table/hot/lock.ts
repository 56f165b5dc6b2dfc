import type { BucketNumber, RowNumber, WordIndex } from '../layout/units.js';
import type { TableContext } from '../table-context.js';
import type { Redo } from './redo.js';

/** The steps that every write shares. Home buckets and rows are given by their first word. */
export interface Locking {
  /**
   * Finishes this participant's own unfinished operation, if there is one, and frees the blocks that an unfinished write
   * has claimed.
   */
  readonly settle: () => void;
  /** `settle` for the removals that make room for a write: it leaves the write's claims alone. */
  readonly settleRemoval: () => void;
  /** Writes the intent, and returns the home bucket that it names. */
  readonly intend: (operation: number, bucket: BucketNumber) => WordIndex;
  /**
   * Writes the intent and takes the bucket's lock. `ERR_LOCK_TIMEOUT`, and `WriteRefused` when the table is being
   * altered or is gone: nothing is left behind then.
   */
  readonly begin: (operation: number, bucket: BucketNumber) => WordIndex;
  /** Carries out the operation that the journal describes completely, and releases the lock. The journal stays open. */
  readonly commit: (home: WordIndex) => void;
  readonly release: (home: WordIndex) => void;
  /** Ends the operation by clearing the journal: only after the lock was released and what was left over was freed. */
  readonly end: () => void;
  /** Abandons an operation that has not changed anything yet. */
  readonly abandon: (home: WordIndex) => void;
  /** The row slice into which the next row is written. */
  readonly spare: () => RowNumber;
  /**
   * First word of the spare, after marking its content as unfinished: readers that are still reading it will discard
   * it. `ERR_TABLE_CORRUPT` when it is not owned by this participant: writing to it would overwrite another
   * participant's memory.
   */
  readonly openSpare: () => WordIndex;
  /** Marks the row at this word as finished, under a sequence that it never had before. */
  readonly finishRow: (row: WordIndex) => void;
}

/** The handle through which a write is made; several handles may share a participant. */
export interface Caller {
  isOpen: boolean;
  readonly lockTimeoutMs: number;
}

/** The participant, and what is done outside the fast path. */
export interface LockingSupport {
  readonly id: number;
  /** First word of its slot. */
  readonly at: WordIndex;
  /** `withClaims`: also the blocks that a write has claimed. */
  readonly settle: (withClaims: boolean) => void;
  readonly waitForLock: (home: WordIndex, bucket: BucketNumber) => void;
  readonly refuseSpare: (spare: number) => never;
  /** For a lock that was taken in a table that is not READY: releases it, ends the operation and throws. */
  readonly refuseLock: (home: WordIndex) => never;
}

/** Creates the steps before and after each write of a participant: see `Participant`. */
export function makeLocking(
  { memory, addresses, feed, constants, runtime }: TableContext,
  { carryOut }: Redo,
  support: LockingSupport,
): Locking {
  // How long a participant that has just woken a waiter leaves the lock to it, in milliseconds.
  const COURTESY_MS = 0.1;
  const { id, at } = support;
  const { words } = memory;
  const { assertStackRoom, futexWait, futexWake, loadAcquire, storeRelease } = runtime;
  const { slot, slice } = constants;
  const { READY, STATE } = constants.segment;
  const { BUCKET_WORDS, LOCK } = constants.bucket;
  const { ROW_SEQUENCE } = constants.row;
  const { index, rows, rowWords, rowSlices } = addresses;
  /** First word of the bucket for which this participant woke a waiter at its last release, 0 for none. */
  let woken: WordIndex | 0 = 0;

  const settle = (): void => {
    if ((words[at + slot.OPERATION] | words[at + slot.HEAP_OPEN]) !== slot.NONE) support.settle(true);
  };

  const settleRemoval = (): void => {
    // Also completes a release that an interrupted write has left unfinished, because the removal changes RELEASING.
    if ((words[at + slot.OPERATION] | words[at + slot.HEAP_OPEN]) !== slot.NONE) support.settle(false);
  };

  const intend = (operation: number, bucket: BucketNumber): WordIndex => {
    assertStackRoom();
    words[at + slot.STAGE] = slot.INTENT;
    words[at + slot.OLD] = 0;
    words[at + slot.TAKEN] = 0;
    words[at + slot.OVERFLOW] = 0;
    words[at + slot.BUCKET] = bucket;
    words[at + slot.OPERATION] = operation;
    return (index + bucket * BUCKET_WORDS) as WordIndex;
  };

  // Sleeps while the lock is free, at most COURTESY_MS, once after a waiter was woken. Without this, a participant that
  // writes to one bucket in a loop takes the lock again before the woken one runs. With more processes than processors,
  // a waiter could wait for its whole timeout.
  const letTheWokenPass = (home: WordIndex): void => {
    woken = 0;
    futexWait(words, home + LOCK, 0, COURTESY_MS);
  };

  const begin = (operation: number, bucket: BucketNumber): WordIndex => {
    const home = intend(operation, bucket);
    if (woken === home) letTheWokenPass(home);
    if (Atomics.compareExchange(words, home + LOCK, 0, id) !== 0) support.waitForLock(home, bucket);
    // After the lock: see `alter/states.ts`.
    if (loadAcquire(words, STATE) !== READY) support.refuseLock(home);
    return home;
  };

  const release = (home: WordIndex): void => {
    const lock = home + LOCK;
    if (Atomics.exchange(words, lock, 0) < 0 && futexWake(words, lock, 1) > 0) woken = home;
  };

  const commit = (home: WordIndex): void => {
    feed?.prepare(at);
    words[at + slot.STAGE] = slot.PREPARED;
    carryOut(at, id);
    release(home);
  };

  const end = (): void => {
    words[at + slot.OPERATION] = slot.NONE;
  };

  const abandon = (home: WordIndex): void => {
    release(home);
    end();
  };

  const spare = (): RowNumber => words[at + slot.SPARE] as RowNumber;

  const openSpare = (): WordIndex => {
    const number = spare();
    const row = (rows + number * rowWords) as WordIndex;
    if (number <= 0 || number > rowSlices || words[row + slice.SLICE_OWNER] !== id) support.refuseSpare(number);
    storeRelease(words, row + ROW_SEQUENCE, words[row + ROW_SEQUENCE] | 1);
    return row;
  };

  const finishRow = (row: WordIndex): void => {
    storeRelease(words, row + ROW_SEQUENCE, words[row + ROW_SEQUENCE] + 1);
  };

  return { settle, settleRemoval, intend, begin, commit, release, end, abandon, spare, openSpare, finishRow };
}
