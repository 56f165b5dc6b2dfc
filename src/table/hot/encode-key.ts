import type { TableContext } from '../table-context.js';

/**
 * The key of the current operation: its UTF-8 bytes as 32-bit words (the last one padded with zeros), its length and
 * its hash, in memory of this thread. Rows keep their keys padded in the same way, so keys are compared four bytes at a
 * time.
 *
 * Not re-entrant: `encode` is called only after the caller's last callback (a getter of a row) has returned.
 */
export interface Key {
  readonly words: Int32Array;
  bytes: number;
  hash: number;
  /**
   * Encodes and hashes a key. `ERR_KEY_INVALID` unless it is a string of 1 to maxKeyBytes bytes of well-formed UTF-8.
   */
  readonly encode: (text: string) => void;
}

/** What encoding needs outside the fast path. */
export interface KeySupport {
  /** Large enough for the bytes of the longest key. */
  readonly words: Int32Array;
  readonly maxBytes: number;
  /** The table's two random words. */
  readonly hashKey: readonly [number, number];
  /** Encodes a key with non-ASCII characters. `ERR_KEY_INVALID`. */
  encodeWide(key: Key, text: string): void;
  /** Throws `ERR_KEY_INVALID` saying what is wrong. */
  refuse(key: unknown): never;
}

/**
 * Creates the key of a table. Characters are treated as bytes, and hashed as they are read, until one of them turns out
 * not to be ASCII: ten characters take 23 ns, and 38 ns in two passes.
 */
export function makeKey({ runtime }: TableContext, support: KeySupport): Key {
  const { finishHash } = runtime;
  const { words, maxBytes, hashKey } = support;
  const [key0, key1] = hashKey;
  const sip2 = runtime.SIP2 ^ key0;
  const sip3 = runtime.SIP3 ^ key1;

  const encode = (text: string): void => {
    const length = typeof text === 'string' ? text.length : -1;
    if (length <= 0 || length > maxBytes) support.refuse(text);
    let v0 = key0;
    let v1 = key1;
    let v2 = sip2;
    let v3 = sip3;
    let all = 0;
    let at = 0;
    for (; at + 4 <= length; at += 4) {
      const a = text.charCodeAt(at);
      const b = text.charCodeAt(at + 1);
      const c = text.charCodeAt(at + 2);
      const d = text.charCodeAt(at + 3);
      all |= a | b | c | d;
      const word = a | (b << 8) | (c << 16) | (d << 24);
      words[at >>> 2] = word;
      // One round of `halfSipHash`.
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
    let last = 0;
    if (at < length) {
      for (let shift = 0; at < length; at++, shift += 8) {
        const code = text.charCodeAt(at);
        all |= code;
        last |= code << shift;
      }
      words[(length - 1) >>> 2] = last;
    }
    if (all >= 0x80) {
      support.encodeWide(key, text);
      return;
    }
    key.bytes = length;
    key.hash = finishHash(v0, v1, v2, v3, last | (length << 24));
  };

  const key: Key = { words, bytes: 0, hash: 0, encode };
  return key;
}
