import type { RowMemory } from '../layout/row-memory.js';
import type { TableContext } from '../table-context.js';

/**
 * The columns of variable length: strings (u16 length, then UTF-8) and bytes (u32 length, then bytes).
 *
 * The position of a string is that of its length, in 16-bit units; the position of bytes is the byte offset of their
 * length. A length over its limit sets `damage.found` and reads as empty.
 */
export interface TextFields {
  readonly damage: { found: boolean };
  readonly readString: (at: number, maxBytes: number) => string;
  /** Decodes UTF-8: `length` bytes from byte `start`. */
  readonly decode: (start: number, length: number) => string;
  /** False when `value` is not a string, not well-formed, or too long. */
  readonly writeString: (at: number, maxBytes: number, value: unknown) => boolean;
  readonly copyString: (from: number, to: number, maxBytes: number) => void;
  readonly readBytes: (at: number, maxBytes: number) => Uint8Array;
  /** False when `value` is not a Uint8Array, or too long. */
  readonly writeBytes: (at: number, maxBytes: number, value: unknown) => boolean;
  readonly copyBytes: (from: number, to: number, maxBytes: number) => void;
}

/** Where the fields are, and the functions that they need from the runtime. */
export interface FieldSupport {
  readonly memory: RowMemory;
  /** The same memory, but not as a Buffer: `slice` then returns a plain Uint8Array with its own memory. */
  readonly octets: Uint8Array;
  readonly writeEncoded: (start: number, value: string, bytes: number, encoding: 'latin1' | 'utf8') => void;
  /**
   * The bytes of a value, at the length that it has now, which can no longer change; undefined for anything but a
   * Uint8Array that still has its memory.
   */
  readonly bytesOf: (value: unknown) => Uint8Array | undefined;
}

/** Creates access to the fields of one piece of memory. */
export function makeTextFields({ runtime }: Pick<TableContext, 'runtime'>, support: FieldSupport): TextFields {
  /** Strings up to this length are written by a loop, which is faster up to here. */
  const SHORT_WRITTEN = 24;
  const { octets, writeEncoded, bytesOf } = support;
  const { bytes, halves, words } = support.memory;
  const { decodeShort, SHORT } = runtime;
  const BYTES_LENGTH_BYTES = 4;
  const damage = { found: false };

  const decode = (start: number, length: number): string => {
    if (length <= SHORT) {
      const short = decodeShort(bytes, start, length);
      if (short !== undefined) return short;
    }
    return bytes.toString('utf8', start, start + length);
  };

  const readString = (at: number, maxBytes: number): string => {
    const length = halves[at];
    if (length === 0) return '';
    if (length > maxBytes) {
      damage.found = true;
      return '';
    }
    return decode((at + 1) * 2, length);
  };

  const writeShort = (start: number, value: string, length: number): boolean => {
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
      bytes[start * 2 + i] = code;
    }
    return all < 0x80;
  };

  const writeString = (at: number, maxBytes: number, value: unknown): boolean => {
    if (typeof value !== 'string') return false;
    let length = value.length;
    if (length > maxBytes) return false;
    if (length > SHORT_WRITTEN || !writeShort(at + 1, value, length)) {
      const encoded = Buffer.byteLength(value);
      if (encoded > maxBytes) return false;
      // All ASCII: encoding it as Latin-1 gives the same bytes, in 53 ns instead of 90.
      if (encoded === length) writeEncoded((at + 1) * 2, value, length, 'latin1');
      else if (value.isWellFormed()) writeEncoded((at + 1) * 2, value, encoded, 'utf8');
      else return false;
      length = encoded;
    }
    halves[at] = length;
    return true;
  };

  // Copies whole 16-bit units: the byte after a string of odd length belongs to its own field, or is padding.
  const copyString = (from: number, to: number, maxBytes: number): void => {
    const length = Math.min(halves[from], maxBytes);
    halves[to] = length;
    const units = (length + 1) >>> 1;
    if (length > SHORT) halves.copyWithin(to + 1, from + 1, from + 1 + units);
    else for (let i = 1; i <= units; i++) halves[to + i] = halves[from + i];
  };

  const readBytes = (at: number, maxBytes: number): Uint8Array => {
    const length = words[at / 4];
    if (length < 0 || length > maxBytes) {
      damage.found = true;
      return new Uint8Array(0);
    }
    const start = at + BYTES_LENGTH_BYTES;
    return octets.slice(start, start + length);
  };

  const writeBytes = (at: number, maxBytes: number, value: unknown): boolean => {
    const given = bytesOf(value);
    if (given === undefined) return false;
    const length = given.length;
    if (length > maxBytes) return false;
    bytes.set(given, at + BYTES_LENGTH_BYTES);
    words[at / 4] = length;
    return true;
  };

  const copyBytes = (from: number, to: number, maxBytes: number): void => {
    const length = Math.max(0, Math.min(words[from / 4], maxBytes));
    words[to / 4] = length;
    const start = from + BYTES_LENGTH_BYTES;
    bytes.copyWithin(to + BYTES_LENGTH_BYTES, start, start + length);
  };

  return { damage, readString, decode, writeString, copyString, readBytes, writeBytes, copyBytes };
}
