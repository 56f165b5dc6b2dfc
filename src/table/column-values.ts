import { types } from 'node:util';
import { ShmTableError, show } from '../errors.js';
import type { PlacedColumn } from './layout/row.js';

/** Throws what is wrong with a value that a column does not take. Called when a check has failed already. */
export function refuseValue(column: PlacedColumn, value: unknown): never {
  const { name, type, kind, maxBytes } = column;
  const wrongType = (wanted: string): ShmTableError =>
    new ShmTableError('ERR_COLUMN_TYPE', `column ${name} is ${type} and takes ${wanted}, got ${show(value)}`);
  switch (kind) {
    case 'boolean':
      throw wrongType('true or false');
    case 'float32':
    case 'float64':
      throw wrongType('a number');
    case 'string':
      if (typeof value !== 'string') throw wrongType('a string');
      if (!value.isWellFormed()) throw wrongType('well-formed Unicode (no lone surrogate)');
      throw tooLong(name, type, Buffer.byteLength(value), maxBytes);
    case 'bytes':
      if (!types.isUint8Array(value)) throw wrongType('a Uint8Array');
      if (isDetached(value)) throw wrongType('a Uint8Array that has its memory, not a detached one;');
      throw tooLong(name, type, byteLengthOf(value), maxBytes);
    case 'int64':
      if (typeof value !== 'bigint' && typeof value !== 'number') throw wrongType('a bigint or a safe integer');
      throw outOfRange(column, value);
    default:
      if (typeof value !== 'number') throw wrongType('an integer');
      throw outOfRange(column, value);
  }
}

const TypedArrayPrototype: object = Object.getPrototypeOf(Uint8Array.prototype);

/** The true length of an array: a subclass may have a `byteLength` of its own, which `TypedArray.set` ignores. */
export function byteLengthOf(value: Uint8Array): number {
  return Reflect.get(TypedArrayPrototype, 'byteLength', value);
}

/** Whether an array has lost its memory: it was transferred, or its buffer has shrunk below it. */
export function isDetached(value: Uint8Array): boolean {
  if (byteLengthOf(value) > 0) return false;
  try {
    Uint8Array.prototype.indexOf.call(value, 0);
    return false;
  } catch {
    return true;
  }
}

/** Bounds of an integer column, both included. */
function integerRange(kind: string): readonly [bigint, bigint] {
  const bits = BigInt(kind.replace(/\D+/, ''));
  return kind.startsWith('u') ? [0n, (1n << bits) - 1n] : [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
}

export function outOfRange(column: PlacedColumn, value: number | bigint): ShmTableError {
  if (column.kind === 'float32' || column.kind === 'float64') {
    return new ShmTableError(
      'ERR_VALUE_RANGE',
      `column ${column.name} is ${column.type}: ${value} leaves the finite range`,
    );
  }
  const [min, max] = integerRange(column.kind);
  const safe = column.kind === 'int64' ? ' (as a number only a safe integer)' : '';
  return new ShmTableError(
    'ERR_VALUE_RANGE',
    `column ${column.name} is ${column.type} and takes integers from ${min} to ${max}${safe}, got ${show(value)}`,
  );
}

function tooLong(name: string, type: string, bytes: number, limit: number): ShmTableError {
  return new ShmTableError(
    'ERR_VALUE_TOO_LONG',
    `column ${name} is ${type}: the value has ${bytes} bytes, the limit is ${limit}`,
  );
}

/** Throws for a column that the schema lacks. */
export function unknownColumn(name: unknown, known: readonly { readonly name: string }[]): never {
  const names = known.slice(0, 20).map((column) => column.name);
  const more = known.length > names.length ? `, … (${known.length} in all)` : '';
  throw new ShmTableError(
    'ERR_COLUMN_UNKNOWN',
    `there is no column ${show(name)}; the columns are ${names.join(', ')}${more}`,
  );
}
