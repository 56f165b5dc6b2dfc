/**
 * Which slices of a pool are taken: a tree of bits that finds a free slice in O(log32 n) and is only ever a hint.
 *
 *   level 2   [ 1 bit per word of level 1: 1 = that word is all ones ]
 *   level 1   [ 1 bit per word of level 0: 1 = that word is all ones ]
 *   level 0   [ 1 bit per slice: 1 = taken                           ]
 *
 * The slice's owner word (0 = free) decides. A bit may briefly be wrong, so a slice is taken by compare-and-swap on its
 * owner word.
 *
 * Invariant: when no process is between a change of an owner word and the end of its `sync`, every bit agrees with its
 * owner word, and every bit above with the word below. It holds because each change is followed by a `sync`, and a
 * `sync` writes the bit and then checks the owner again until both agree: the last writer of a bit has therefore seen
 * the current owner word. If a process is killed in between, its journal names the slice, and recovery repeats the
 * `sync`.
 *
 * So a wrong bit is always on the path, from leaf to top, of a slice that a process is working on. A process stopped
 * there can hide all free slices below a word near the top. Therefore the hints are corrected before a search without
 * result is reported: through the open journals (`sync` of the slices that they name), or, where there are no journals,
 * by `repair`. At level 0 a process can hide only the slice that it is working on.
 *
 * Zeroed memory is an empty tree, except for the bits after the last slice, which `initialise` sets permanently.
 */

const WORD_BITS = 32;
const FULL = -1;
/** Result of `findFree`: no bit looks free. For lower results see there. */
const NONE = -1;

/** Words of every level, lowest first. */
function levelWords(count: number): number[] {
  const levels: number[] = [];
  let bits = count;
  do {
    bits = Math.ceil(bits / WORD_BITS);
    levels.push(bits);
  } while (bits > 1);
  return levels;
}

export class Occupancy {
  readonly #words: Int32Array;
  readonly #count: number;
  /** First word of each level in `#words`, lowest level first. */
  readonly #levels: number[] = [];
  readonly #lengths: number[];
  /** First word of level 0. */
  readonly #leaves: number;
  /** Word of level 0 in which the last free slice was found: its neighbours are likely to be free too. */
  #near = 0;

  constructor(words: Int32Array, firstWord: number, count: number) {
    this.#words = words;
    this.#count = count;
    this.#lengths = levelWords(count);
    this.#leaves = firstWord;
    let at = firstWord;
    for (const length of this.#lengths) {
      this.#levels.push(at);
      at += length;
    }
  }

  /** Bytes that the tree of `count` slices takes, a multiple of 4. */
  static bytesFor(count: number): number {
    return 4 * levelWords(count).reduce((sum, words) => sum + words, 0);
  }

  /**
   * Marks everything after the last bit of each level as taken. Called once, before any other process can see the
   * memory.
   */
  initialise(): void {
    let bits = this.#count;
    for (let level = 0; level < this.#levels.length; level++) {
      const rest = bits % WORD_BITS;
      if (rest !== 0) this.#words[this.#levels[level] + this.#lengths[level] - 1] |= FULL << rest;
      bits = this.#lengths[level];
    }
  }

  /** Sets the first `count` bits permanently. Called once, before any other process can see the memory. */
  reserve(count: number): void {
    let full = count;
    for (let level = 0; level < this.#levels.length && full > 0; level++) {
      const whole = full >>> 5;
      for (let i = 0; i < whole; i++) this.#words[this.#levels[level] + i] = FULL;
      const rest = full & 31;
      if (rest !== 0) this.#words[this.#levels[level] + whole] |= ~(FULL << rest);
      full = 0;
      while (full < this.#lengths[level] && this.#words[this.#levels[level] + full] === FULL) full++;
    }
  }

  /** Number of set bits of level 0, not counting those after the last slice. O(n / 32). */
  taken(): number {
    let taken = 0;
    const first = this.#levels[0];
    for (let i = 0; i < this.#lengths[0]; i++) {
      let word = this.#words[first + i];
      if (word === 0) continue;
      word -= (word >>> 1) & 0x55555555;
      word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
      taken += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
    }
    return taken - (this.#lengths[0] * WORD_BITS - this.#count);
  }

  isTaken(bit: number): boolean {
    return ((this.#words[this.#levels[0] + (bit >>> 5)] >>> (bit & 31)) & 1) === 1;
  }

  /**
   * A bit that is clear, or -1. Its slice may be taken by the time the caller tries to take it. Returns -2 - bit if the
   * words disagree on the path of that bit: call `syncPath` for it, with the bit in the journal, and search again.
   */
  findFree(): number {
    const near = this.#words[this.#leaves + this.#near];
    if (near !== FULL) return this.#near * WORD_BITS + lowestClear(near);
    const top = this.#levels.length - 1;
    let level = top;
    let index = 0;
    for (;;) {
      const word = Atomics.load(this.#words, this.#levels[level] + index);
      if (word === FULL) {
        if (level === top) return NONE;
        // According to the level above there is room here.
        const last = Math.min((index + 1) * WORD_BITS ** (level + 1), this.#count) - 1;
        return NONE - 1 - last;
      }
      const bit = index * WORD_BITS + lowestClear(word);
      if (level === 0) {
        this.#near = index;
        return bit;
      }
      index = bit;
      level--;
    }
  }

  /**
   * Makes `bit` agree with the owner word. Must be called after every change of that word. `thorough` checks every
   * level even if nothing seems to have changed: recovery needs that, because the killed process may have changed one
   * level and not the next.
   */
  sync(bit: number, ownerWord: number, thorough = false): void {
    const words = this.#words;
    const index = bit >>> 5;
    const word = this.#leaves + index;
    const mask = 1 << (bit & 31);
    let taken: boolean;
    do {
      taken = words[ownerWord] !== 0;
      const before = taken ? Atomics.or(words, word, mask) : Atomics.and(words, word, ~mask);
      if (thorough || (before | mask) === FULL) this.#syncAbove(0, index, thorough);
      if (!taken) this.#near = index;
    } while ((words[ownerWord] !== 0) !== taken);
  }

  /**
   * `sync` for several bits of word `index` of level 0: those in `mask`, which the owner of that word has changed or
   * found wrong. `ownerWord` is the owner word of the word's first bit, and each next one is `stride` words further.
   * Changing the word once for all of them takes 24 ns a bit instead of 46.
   */
  syncWord(index: number, mask: number, ownerWord: number, stride: number, thorough = false): void {
    const words = this.#words;
    const word = this.#leaves + index;
    let taken: number;
    do {
      taken = this.#takenOf(mask, ownerWord, stride);
      const free = mask & ~taken;
      const isFilled = taken !== 0 && (Atomics.or(words, word, taken) | taken) === FULL;
      const isOpened = free !== 0 && (Atomics.and(words, word, ~free) | free) === FULL;
      if (thorough || isFilled || isOpened) this.#syncAbove(0, index, thorough);
    } while (this.#takenOf(mask, ownerWord, stride) !== taken);
  }

  #takenOf(mask: number, ownerWord: number, stride: number): number {
    const words = this.#words;
    let taken = 0;
    for (let left = mask; left !== 0; ) {
      const bit = left & -left;
      left ^= bit;
      if (words[ownerWord + (31 - Math.clz32(bit)) * stride] !== 0) taken |= bit;
    }
    return taken;
  }

  /** The bits of word `index` of level 0 that belong to slices, as a mask. */
  bitsOf(index: number): number {
    const rest = this.#count - index * WORD_BITS;
    return rest >= WORD_BITS ? FULL : ~(FULL << rest);
  }

  /** Words of level 0, and the index of the first one. */
  get leaves(): { readonly first: number; readonly count: number } {
    return { first: this.#leaves, count: this.#lengths[0] };
  }

  /**
   * Makes the levels above a bit agree with each other. The bit itself may be one of those reserved after the last
   * slice.
   */
  syncPath(bit: number): void {
    this.#syncAbove(0, bit >>> 5, true);
  }

  /** Makes the bits above word `index` of `level` agree with it. */
  #syncAbove(level: number, index: number, thorough: boolean): void {
    if (level + 1 === this.#levels.length) return;
    const words = this.#words;
    const word = this.#levels[level] + index;
    const above = this.#levels[level + 1] + (index >>> 5);
    const mask = 1 << (index & 31);
    let full: boolean;
    do {
      full = Atomics.load(words, word) === FULL;
      const before = full ? Atomics.or(words, above, mask) : Atomics.and(words, above, ~mask);
      if (thorough || (before | mask) === FULL) this.#syncAbove(level + 1, index >>> 5, thorough);
    } while ((Atomics.load(words, word) === FULL) !== full);
  }

  /**
   * Makes every level agree with the one below, because dead or stopped processes may have changed only one of them.
   * O(n / 32).
   */
  repair(): void {
    for (const { level, word } of this.disagreements()) this.#syncAbove(level, word, true);
  }

  /** Words whose bit above disagrees with them: none while no process writes or has died while writing. */
  *disagreements(): Generator<{ level: number; word: number }> {
    for (let level = 0; level + 1 < this.#levels.length; level++) {
      for (let index = 0; index < this.#lengths[level]; index++) {
        const full = this.#words[this.#levels[level] + index] === FULL;
        const above = (this.#words[this.#levels[level + 1] + (index >>> 5)] >>> (index & 31)) & 1;
        if (full !== (above === 1)) yield { level, word: index };
      }
    }
  }
}

function lowestClear(word: number): number {
  const clear = ~word;
  return 31 - Math.clz32(clear & -clear);
}
