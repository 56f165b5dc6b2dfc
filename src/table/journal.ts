import { ShmTableError } from '../errors.js';
import { storeOrdered } from '../memory/index.js';
import * as sliceLayout from '../pools/fixed-pool-layout.js';
import * as bucketLayout from './bucket-layout.js';
import { tagOf } from './bucket-layout.js';
import { tagByte } from './chain.js';
import { ChangeFeed } from './change-feed.js';
import * as slotLayout from './participant-layout.js';
import * as rowLayout from './row-layout.js';
import type { TableMemory } from './table-memory.js';

// Constants of this module, for the compiler: see "Fast code" in CONTRIBUTING.
const slot = { ...slotLayout };
const { ROW_EPOCH, ROW_HASH, ROW_REVISION } = rowLayout;
const { ENTRIES, EPOCH, EPOCH_MASK, FIRST_ENTRY, HOLDER_MASK, LINK, LOCK, VERSION } = bucketLayout;
const { LINKED, SLICE_OWNER } = sliceLayout;

/**
 * Carrying out an operation from a participant's journal. The writer calls it when everything is prepared, and
 * recovery calls it for a participant that died at any point of it: the same stores again, all of final values.
 *
 * Requires: the caller acts for this participant, which holds the lock of the operation's home bucket.
 */
export class Journal {
  readonly #memory: TableMemory;
  readonly #words: Int32Array;
  /** Where changes are published, for a table that has a feed. */
  readonly feed: ChangeFeed | undefined;

  constructor(memory: TableMemory) {
    this.#memory = memory;
    this.#words = memory.words;
    this.feed = memory.layout.feedCells === 0 ? undefined : new ChangeFeed(memory);
  }

  /** Carries a PREPARED operation of the slot at word `at` out, up to but without the release of the lock. */
  carryOut(at: number, id: number): void {
    switch (this.#words[at + slot.OPERATION]) {
      case slot.COMMIT:
        this.#commit(at, id);
        break;
      case slot.REMOVE:
        this.#remove(at, id);
        break;
      default:
        this.#store(at);
    }
    this.#memory.doubles[(at >>> 1) + slot.counterAt(this.#words[at + slot.COUNTER])] =
      this.#memory.doubles[(at + slot.COUNTER_AFTER) >>> 1];
    this.feed?.publish(at, id);
  }

  /** Links the new row. The store of the entry is what readers see. */
  #commit(at: number, id: number): void {
    const words = this.#words;
    const home = this.#memory.homeWord(words[at + slot.BUCKET]);
    const overflow = words[at + slot.OVERFLOW];
    if (overflow !== 0) {
      words[this.#memory.overflowWord(overflow) + SLICE_OWNER] = LINKED;
      storeOrdered(words, this.#bucket(home, words[at + slot.BEFORE]) + LINK, overflow);
    }
    const row = words[at + slot.ROW];
    const place = this.#bucket(home, words[at + slot.PLACE]);
    const position = words[at + slot.POSITION];
    words[this.#memory.rowWord(row) + SLICE_OWNER] = LINKED;
    const old = words[at + slot.OLD];
    // In the place of an old row of the same key there is the same tag. Stored again, it would keep the load of the epoch in
    // `#advance` waiting, which lies in the same word: 10 ns.
    if (old === 0) this.#memory.bytes[tagByte(place, position)] = words[at + slot.TAG];
    storeOrdered(words, place + FIRST_ENTRY + position, row);
    this.#advance(home, at, 0);
    if (old !== 0) words[this.#memory.rowWord(old) + SLICE_OWNER] = id;
    words[at + slot.SPARE] = old !== 0 ? old : words[at + slot.TAKEN];
  }

  /**
   * Unlinks a row and moves the chain's last one into the gap. Two advances of the version around the moment in which
   * the moved row stands twice: with one, a reader could look at the gap before and at the old place after, and miss
   * a row that was there all the time.
   */
  #remove(at: number, id: number): void {
    const words = this.#words;
    const home = this.#memory.homeWord(words[at + slot.BUCKET]);
    const place = this.#bucket(home, words[at + slot.PLACE]);
    const position = words[at + slot.POSITION];
    const moved = words[at + slot.MOVED];
    storeOrdered(words, place + FIRST_ENTRY + position, moved);
    if (moved !== 0) {
      this.#memory.bytes[tagByte(place, position)] = tagOf(words[this.#memory.rowWord(moved) + ROW_HASH]);
      this.#advance(home, at, 1);
      const source = this.#bucket(home, words[at + slot.SOURCE]);
      storeOrdered(words, source + FIRST_ENTRY + words[at + slot.SOURCE_POSITION], 0);
    }
    const overflow = words[at + slot.OVERFLOW];
    if (overflow !== 0) storeOrdered(words, this.#bucket(home, words[at + slot.BEFORE]) + LINK, 0);
    this.#advance(home, at, 0);
    words[this.#memory.rowWord(words[at + slot.ROW]) + SLICE_OWNER] = id;
    if (overflow !== 0) words[this.#memory.overflowWord(overflow) + SLICE_OWNER] = id;
  }

  /**
   * Changes one aligned number of a linked row: value, then revision, then version. So a reader may see the new value
   * with the old revision, which a compare-and-set by that revision then finds outdated; never the reverse.
   */
  #store(at: number): void {
    const words = this.#words;
    const memory = this.#memory;
    const row = memory.rowWord(words[at + slot.ROW]);
    const column = row * 4 + words[at + slot.COLUMN];
    const value = at + slot.VALUE;
    switch (words[at + slot.WIDTH]) {
      case slot.STORE_BYTE:
        memory.bytes[column] = words[value];
        break;
      case slot.STORE_HALF:
        memory.halves[column / 2] = words[value];
        break;
      case slot.STORE_WORD:
        words[column / 4] = words[value];
        break;
      case slot.STORE_LONG:
        memory.longs[column / 8] = memory.longs[value >>> 1];
        break;
      default:
        memory.doubles[column / 8] = memory.doubles[value >>> 1];
    }
    words[row + ROW_EPOCH] = words[at + slot.EPOCH_AFTER];
    storeOrdered(words, row + ROW_REVISION, words[at + slot.VERSION_AFTER]);
    this.#advance(memory.homeWord(words[at + slot.BUCKET]), at, 0);
  }

  /** Sets the home bucket's version to `short` less than the journal's final one, the epoch before it. */
  #advance(home: number, at: number, short: number): void {
    const words = this.#words;
    const epoch = words[at + slot.EPOCH_AFTER];
    if ((words[home + EPOCH] & EPOCH_MASK) !== epoch) this.#memory.halves[(home + EPOCH) * 2] = epoch;
    storeOrdered(words, home + VERSION, words[at + slot.VERSION_AFTER] - short);
  }

  /**
   * Prepares the versions of an operation that advances its bucket's version `advances` times.
   * The epoch goes into the journal only when the version wraps within them.
   */
  prepareVersion(at: number, home: number, advances: number): void {
    const words = this.#words;
    const before = words[home + VERSION];
    const after = (before + advances) | 0;
    const wraps = after >>> 0 < before >>> 0;
    words[at + slot.VERSION_AFTER] = after;
    words[at + slot.EPOCH_AFTER] = ((words[home + EPOCH] & EPOCH_MASK) + (wraps ? 1 : 0)) & EPOCH_MASK;
  }

  prepareCounter(at: number, counter: number): void {
    this.#words[at + slot.COUNTER] = counter;
    const doubles = this.#memory.doubles;
    doubles[(at + slot.COUNTER_AFTER) >>> 1] = doubles[(at >>> 1) + slot.counterAt(counter)] + 1;
  }

  /** True when the participant `id` holds the lock of the bucket that its journal names. */
  holdsLock(at: number, id: number): boolean {
    const home = this.#memory.homeWord(this.#words[at + slot.BUCKET]);
    return (Atomics.load(this.#words, home + LOCK) & HOLDER_MASK) === id;
  }

  /** Frees the slices that the operation took or unlinked and that nobody uses. For recovery: repeatable. */
  freeLeftovers(at: number, id: number): void {
    const words = this.#words;
    const { rows, overflow } = this.#memory;
    for (const row of [words[at + slot.TAKEN], words[at + slot.ROW]]) {
      if (row === 0 || row === words[at + slot.SPARE]) continue;
      rows.release(row, id);
      rows.resync(row);
    }
    const bucket = words[at + slot.OVERFLOW];
    if (bucket !== 0) {
      overflow.release(bucket, id);
      overflow.resync(bucket);
    }
  }

  /** Throws `ERR_TABLE_CORRUPT` when the journal at `at` names anything that does not exist. */
  check(at: number): void {
    const words = this.#words;
    const { layout, homeBuckets } = this.#memory;
    const rowOrNone = (row: number): boolean => row === 0 || this.#memory.isRow(row);
    const bucketOrNone = (bucket: number): boolean => bucket === 0 || this.#memory.isOverflow(bucket);
    const position = (entry: number): boolean => entry >= 0 && entry < ENTRIES;
    const field = (offset: number): number => words[at + offset];
    const operation = field(slot.OPERATION);
    const prepared = field(slot.STAGE) === slot.PREPARED;
    const sound =
      operation >= slot.COMMIT &&
      operation <= slot.STORE &&
      field(slot.BUCKET) >= 0 &&
      field(slot.BUCKET) < homeBuckets &&
      [slot.SPARE, slot.ROW, slot.OLD, slot.TAKEN, slot.MOVED].every((offset) => rowOrNone(field(offset))) &&
      [slot.OVERFLOW, slot.BEFORE, slot.PLACE, slot.SOURCE].every((offset) => bucketOrNone(field(offset))) &&
      position(field(slot.POSITION)) &&
      position(field(slot.SOURCE_POSITION)) &&
      (!prepared || field(slot.ROW) !== 0) &&
      field(slot.COUNTER) >= 0 &&
      field(slot.COUNTER) < slot.COUNTERS.length &&
      field(slot.COLUMN) >= 0 &&
      field(slot.COLUMN) + Math.min(field(slot.WIDTH), 8) <= layout.row.rowBytes;
    if (!sound) {
      const index = (at - this.#memory.slotWord(0)) / slot.SLOT_WORDS;
      throw new ShmTableError('ERR_TABLE_CORRUPT', `the journal of participant ${index + 1} is damaged`);
    }
  }

  #bucket(home: number, number: number): number {
    return number === 0 ? home : this.#memory.overflowWord(number);
  }
}
