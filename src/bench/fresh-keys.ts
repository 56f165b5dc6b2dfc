/**
 * Keys as a program receives them: new strings of ten characters, in random order.
 *
 * A JavaScript string stores its hash once a `Map` has needed it, and looking up the same string again then costs half
 * as much. A key that arrives with a request has no hash yet, so every use here gets a new string.
 */

/** A new string for the key of this number, 0 .. 99,999,999. */
export function freshKey(number: number): string {
  // The prefix makes the string new, because the engine caches the strings of numbers.
  return `k${100_000_000 + number}`;
}

/** New strings for these keys, each as one flat piece of memory. */
export function freshKeys(numbers: readonly number[]): string[] {
  return numbers.map(freshKey);
}

/** A source of key numbers below `limit`, the same for the same seed: xorshift32. */
export function randomNumbers(seed: number, limit: number): (count: number) => number[] {
  let state = seed | 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 0x1_0000_0000) * limit);
  };
  return (count) => Array.from({ length: count }, next);
}
