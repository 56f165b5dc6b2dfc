import { ShmTableError, show } from '../errors.js';
import { finishHash, halfSipHash, SIP2, SIP3 } from './hash.js';
import { MAX_KEY_BYTES } from './options.js';
import { ownCode } from './own-code.js';

/** What the functions of `makeEncode` work with. */
interface EncodeParts {
  readonly key: Key;
  readonly words: Int32Array;
  readonly maxBytes: number;
  readonly key0: number;
  readonly key1: number;
  readonly sip2: number;
  readonly sip3: number;
  readonly finishHash: typeof finishHash;
  readonly encodeWide: (text: string) => void;
  readonly refuse: (key: unknown) => never;
}

/**
 * The key of the operation under way: its UTF-8 bytes as 32-bit words (the last one padded with zeros), its length
 * and its hash, in memory of this thread. Rows keep their keys padded the same way, so that keys are compared four
 * bytes at a time.
 *
 * Not re-entrant: `encode` is called after the last callback of the caller's (getters of a row) has returned.
 */
export class Key {
  readonly words = new Int32Array(Math.ceil(MAX_KEY_BYTES / 4));
  bytes = 0;
  hash = 0;
  /** Encodes and hashes. `ERR_KEY_INVALID` unless it is a string of 1 to maxKeyBytes bytes of well-formed UTF-8. */
  readonly encode: (key: string) => void;
  readonly #buffer = Buffer.from(this.words.buffer);
  readonly #maxBytes: number;
  readonly #hashKey: readonly [number, number];

  /** `hashKey`: the table's two random words. */
  constructor(maxBytes: number, hashKey: readonly [number, number]) {
    this.#maxBytes = maxBytes;
    this.#hashKey = hashKey;
    this.encode = ownCode('key', makeEncode, {
      key: this,
      words: this.words,
      maxBytes,
      key0: hashKey[0],
      key1: hashKey[1],
      sip2: SIP2 ^ hashKey[0],
      sip3: SIP3 ^ hashKey[1],
      finishHash,
      encodeWide: (text) => this.#encodeWide(text),
      refuse: (text) => this.#refuse(text),
    });
  }

  /** A key with characters beyond ASCII. */
  #encodeWide(key: string): void {
    const bytes = Buffer.byteLength(key);
    if (bytes > this.#maxBytes || !key.isWellFormed()) this.#refuse(key);
    this.words[(bytes - 1) >>> 2] = 0;
    this.#buffer.write(key, 0, bytes, 'utf8');
    this.bytes = bytes;
    this.hash = halfSipHash(this.words, bytes, ...this.#hashKey);
  }

  #refuse(key: unknown): never {
    if (typeof key !== 'string') throw new ShmTableError('ERR_KEY_INVALID', `a key must be a string, got ${show(key)}`);
    if (key === '') throw new ShmTableError('ERR_KEY_INVALID', `a key has 1 to ${this.#maxBytes} bytes, got none`);
    if (!key.isWellFormed()) {
      throw new ShmTableError('ERR_KEY_INVALID', `key ${show(key)} has a lone surrogate: it has no UTF-8 form`);
    }
    throw new ShmTableError(
      'ERR_KEY_INVALID',
      `key ${show(key)} has ${Buffer.byteLength(key)} bytes of UTF-8, the limit is ${this.#maxBytes}`,
    );
  }
}

/**
 * `Key.encode`. Characters are taken for bytes, and hashed as they are read, until it is known that one of them is not
 * ASCII: 23 ns for ten characters, and 38 in two passes.
 */
function makeEncode(parts: EncodeParts): (text: string) => void {
  const { key, words, maxBytes, key0, key1, sip2, sip3, finishHash, encodeWide, refuse } = parts;
  const encode = (text: string): void => {
    const length = typeof text === 'string' ? text.length : -1;
    if (length <= 0 || length > maxBytes) refuse(text);
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
      // A round of `halfSipHash`.
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
      encodeWide(text);
      return;
    }
    key.bytes = length;
    key.hash = finishHash(v0, v1, v2, v3, last | (length << 24));
  };
  return encode;
}
