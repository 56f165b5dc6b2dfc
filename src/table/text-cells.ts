import { types } from 'node:util';
import { byteLengthOf } from './column-values.js';
import { BYTES_LENGTH_BYTES } from './row-layout.js';
import type { RowMemory } from './row-memory.js';
import { MAX_STRING_BYTES } from './schema.js';
import { decodeShort, SHORT } from './short-text.js';

/** Strings up to this length are written by a loop, which is the faster up to here. */
const SHORT_WRITTEN = 24;
/** `Buffer.write` ends the process for a Buffer of more than 4 GiB behind the offset (Node 22 and 24). */
const WINDOW_BYTES = 2 ** 31;

/**
 * The columns of variable length: strings (u16 length, then UTF-8) and bytes (u32 length, then bytes).
 * A string's position is that of its length in 16-bit units, that of bytes the byte offset of theirs. A length over its
 * limit sets `damage.found` and reads as empty.
 */
export class TextCells {
  readonly damage = { found: false };
  readonly #bytes: Buffer;
  /** The same memory not as a Buffer: what is sliced off it is a plain Uint8Array with memory of its own. */
  readonly #octets: Uint8Array;
  readonly #halves: Uint16Array;
  readonly #words: Int32Array;
  /** The same memory in pieces, each with the beginning of the next one. */
  readonly #windows: readonly Buffer[];

  constructor(memory: Pick<RowMemory, 'buffer' | 'bytes' | 'halves' | 'words'>) {
    this.#bytes = memory.bytes;
    this.#octets = new Uint8Array(memory.buffer);
    this.#halves = memory.halves;
    this.#words = memory.words;
    const { byteLength } = memory.buffer;
    this.#windows = Array.from({ length: Math.ceil(byteLength / WINDOW_BYTES) }, (_, window) => {
      const start = window * WINDOW_BYTES;
      return Buffer.from(memory.buffer, start, Math.min(WINDOW_BYTES + MAX_STRING_BYTES + 1, byteLength - start));
    });
  }

  readString(at: number, maxBytes: number): string {
    const length = this.#halves[at];
    if (length === 0) return '';
    if (length > maxBytes) {
      this.damage.found = true;
      return '';
    }
    return this.decode((at + 1) * 2, length);
  }

  /** UTF-8 as text: `length` bytes from byte `start`. */
  decode(start: number, length: number): string {
    if (length <= SHORT) {
      const short = decodeShort(this.#bytes, start, length);
      if (short !== undefined) return short;
    }
    return this.#bytes.toString('utf8', start, start + length);
  }

  /** False when `value` is no string, not well-formed, or too long. */
  writeString(at: number, maxBytes: number, value: unknown): boolean {
    if (typeof value !== 'string') return false;
    let length = value.length;
    if (length > maxBytes) return false;
    if (length > SHORT_WRITTEN || !this.#writeShort(at + 1, value, length)) {
      const bytes = Buffer.byteLength(value);
      if (bytes > maxBytes) return false;
      // ASCII only: as Latin-1 it is the same, and written in 53 ns and not 90.
      if (bytes === length) this.#writeEncoded((at + 1) * 2, value, length, 'latin1');
      else if (value.isWellFormed()) this.#writeEncoded((at + 1) * 2, value, bytes, 'utf8');
      else return false;
      length = bytes;
    }
    this.#halves[at] = length;
    return true;
  }

  #writeEncoded(start: number, value: string, bytes: number, encoding: 'latin1' | 'utf8'): void {
    const window = Math.floor(start / WINDOW_BYTES);
    this.#windows[window].write(value, start - window * WINDOW_BYTES, bytes, encoding);
  }

  #writeShort(start: number, value: string, length: number): boolean {
    const halves = this.#halves;
    let at = start;
    let all = 0;
    let i = 0;
    for (; i + 4 <= length; i += 4, at += 2) {
      const a = value.charCodeAt(i);
      const b = value.charCodeAt(i + 1);
      const c = value.charCodeAt(i + 2);
      const d = value.charCodeAt(i + 3);
      all |= a | b | c | d;
      halves[at] = a | (b << 8);
      halves[at + 1] = c | (d << 8);
    }
    for (; i < length; i++) {
      const code = value.charCodeAt(i);
      all |= code;
      this.#bytes[start * 2 + i] = code;
    }
    return all < 0x80;
  }

  /** In 16-bit units: behind a string of odd length is room of its own, or padding. */
  copyString(from: number, to: number, maxBytes: number): void {
    const halves = this.#halves;
    const length = Math.min(halves[from], maxBytes);
    halves[to] = length;
    const units = (length + 1) >>> 1;
    if (length > SHORT) halves.copyWithin(to + 1, from + 1, from + 1 + units);
    else for (let i = 1; i <= units; i++) halves[to + i] = halves[from + i];
  }

  readBytes(at: number, maxBytes: number): Uint8Array {
    const length = this.#words[at / 4];
    if (length < 0 || length > maxBytes) {
      this.damage.found = true;
      return new Uint8Array(0);
    }
    const start = at + BYTES_LENGTH_BYTES;
    return this.#octets.slice(start, start + length);
  }

  /** False when `value` is no Uint8Array or too long. */
  writeBytes(at: number, maxBytes: number, value: unknown): boolean {
    if (!types.isUint8Array(value)) return false;
    const length = byteLengthOf(value);
    if (length > maxBytes) return false;
    this.#bytes.set(value, at + BYTES_LENGTH_BYTES);
    this.#words[at / 4] = length;
    return true;
  }

  copyBytes(from: number, to: number, maxBytes: number): void {
    const length = Math.max(0, Math.min(this.#words[from / 4], maxBytes));
    this.#words[to / 4] = length;
    const start = from + BYTES_LENGTH_BYTES;
    this.#bytes.copyWithin(to + BYTES_LENGTH_BYTES, start, start + length);
  }
}
