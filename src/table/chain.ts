import * as bucketLayout from './bucket-layout.js';
import type { Key } from './key.js';
import { ownCode } from './own-code.js';
import * as rowLayout from './row-layout.js';
import type { Addresses, TableMemory } from './table-memory.js';

// Constants of this module, for the compiler: see "Fast code" in CONTRIBUTING.
const { ROW_HASH, ROW_KEY_BYTES } = rowLayout;
const { BUCKET_WORDS, ENTRIES, FIRST_ENTRY, FIRST_TAG, LINK } = bucketLayout;

/** What `find` returns when the chain cannot be right: torn if its version has changed since, else damaged. */
export const DAMAGED = -1;

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
  /** Where `find` found the row: the number of its bucket, 0 for the home bucket, and entry. */
  foundNumber = 0;
  foundPosition = 0;

  /** The row with the key, 0 for none, or DAMAGED. Sets `found…`. O(1) expected, O(entries of the chain) at worst. */
  readonly find: (home: number) => number;
  /** Whether the row at this word has the key. */
  readonly isKeyOf: (row: number) => boolean;
  /**
   * The row that has this hash, as far as the tags of the home bucket tell; 0 for none. Not looked at, for that would wait
   * for its memory.
   */
  readonly guess: (home: number, hash: number) => number;

  readonly #memory: TableMemory;
  readonly #words: Int32Array;
  readonly #keyOffset: number = 0;
  readonly #key: Key;

  constructor(memory: TableMemory, key: Key) {
    const { words, addresses } = memory;
    this.#memory = memory;
    this.#words = words;
    this.#keyOffset = addresses.key;
    this.#key = key;
    const search = ownCode('search', makeSearch, {
      ...{ words, addresses, key, place: this, DAMAGED },
      ...{ FIRST_ENTRY, LINK, BUCKET_WORDS, ROW_HASH, ROW_KEY_BYTES },
    });
    this.find = search.find;
    this.isKeyOf = search.isKeyOf;
    this.guess = search.guess;
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
        if (fits(row)) return this.#found(number, position, row);
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
    return this.#memory.isRow(row) ? this.#found(this.tailNumber, position, row) : DAMAGED;
  }

  #found(number: number, position: number, row: number): number {
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

/** Byte offset of an entry's tag. */
export function tagByte(bucket: number, position: number): number {
  return bucket * 4 + FIRST_TAG + position;
}

interface SearchParts extends SearchConstants {
  readonly words: Int32Array;
  readonly addresses: Addresses;
  readonly key: Key;
  /** Where `find` says in which place it found the row. */
  readonly place: Pick<Chain, 'foundNumber' | 'foundPosition'>;
}

type SearchConstants = Readonly<Record<'DAMAGED' | BucketConstants | RowConstants, number>>;
type BucketConstants = 'FIRST_ENTRY' | 'LINK' | 'BUCKET_WORDS';
type RowConstants = 'ROW_HASH' | 'ROW_KEY_BYTES';

/** `Chain.find`, `isKeyOf` and `guess`, with code of their own. */
function makeSearch(parts: SearchParts): Pick<Chain, 'find' | 'isKeyOf' | 'guess'> {
  const { words, key, place, DAMAGED, FIRST_ENTRY, LINK, BUCKET_WORDS, ROW_HASH, ROW_KEY_BYTES } = parts;
  const { overflow, overflowBuckets, rows, rowWords, rowSlices, key: keyOffset } = parts.addresses;
  const keyWords = key.words;

  /** A bit for each entry of a bucket whose tag, the hash's low byte, fits: `positionOf` says which. */
  const fitting = (bucket: number, hash: number): number => {
    const low = 0x01010101;
    const high = 0x80808080 | 0;
    const pattern = Math.imul(hash & 0xff, low);
    const x = words[bucket + 3] ^ pattern;
    const y = words[bucket + 4] ^ pattern;
    const z = words[bucket + 5] ^ pattern;
    // The first word has only two tags, behind the epoch.
    return (((x - low) & ~x & (high << 16)) >>> 2) | (((y - low) & ~y & high) >>> 1) | ((z - low) & ~z & high);
  };

  /** The entry that a bit stands for: the last word's are 7, 15 ..., the one's before one lower, and so on. */
  const positionOf = (bit: number): number => (bit >>> 3) + ((bit & 7) << 2) - 22;

  const isKeyOf = (row: number): boolean => {
    const { bytes } = key;
    if (words[row + ROW_HASH] !== key.hash || words[row + ROW_KEY_BYTES] !== bytes) return false;
    const at = row + keyOffset;
    for (let i = 0; 4 * i < bytes; i++) if (words[at + i] !== keyWords[i]) return false;
    return true;
  };

  const find = (home: number): number => {
    let bucket = home;
    let number = 0;
    for (let hops = 0; ; hops++) {
      let fits = fitting(bucket, key.hash);
      while (fits !== 0) {
        const bit = 31 - Math.clz32(fits);
        fits ^= 1 << bit;
        const position = positionOf(bit);
        const row = words[bucket + FIRST_ENTRY + position];
        if (row === 0) continue;
        if (row < 0 || row > rowSlices) return DAMAGED;
        if (isKeyOf(rows + row * rowWords)) {
          place.foundNumber = number;
          place.foundPosition = position;
          return row;
        }
      }
      number = words[bucket + LINK];
      if (number === 0) return 0;
      if (number < 0 || number > overflowBuckets || hops > overflowBuckets) return DAMAGED;
      bucket = overflow + number * BUCKET_WORDS;
    }
  };

  const guess = (home: number, hash: number): number => {
    const fits = fitting(home, hash);
    if (fits === 0) return 0;
    const row = words[home + FIRST_ENTRY + positionOf(31 - Math.clz32(fits))];
    return row > 0 && row <= rowSlices ? row : 0;
  };

  return { find, isKeyOf, guess };
}
