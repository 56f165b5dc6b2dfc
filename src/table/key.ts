import { ShmTableError, show } from '../errors.js';
import { halfSipHash } from './hash.js';
import type { Key, KeySupport } from './hot/encode-key.js';
import { MAX_KEY_BYTES } from './options.js';

/** Encodes the keys of one table that are not plain ASCII, and refuses what is not a key. */
export class KeyEncoding implements KeySupport {
  readonly words = new Int32Array(Math.ceil(MAX_KEY_BYTES / 4));
  readonly maxBytes: number;
  readonly hashKey: readonly [number, number];
  readonly #buffer = Buffer.from(this.words.buffer);

  constructor(maxBytes: number, hashKey: readonly [number, number]) {
    this.maxBytes = maxBytes;
    this.hashKey = hashKey;
  }

  encodeWide(key: Key, text: string): void {
    const bytes = Buffer.byteLength(text);
    if (bytes > this.maxBytes || !text.isWellFormed()) this.refuse(text);
    this.words[(bytes - 1) >>> 2] = 0;
    this.#buffer.write(text, 0, bytes, 'utf8');
    key.bytes = bytes;
    key.hash = halfSipHash(this.words, bytes, ...this.hashKey);
  }

  refuse(key: unknown): never {
    if (typeof key !== 'string') throw new ShmTableError('ERR_KEY_INVALID', `a key must be a string, got ${show(key)}`);
    if (key === '') throw new ShmTableError('ERR_KEY_INVALID', `a key has 1 to ${this.maxBytes} bytes, got none`);
    if (!key.isWellFormed()) {
      throw new ShmTableError('ERR_KEY_INVALID', `key ${show(key)} has a lone surrogate: it has no UTF-8 form`);
    }
    throw new ShmTableError(
      'ERR_KEY_INVALID',
      `key ${show(key)} has ${Buffer.byteLength(key)} bytes of UTF-8, the limit is ${this.maxBytes}`,
    );
  }
}
