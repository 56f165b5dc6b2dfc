import type { WordIndex } from '../layout/units.js';
import type { TableContext } from '../table-context.js';

/** Carries out a journal: for the write itself, and again for recovery. */
export interface Redo {
  /** Carries out a PREPARED operation of the slot at word `at`: everything except the release of the lock. */
  readonly carryOut: (at: WordIndex, id: number) => void;
  /**
   * Prepares the version and epoch that the bucket will have after an operation that advances its version `advances`
   * times. The epoch changes only when the version wraps on the way.
   */
  readonly prepareVersion: (at: WordIndex, home: WordIndex, advances: number) => void;
  readonly prepareCounter: (at: WordIndex, counter: number) => void;
}

/** Creates the functions that carry out a journal: see `Journal`. */
export function makeRedo({ memory, addresses, feed, constants, runtime }: TableContext): Redo {
  const { storeRelease, storeReleaseByte } = runtime;
  const { words, halves, bytes, doubles, longs } = memory;
  const { slot, bucket, row: rowAt, slice } = constants;
  const hasHeap = memory.layout.heap !== undefined;
  const { index, overflow: overflowWord, rows, rowWords } = addresses;

  const bucketWord = (home: WordIndex, number: number): WordIndex =>
    number === 0 ? home : ((overflowWord + number * bucket.BUCKET_WORDS) as WordIndex);
  const homeWord = (at: WordIndex): WordIndex => (index + words[at + slot.BUCKET] * bucket.BUCKET_WORDS) as WordIndex;
  const rowWord = (row: number): WordIndex => (rows + row * rowWords) as WordIndex;

  // Sets the home bucket's version to `short` less than the journal's final one, after the epoch has been stored.
  const advance = (home: WordIndex, at: WordIndex, short: number): void => {
    const epoch = words[at + slot.EPOCH_AFTER];
    if ((words[home + bucket.EPOCH] & bucket.EPOCH_MASK) !== epoch) halves[(home + bucket.EPOCH) * 2] = epoch;
    storeRelease(words, home + bucket.VERSION, words[at + slot.VERSION_AFTER] - short);
  };

  // Links the new row. The store of the entry makes it visible to readers.
  const commit = (at: WordIndex, id: number): void => {
    const home = homeWord(at);
    const overflow = words[at + slot.OVERFLOW];
    if (overflow !== 0) {
      words[bucketWord(home, overflow) + slice.SLICE_OWNER] = slice.LINKED;
      storeRelease(words, bucketWord(home, words[at + slot.BEFORE]) + bucket.LINK, overflow);
    }
    const row = words[at + slot.ROW];
    const place = bucketWord(home, words[at + slot.PLACE]);
    const position = words[at + slot.POSITION];
    words[rowWord(row) + slice.SLICE_OWNER] = slice.LINKED;
    const old = words[at + slot.OLD];
    // An old row of the same key has the same tag. Storing the tag again would delay the load of the epoch in
    // `advance`, which is in the same word: 10 ns.
    if (old === 0) bytes[bucket.tagByte(place, position)] = words[at + slot.TAG];
    storeRelease(words, place + bucket.FIRST_ENTRY + position, row);
    advance(home, at, 0);
    if (old !== 0) words[rowWord(old) + slice.SLICE_OWNER] = id;
    words[at + slot.SPARE] = old !== 0 ? old : words[at + slot.TAKEN];
  };

  // Unlinks a row and moves the chain's last row into the gap. The version advances twice, once while the moved row is
  // in the chain twice, and once after: with a single advance, a reader could look at the gap before the move and at
  // the old place after it, and miss a row that was there throughout.
  const remove = (at: WordIndex, id: number): void => {
    const home = homeWord(at);
    const place = bucketWord(home, words[at + slot.PLACE]);
    const position = words[at + slot.POSITION];
    const moved = words[at + slot.MOVED];
    storeRelease(words, place + bucket.FIRST_ENTRY + position, moved);
    if (moved !== 0) {
      // Not before the entry: a lookup would miss the victim's tag, and then an iteration would still find the victim.
      storeReleaseByte(bytes, bucket.tagByte(place, position), bucket.tagOf(words[rowWord(moved) + rowAt.ROW_HASH]));
      advance(home, at, 1);
      const source = bucketWord(home, words[at + slot.SOURCE]);
      storeRelease(words, source + bucket.FIRST_ENTRY + words[at + slot.SOURCE_POSITION], 0);
    }
    const overflow = words[at + slot.OVERFLOW];
    if (overflow !== 0) storeRelease(words, bucketWord(home, words[at + slot.BEFORE]) + bucket.LINK, 0);
    advance(home, at, 0);
    words[rowWord(words[at + slot.ROW]) + slice.SLICE_OWNER] = id;
    if (overflow !== 0) words[bucketWord(home, overflow) + slice.SLICE_OWNER] = id;
  };

  // Changes one aligned number of a linked row: first the value, then the revision, then the version. So a reader may
  // see the new value with the old revision, and a compare-and-set by that revision then fails; never the reverse.
  const store = (at: WordIndex): void => {
    const row = rowWord(words[at + slot.ROW]);
    const column = row * 4 + words[at + slot.COLUMN];
    const value = at + slot.VALUE;
    switch (words[at + slot.WIDTH]) {
      case slot.STORE_BYTE:
        bytes[column] = words[value];
        break;
      case slot.STORE_HALF:
        halves[column / 2] = words[value];
        break;
      case slot.STORE_WORD:
        words[column / 4] = words[value];
        break;
      case slot.STORE_LONG:
        longs[column / 8] = longs[value >>> 1];
        break;
      default:
        doubles[column / 8] = doubles[value >>> 1];
    }
    words[row + rowAt.ROW_EPOCH] = words[at + slot.EPOCH_AFTER];
    storeRelease(words, row + rowAt.ROW_REVISION, words[at + slot.VERSION_AFTER]);
    advance(homeWord(at), at, 0);
  };

  const countBlocks = (at: WordIndex): void => {
    doubles[(at + slot.HEAP_BLOCKS) >>> 1] = doubles[(at + slot.BLOCKS_AFTER) >>> 1];
  };

  const carryOut = (at: WordIndex, id: number): void => {
    switch (words[at + slot.OPERATION]) {
      case slot.COMMIT:
        commit(at, id);
        if (hasHeap) countBlocks(at);
        break;
      case slot.REMOVE:
        remove(at, id);
        if (hasHeap) countBlocks(at);
        break;
      default:
        store(at);
    }
    doubles[(at >>> 1) + slot.counterAt(words[at + slot.COUNTER])] = doubles[(at + slot.COUNTER_AFTER) >>> 1];
    feed?.publish(at, id);
  };

  const prepareVersion = (at: WordIndex, home: WordIndex, advances: number): void => {
    const before = words[home + bucket.VERSION];
    const after = (before + advances) | 0;
    const wraps = after >>> 0 < before >>> 0;
    const epoch = words[home + bucket.EPOCH] & bucket.EPOCH_MASK;
    words[at + slot.VERSION_AFTER] = after;
    words[at + slot.EPOCH_AFTER] = (epoch + (wraps ? 1 : 0)) & bucket.EPOCH_MASK;
  };

  const prepareCounter = (at: WordIndex, counter: number): void => {
    words[at + slot.COUNTER] = counter;
    doubles[(at + slot.COUNTER_AFTER) >>> 1] = doubles[(at >>> 1) + slot.counterAt(counter)] + 1;
  };

  return { carryOut, prepareVersion, prepareCounter };
}
