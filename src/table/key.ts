import { ShmTableError } from '../errors.js';
import { halfSipHash } from './hash.js';
import { MAX_KEY_BYTES } from './options.js';
import { show } from './schema.js';

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
  readonly #buffer = Buffer.from(this.words.buffer);
  readonly #maxBytes: number;
  readonly #hashKey0: number;
  readonly #hashKey1: number;

  /** `hashKey`: the table's two random words. */
  constructor(maxBytes: number, hashKey: readonly [number, number]) {
    this.#maxBytes = maxBytes;
    [this.#hashKey0, this.#hashKey1] = hashKey;
  }

  /** Encodes and hashes. `ERR_KEY_INVALID` unless it is a string of 1 to maxKeyBytes bytes of well-formed UTF-8. */
  encode(key: string): void {
    const length = typeof key === 'string' ? key.length : -1;
    if (length <= 0 || length > this.#maxBytes) this.#refuse(key);
    const words = this.words;
    let all = 0;
    let at = 0;
    for (; at + 4 <= length; at += 4) {
      const a = key.charCodeAt(at);
      const b = key.charCodeAt(at + 1);
      const c = key.charCodeAt(at + 2);
      const d = key.charCodeAt(at + 3);
      all |= a | b | c | d;
      words[at >>> 2] = a | (b << 8) | (c << 16) | (d << 24);
    }
    if (at < length) {
      let word = 0;
      for (let shift = 0; at < length; at++, shift += 8) {
        const code = key.charCodeAt(at);
        all |= code;
        word |= code << shift;
      }
      words[(length - 1) >>> 2] = word;
    }
    this.bytes = all < 0x80 ? length : this.#encodeWide(key);
    this.hash = halfSipHash(words, this.bytes, this.#hashKey0, this.#hashKey1);
  }

  /** A key with characters beyond ASCII. */
  #encodeWide(key: string): number {
    const bytes = Buffer.byteLength(key);
    if (bytes > this.#maxBytes || !key.isWellFormed()) this.#refuse(key);
    this.words[(bytes - 1) >>> 2] = 0;
    this.#buffer.write(key, 0, bytes, 'utf8');
    return bytes;
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
