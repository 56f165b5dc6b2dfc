import { types } from 'node:util';
import { byteLengthOf } from './column-values.js';
import { BYTES_LENGTH_BYTES, STRING_LENGTH_BYTES } from './row-layout.js';
import type { RowMemory } from './row-memory.js';

/** Strings up to this length are decoded and encoded in JavaScript; longer ones by the runtime's native code. */
const SHORT = 24;

/**
 * The columns of variable length: strings (u16 length, then UTF-8) and bytes (u32 length, then bytes).
 * Positions are byte offsets of the length. A length over its limit sets `damage.found` and reads as empty.
 */
export class TextCells {
  readonly damage = { found: false };
  readonly #bytes: Buffer;
  /** The same memory not as a Buffer: what is sliced off it is a plain Uint8Array with memory of its own. */
  readonly #octets: Uint8Array;
  readonly #halves: Uint16Array;
  readonly #words: Int32Array;

  constructor(memory: Pick<RowMemory, 'buffer' | 'bytes' | 'halves' | 'words'>) {
    this.#bytes = memory.bytes;
    this.#octets = new Uint8Array(memory.buffer);
    this.#halves = memory.halves;
    this.#words = memory.words;
  }

  readString(at: number, maxBytes: number): string {
    const length = this.#halves[at / 2];
    if (length === 0) return '';
    if (length > maxBytes) {
      this.damage.found = true;
      return '';
    }
    return this.decode(at + STRING_LENGTH_BYTES, length);
  }

  /** UTF-8 as text: `length` bytes from byte `start`. */
  decode(start: number, length: number): string {
    if (length <= SHORT) {
      const short = this.#readShort(start, length);
      if (short !== undefined) return short;
    }
    return this.#bytes.toString('utf8', start, start + length);
  }

  /** ASCII without a call into the runtime, undefined when there are other characters. */
  #readShort(start: number, length: number): string | undefined {
    const bytes = this.#bytes;
    let text = '';
    let at = start;
    const end = start + length;
    for (; at + 4 <= end; at += 4) {
      const a = bytes[at];
      const b = bytes[at + 1];
      const c = bytes[at + 2];
      const d = bytes[at + 3];
      if ((a | b | c | d) >= 0x80) return undefined;
      text += String.fromCharCode(a, b, c, d);
    }
    for (; at < end; at++) {
      const a = bytes[at];
      if (a >= 0x80) return undefined;
      text += String.fromCharCode(a);
    }
    return text;
  }

  /** False when `value` is no string, not well-formed, or too long. */
  writeString(at: number, maxBytes: number, value: unknown): boolean {
    if (typeof value !== 'string') return false;
    const start = at + STRING_LENGTH_BYTES;
    let length = value.length;
    if (length > maxBytes) return false;
    if (length > SHORT || !this.#writeShort(start, value, length)) {
      length = Buffer.byteLength(value);
      if (length > maxBytes || !value.isWellFormed()) return false;
      this.#bytes.write(value, start, length, 'utf8');
    }
    this.#halves[at / 2] = length;
    return true;
  }

  #writeShort(start: number, value: string, length: number): boolean {
    const bytes = this.#bytes;
    let all = 0;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      all |= code;
      bytes[start + i] = code;
    }
    return all < 0x80;
  }

  copyString(from: number, to: number, maxBytes: number): void {
    const length = Math.min(this.#halves[from / 2], maxBytes);
    this.#halves[to / 2] = length;
    this.#copy(from + STRING_LENGTH_BYTES, to + STRING_LENGTH_BYTES, length);
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
    this.#copy(from + BYTES_LENGTH_BYTES, to + BYTES_LENGTH_BYTES, length);
  }

  #copy(from: number, to: number, length: number): void {
    if (length <= SHORT) for (let i = 0; i < length; i++) this.#bytes[to + i] = this.#bytes[from + i];
    else this.#bytes.copyWithin(to, from, from + length);
  }
}
