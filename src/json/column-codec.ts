/**
 * One column's values as JSON: how a request's value becomes a column value, and how a column value is written.
 *
 *   int64                 "123", or a safe-integer number in requests      always "123" in answers
 *   float32 float64       1.5, -0, "NaN", "Infinity", "-Infinity"          the same
 *   bytes(n)              base64 with padding, canonical                   the same
 *   the others            the JSON value itself
 *
 * Nothing is coerced: what has another JSON type is ERR_COLUMN_TYPE. Ranges and lengths are the table's to check.
 */
import { ShmTableError, show } from '../errors.js';
import type { ColumnType } from '../table/types.js';

export type CellValue = number | bigint | boolean | string | Uint8Array;

export interface ColumnCodec {
  readonly name: string;
  readonly type: ColumnType;
  /** What a column that was not named holds. */
  readonly zero: CellValue;
  /** The column value of a JSON value; ERR_COLUMN_TYPE, ERR_VALUE_RANGE. */
  decode(value: unknown): CellValue;
  /** What the table holds after `value` was stored. */
  stored(value: CellValue): CellValue;
  /** JSON text of a value that the table gave. */
  write(value: CellValue): string;
}

const INT64_TEXT = /^-?(0|[1-9][0-9]*)$/;
/** Characters of -9223372036854775808: no longer text is in range, and parsing a very long one takes quadratic time. */
const INT64_TEXT_LENGTH = 20;

/** The codec of one column. */
export function columnCodec(name: string, type: ColumnType): ColumnCodec {
  if (type === 'int64')
    return { name, type, zero: 0n, decode: int64Decoder(name), stored: asBigInt, write: writeInt64 };
  if (type === 'boolean')
    return { name, type, zero: false, decode: booleanDecoder(name), stored: same, write: writePlain };
  if (type === 'float64')
    return { name, type, zero: 0, decode: floatDecoder(name, type), stored: same, write: writeFloat };
  if (type === 'float32') {
    return { name, type, zero: 0, decode: floatDecoder(name, type), stored: asFloat32, write: writeFloat };
  }
  if (type.startsWith('string(')) {
    return { name, type, zero: '', decode: stringDecoder(name, type), stored: same, write: writeString };
  }
  if (type.startsWith('bytes(')) {
    return { name, type, zero: new Uint8Array(0), decode: bytesDecoder(name, type), stored: same, write: writeBytes };
  }
  return { name, type, zero: 0, decode: integerDecoder(name, type), stored: withoutMinusZero, write: writePlain };
}

/** True for the types that `increment` takes. */
export function isNumeric(type: ColumnType): boolean {
  return type !== 'boolean' && !type.startsWith('string(') && !type.startsWith('bytes(');
}

function wrongType(name: string, type: string, takes: string, value: unknown): ShmTableError {
  return new ShmTableError('ERR_COLUMN_TYPE', `column ${name} (${type}) takes ${takes}, got ${show(value)}`);
}

function int64Decoder(name: string): (value: unknown) => bigint {
  const takes = 'a decimal string or a safe-integer number';
  return (value) => {
    if (typeof value === 'number') {
      if (Number.isSafeInteger(value)) return BigInt(value);
      if (!Number.isInteger(value)) throw wrongType(name, 'int64', takes, value);
      throw new ShmTableError(
        'ERR_VALUE_RANGE',
        `column ${name} (int64): the number ${value} is beyond the safe integers, so it may not be what was meant; send a decimal string`,
      );
    }
    if (typeof value !== 'string' || !INT64_TEXT.test(value)) throw wrongType(name, 'int64', takes, value);
    if (value.length > INT64_TEXT_LENGTH) {
      throw new ShmTableError(
        'ERR_VALUE_RANGE',
        `column ${name} (int64): ${show(value)} is outside -9223372036854775808 .. 9223372036854775807`,
      );
    }
    return BigInt(value);
  };
}

function integerDecoder(name: string, type: string): (value: unknown) => number {
  return (value) => {
    if (typeof value !== 'number') throw wrongType(name, type, 'an integer', value);
    return value;
  };
}

function floatDecoder(name: string, type: string): (value: unknown) => number {
  return (value) => {
    if (typeof value === 'number') {
      // JSON has no infinity: the parser makes one of a number that is too large.
      if (Number.isFinite(value)) return value;
      throw new ShmTableError(
        'ERR_VALUE_RANGE',
        `column ${name} (${type}): the number is beyond ${value < 0 ? -Number.MAX_VALUE : Number.MAX_VALUE}; an infinity is sent as "Infinity" or "-Infinity"`,
      );
    }
    if (value === 'NaN') return Number.NaN;
    if (value === 'Infinity') return Number.POSITIVE_INFINITY;
    if (value === '-Infinity') return Number.NEGATIVE_INFINITY;
    throw wrongType(name, type, 'a number, "NaN", "Infinity" or "-Infinity"', value);
  };
}

function booleanDecoder(name: string): (value: unknown) => boolean {
  return (value) => {
    if (typeof value !== 'boolean') throw wrongType(name, 'boolean', 'true or false', value);
    return value;
  };
}

function stringDecoder(name: string, type: string): (value: unknown) => string {
  return (value) => {
    if (typeof value !== 'string') throw wrongType(name, type, 'a string', value);
    return value;
  };
}

function bytesDecoder(name: string, type: string): (value: unknown) => Uint8Array {
  const takes = 'base64 with padding (RFC 4648 section 4)';
  return (value) => {
    if (typeof value !== 'string' || value.length % 4 !== 0) throw wrongType(name, type, takes, value);
    const bytes = Buffer.from(value, 'base64');
    // Node decodes what it can and skips the rest; only canonical text comes back the same.
    if (bytes.toString('base64') !== value) throw wrongType(name, type, takes, value);
    return bytes;
  };
}

function same(value: CellValue): CellValue {
  return value;
}

function asBigInt(value: CellValue): CellValue {
  return typeof value === 'number' ? BigInt(value) : value;
}

function asFloat32(value: CellValue): CellValue {
  return typeof value === 'number' ? Math.fround(value) : value;
}

function withoutMinusZero(value: CellValue): CellValue {
  return value === 0 ? 0 : value;
}

function writePlain(value: CellValue): string {
  return `${value}`;
}

function writeInt64(value: CellValue): string {
  return `"${value}"`;
}

function writeFloat(value: CellValue): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? '-0' : `${value}`;
}

/** Texts up to this length are looked through for what JSON has to escape; it is faster than to have it looked for. */
const SHORT = 32;

/** A text as JSON. */
export function writeString(value: CellValue): string {
  if (typeof value !== 'string' || value.length > SHORT) return JSON.stringify(value);
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code === 0x22 || code === 0x5c || code > 0x7e) return JSON.stringify(value);
  }
  return `"${value}"`;
}

function writeBytes(value: CellValue): string {
  if (!(value instanceof Uint8Array)) throw new ShmTableError('ERR_INTERNAL', 'a bytes column gave something else');
  return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`;
}
