/**
 * Whether the processor makes stores visible in program order and never reorders loads with earlier loads (x86-64's
 * total store order). There a plain store is a release store and a plain load an acquire load; elsewhere only atomic
 * ones are.
 *
 * What the functions below rely on elsewhere is the order that arm64 gives to the instructions of V8's `Atomics`: a
 * load is LDAR, a store STLR, and a change of a value a loop of LDAXR and STLXR.
 * - STLR and STLXR come after every earlier load and store, and LDAR and LDAXR before every later one.
 * - LDAR and LDAXR come after every earlier STLR and STLXR.
 * - Nothing else: plain loads may be performed after a later LDAR, plain stores become visible before an earlier STLR,
 *   or in the middle of a loop, between its LDAXR and its STLXR. So an atomic change does not separate plain accesses
 *   before it from those after it; an atomic store followed by an atomic load, of any word, does.
 *
 * docs/design.md ("Memory order") says for each step of the protocol which order it needs and which of these functions
 * provides it.
 */
const ORDERED = process.arch === 'x64';

/** Memory of this thread, whose contents have no meaning. */
const scrap = new Int32Array(1);

/**
 * Stores a word that others may read without a lock: a reader that sees the new value sees every earlier store. Later
 * stores may become visible before it: see `fence`. Where plain stores have that order they are used: they take 1 ns,
 * and `Atomics.store`, which is a call, 8 to 25. No engine merges or reorders stores to typed arrays; the proof that
 * kills a process before each of its stores would detect it.
 */
export const storeRelease: (words: Int32Array, index: number, value: number) => void = ORDERED
  ? (words, index, value) => {
      words[index] = value;
    }
  : (words, index, value) => {
      Atomics.store(words, index, value);
    };

/** `storeRelease` for a byte. */
export const storeReleaseByte: (bytes: Uint8Array, index: number, value: number) => void = ORDERED
  ? (bytes, index, value) => {
      bytes[index] = value;
    }
  : (bytes, index, value) => {
      Atomics.store(bytes, index, value);
    };

/**
 * Loads the current value of a word that others may write: every later access comes after it. Earlier loads may still
 * come after it, too: see `loadAfter`.
 *
 * Without the store in between, a compiler could reuse the value of an earlier load of the same word. The store goes to
 * another array of the same type, and engines assume that typed arrays may share memory. This saves 7 ns, a tenth of a
 * `get`, compared with `Atomics.load`, which is a call. Tests with concurrent readers and writers would detect a load
 * that was omitted or moved; they run on every supported release line of Node.
 */
export const loadAcquire: (words: Int32Array, index: number) => number = ORDERED
  ? (words, index) => {
      scrap[0] = index;
      return words[index];
    }
  : (words, index) => Atomics.load(words, index);

/**
 * Loads the current value of a word after every earlier access of the program, and before every later one: for a reader
 * that checks whether what it has read with plain loads was still valid afterwards.
 */
export const loadAfter: (words: Int32Array, index: number) => number = ORDERED
  ? loadAcquire
  : (words, index) => {
      Atomics.store(scrap, 0, 0);
      return Atomics.load(words, index);
    };

/**
 * Separates all earlier accesses of the program from all later ones, as others see them. Where the processor keeps
 * stores and loads in order, it only keeps the compiler from merging accesses: there it does not separate a plain store
 * from a later load, which no caller needs.
 */
export const fence: () => void = ORDERED
  ? () => {
      scrap[0] = 0;
    }
  : () => {
      Atomics.store(scrap, 0, 0);
      Atomics.load(scrap, 0);
    };
