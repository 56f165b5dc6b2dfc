/**
 * Whether the processor makes stores visible in the order of the program, each before all later ones, and never loads
 * ahead of an earlier load (x86-64's total store order). There a plain store is a release store and a plain load an
 * acquire load; elsewhere only atomic ones are.
 */
const ORDERED = process.arch === 'x64';

/** Memory that nobody reads. */
const fence = new Int32Array(1);

/**
 * Stores a word that others may look at without a lock: whoever sees the new value sees every store that came before.
 * Where plain stores have that order they are used, at 1 ns against 8 to 25 for `Atomics.store`, which is a call.
 * No engine merges or moves stores to typed arrays across each other; the proof that kills a process before each of
 * its stores would show it.
 */
export const storeRelease: (words: Int32Array, index: number, value: number) => void = ORDERED
  ? (words, index, value) => {
      words[index] = value;
    }
  : (words, index, value) => {
      Atomics.store(words, index, value);
    };

/**
 * Loads a word that others may write: as it is now, after every load that stands before this one in the program.
 *
 * A compiler could take the value from an earlier load of the same word, were it not for the store in between: it goes
 * to another array of the same type, and no engine tells the memory of one typed array from that of another. Saves 7 ns,
 * a tenth of a `get`, against `Atomics.load`, which is a call. The tests in which readers run against writers would show
 * a load that was left out or moved; they run on every line of Node that is supported.
 */
export const loadAcquire: (words: Int32Array, index: number) => number = ORDERED
  ? (words, index) => {
      fence[0] = index;
      return words[index];
    }
  : (words, index) => Atomics.load(words, index);
