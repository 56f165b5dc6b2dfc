/**
 * HalfSipHash-1-3 with 32 bits of output, over bytes stored in 32-bit words, little-endian, the rest of the last word
 * zero. The algorithm is SipHash (Jean-Philippe Aumasson and Daniel J. Bernstein, 2012) on words of 32 bits: one round
 * per word and three at the end, as hash tables elsewhere use it.
 *
 * It is keyed, because keys come from requests. In an unkeyed hash such as XXH32, changes in a lane can cancel each
 * other whatever the seed is: 2^15 keys of 240 bytes with the same hash can be found with pencil and paper. It is
 * written here and not called from WebAssembly because crossing costs more than hashing: a key of ten characters is
 * encoded and hashed in 22 ns, in 21 ns with XXH32, and in 55 ns or more with a hash in WebAssembly. The round is
 * written out twice here and once in `Key.encode`, which hashes a key's characters as it reads them: as a function it
 * is not always inlined.
 */

/** The kind of hash, as stored in the table's header; a table is opened only by code that knows its kind. */
export const HASH_HALF_SIP_1_3 = 2;

/** The state before the first word is (key0, key1, SIP2 ^ key0, SIP3 ^ key1). */
export const SIP2 = 0x6c796765;
export const SIP3 = 0x74656462;
const FINAL_ROUNDS = 3;

/** The hash of the first `bytes` bytes of `words` under the key (key0, key1), as an int32. O(bytes). */
export function halfSipHash(words: Int32Array, bytes: number, key0: number, key1: number): number {
  let v0 = key0;
  let v1 = key1;
  let v2 = SIP2 ^ key0;
  let v3 = SIP3 ^ key1;
  const whole = bytes >>> 2;
  for (let i = 0; i < whole; i++) {
    const word = words[i];
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
  }
  return finishHash(v0, v1, v2, v3, (bytes << 24) | ((bytes & 3) === 0 ? 0 : words[whole]));
}

/** The hash, given the state after all whole words, and the last word: the remaining bytes, with the length on top. */
export function finishHash(v0: number, v1: number, v2: number, v3: number, last: number): number {
  v3 ^= last;
  for (let i = 0; ; i++) {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    if (i === FINAL_ROUNDS) return v1 ^ v3;
    if (i === 0) {
      v0 ^= last;
      v2 ^= 0xff;
    }
  }
}
