import * as bucketLayout from './bucket-layout.js';
import { tagOf } from './bucket-layout.js';
import type { Key } from './key.js';
import * as rowLayout from './row-layout.js';
import type { TableMemory } from './table-memory.js';

// Constants of this module, for the compiler: see "Fast code" in CONTRIBUTING.
const { ROW_HASH, ROW_KEY_BYTES } = rowLayout;
const { ENTRIES, FIRST_ENTRY, FIRST_TAG, LINK } = bucketLayout;

/** What `find` returns when the chain cannot be right: torn if its version has changed since, else damaged. */
export const DAMAGED = -1;

const LOW_BITS = 0x01010101;
const HIGH_BITS = 0x80808080 | 0;
/** The first word with tags holds only two, behind the epoch. */
const HIGH_BITS_OF_FIRST = 0x80800000 | 0;

/**
 * Looking for a key in the chain of its home bucket, by plain loads: whoever calls holds the bucket's lock, or
 * compares its version before and after.
 *
 * Ten tags are compared four at a time: a byte of `word ^ pattern` is zero where the tag fits, and
 * `(x - 0x01…) & ~x & 0x80…` has its high bit set there. A byte above a fitting one may show by mistake; the hash
 * and the key in the row decide. The bits of all three words are put together in one, so that no branch asks which word
 * has the fitting tag: nobody could predict it. 4 M rows: hit 528 ns, miss 192 ns, against 653 and 485 for a chain of rows.
 */
export class Chain {
  /** Where `find` found the row: its bucket (first word, and number: 0 the home bucket) and entry. */
  foundBucket = 0;
  foundNumber = 0;
  foundPosition = 0;

  readonly #memory: TableMemory;
  readonly #words: Int32Array;
  readonly #keyOffset: number = 0;
  readonly #key: Key;

  constructor(memory: TableMemory, key: Key) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#keyOffset = memory.layout.row.keyOffset / 4;
    this.#key = key;
  }

  /** The row with this key, 0 for none, or DAMAGED. Sets `found…`. O(1) expected, O(entries of the chain) at worst. */
  find(home: number): number {
    const words = this.#words;
    const tag = tagOf(this.#key.hash);
    let bucket = home;
    let number = 0;
    for (let hops = 0; ; hops++) {
      let fits = this.#fitting(bucket, tag);
      while (fits !== 0) {
        const bit = 31 - Math.clz32(fits);
        fits ^= 1 << bit;
        const position = positionOf(bit);
        const row = words[bucket + FIRST_ENTRY + position];
        if (row === 0) continue;
        if (!this.#memory.isRow(row)) return DAMAGED;
        if (this.isKeyOf(this.#memory.rowWord(row))) return this.#found(bucket, number, position, row);
      }
      number = words[bucket + LINK];
      if (number === 0) return 0;
      if (!this.#memory.isOverflow(number) || hops > this.#memory.overflow.slices) return DAMAGED;
      bucket = this.#memory.overflowWord(number);
    }
  }

  /** A bit for each entry of a bucket whose tag fits: `positionOf` says which. */
  #fitting(bucket: number, tag: number): number {
    const words = this.#words;
    const pattern = Math.imul(tag, LOW_BITS);
    const x = words[bucket + 3] ^ pattern;
    const y = words[bucket + 4] ^ pattern;
    const z = words[bucket + 5] ^ pattern;
    return (
      (((x - LOW_BITS) & ~x & HIGH_BITS_OF_FIRST) >>> 2) |
      (((y - LOW_BITS) & ~y & HIGH_BITS) >>> 1) |
      ((z - LOW_BITS) & ~z & HIGH_BITS)
    );
  }

  /**
   * The row that has this hash, as far as the tags of the home bucket tell; 0 for none. Not looked at, for that would wait
   * for its memory.
   */
  guess(home: number, hash: number): number {
    const words = this.#words;
    const fits = this.#fitting(home, tagOf(hash));
    if (fits === 0) return 0;
    const row = words[home + FIRST_ENTRY + positionOf(31 - Math.clz32(fits))];
    return this.#memory.isRow(row) ? row : 0;
  }

  /** Whether the row at this word has the key. */
  isKeyOf(row: number): boolean {
    const words = this.#words;
    const key = this.#key;
    if (words[row + ROW_HASH] !== key.hash || words[row + ROW_KEY_BYTES] !== key.bytes) return false;
    const at = row + this.#keyOffset;
    const length = (key.bytes + 3) >>> 2;
    for (let i = 0; i < length; i++) if (words[at + i] !== key.words[i]) return false;
    return true;
  }

  /** Writes the key to the row at this word. */
  writeKey(row: number): void {
    const words = this.#words;
    const key = this.#key;
    words[row + ROW_HASH] = key.hash;
    words[row + ROW_KEY_BYTES] = key.bytes;
    const at = row + this.#keyOffset;
    const length = (key.bytes + 3) >>> 2;
    for (let i = 0; i < length; i++) words[at + i] = key.words[i];
  }

  /** Number of rows in a chain; what is there while others write. */
  entries(home: number): number {
    let entries = 0;
    this.seek(home, () => {
      entries++;
      return false;
    });
    return entries;
  }

  /** The first row of a chain that `fits`, 0 for none, or DAMAGED. Sets `found…`. Under the lock for what is to last. */
  seek(home: number, fits: (row: number) => boolean): number {
    const words = this.#words;
    let bucket = home;
    let number = 0;
    for (let hops = 0; ; hops++) {
      for (let position = 0; position < ENTRIES; position++) {
        const row = words[bucket + FIRST_ENTRY + position];
        if (row === 0) return 0;
        if (!this.#memory.isRow(row)) return DAMAGED;
        if (fits(row)) return this.#found(bucket, number, position, row);
      }
      number = words[bucket + LINK];
      if (number === 0) return 0;
      if (!this.#memory.isOverflow(number) || hops > this.#memory.overflow.slices) return DAMAGED;
      bucket = this.#memory.overflowWord(number);
    }
  }

  /** The last row of a chain, 0 for none, or DAMAGED. Sets `found…` and `tail…`. Only under the lock. */
  seekLast(home: number): number {
    if (!this.seekTail(home)) return DAMAGED;
    if (this.tailEntries === 0) return 0;
    const position = this.tailEntries - 1;
    const row = this.#words[this.tail + FIRST_ENTRY + position];
    return this.#memory.isRow(row) ? this.#found(this.tail, this.tailNumber, position, row) : DAMAGED;
  }

  #found(bucket: number, number: number, position: number, row: number): number {
    this.foundBucket = bucket;
    this.foundNumber = number;
    this.foundPosition = position;
    return row;
  }

  /**
   * Goes to the end of the chain: sets `tail` (its last bucket), `tailNumber`, `beforeTail` (number of the one before)
   * and `tailEntries`. Only under the lock. False when the chain cannot be right.
   */
  seekTail(home: number): boolean {
    const words = this.#words;
    let before = 0;
    let number = 0;
    let bucket = home;
    for (let hops = 0; words[bucket + LINK] !== 0; hops++) {
      before = number;
      number = words[bucket + LINK];
      if (!this.#memory.isOverflow(number) || hops > this.#memory.overflow.slices) return false;
      bucket = this.#memory.overflowWord(number);
    }
    let entries = ENTRIES;
    while (entries > 0 && words[bucket + FIRST_ENTRY + entries - 1] === 0) entries--;
    this.tail = bucket;
    this.tailNumber = number;
    this.beforeTail = before;
    this.tailEntries = entries;
    return true;
  }

  tail = 0;
  tailNumber = 0;
  beforeTail = 0;
  tailEntries = 0;
}

/** The entry that a bit of `#fitting` stands for: the last word's are 7, 15 ..., the one's before one lower, and so on. */
function positionOf(bit: number): number {
  return (bit >>> 3) + ((bit & 7) << 2) - 22;
}

/** Byte offset of an entry's tag. */
export function tagByte(bucket: number, position: number): number {
  return bucket * 4 + FIRST_TAG + position;
}
