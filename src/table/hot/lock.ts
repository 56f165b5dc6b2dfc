import type { BucketNumber, RowNumber, WordIndex } from '../layout/units.js';
import type { TableContext } from '../table-context.js';
import type { Redo } from './redo.js';

/** What every write does with its participant. Homes and rows are given by their first word. */
export interface Locking {
  /** Finishes the own operation that is unfinished, if any. */
  readonly settle: () => void;
  /** Writes the intent, and returns the home bucket that it names. */
  readonly intend: (operation: number, bucket: BucketNumber) => WordIndex;
  /** Writes the intent and takes the bucket's lock. `ERR_LOCK_TIMEOUT` leaves nothing behind. */
  readonly begin: (operation: number, bucket: BucketNumber) => WordIndex;
  /** Carries the operation out that the journal has in full, and releases the lock. The journal stays open. */
  readonly commit: (home: WordIndex) => void;
  readonly release: (home: WordIndex) => void;
  /** Ends the operation: the journal is cleared, after the lock was released and what was left over was freed. */
  readonly end: () => void;
  /** Gives an operation up that changed nothing yet. */
  readonly abandon: (home: WordIndex) => void;
  /** The row slice in which the next row is written. */
  readonly spare: () => RowNumber;
  /**
   * First word of the spare, its content declared unfinished: readers that still look at it will discard it.
   * `ERR_TABLE_CORRUPT` when it is not this participant's own: what is written there would be somebody else's.
   */
  readonly openSpare: () => WordIndex;
  /** Declares the row at this word finished, under a sequence that it never had before. */
  readonly finishRow: (row: WordIndex) => void;
}

/** The handle that a write is made through, of those that share a participant. */
export interface Caller {
  isOpen: boolean;
  readonly lockTimeoutMs: number;
}

/** The participant, and what it does where the common way ends. */
export interface LockingSupport {
  readonly id: number;
  /** First word of its slot. */
  readonly at: WordIndex;
  readonly settle: () => void;
  readonly waitForLock: (home: WordIndex, bucket: BucketNumber) => void;
  readonly refuseSpare: (spare: number) => never;
}

/** What the writes of one participant do before and after their own work: see `Participant`. */
export function makeLocking(
  { memory, addresses, feed, constants, runtime }: TableContext,
  { carryOut }: Redo,
  support: LockingSupport,
): Locking {
  // How long one that has just woken a sleeper leaves the lock to it, in milliseconds.
  const COURTESY_MS = 0.1;
  const { id, at } = support;
  const { words } = memory;
  const { assertStackRoom, futexWait, futexWake, storeRelease } = runtime;
  const { slot, slice } = constants;
  const { BUCKET_WORDS, LOCK } = constants.bucket;
  const { ROW_SEQUENCE } = constants.row;
  const { index, rows, rowWords, rowSlices } = addresses;
  /** First word of the bucket for which this one has woken a sleeper at its last release, 0 none. */
  let woken: WordIndex | 0 = 0;

  const settle = (): void => {
    if (words[at + slot.OPERATION] !== slot.NONE) support.settle();
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

  // Sleeps while the lock is free, once after having woken somebody for it. Without this, a participant that writes to
  // one bucket in a loop takes the lock again before the woken one runs: with more processes than processors one of
  // them could wait for its whole timeout.
  const letTheWokenPass = (home: WordIndex): void => {
    woken = 0;
    futexWait(words, home + LOCK, 0, COURTESY_MS);
  };

  const begin = (operation: number, bucket: BucketNumber): WordIndex => {
    const home = intend(operation, bucket);
    if (woken === home) letTheWokenPass(home);
    if (Atomics.compareExchange(words, home + LOCK, 0, id) !== 0) support.waitForLock(home, bucket);
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

  return { settle, intend, begin, commit, release, end, abandon, spare, openSpare, finishRow };
}
