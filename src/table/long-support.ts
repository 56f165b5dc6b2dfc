/** What long columns need from the runtime, whatever memory their rows are in. */
import { isAscii } from 'node:buffer';
import { reasonOf, ShmTableError } from '../errors.js';
import { tooLong } from './column-types/column-type.js';
import { refuseInside } from './column-types/json-values.js';
import { MAX_TEXT_BYTES } from './column-types/long.js';
import { bytesOf } from './column-types/typed-array.js';
import type { LongSupport } from './hot/long-fields.js';
import { isLong, type LongColumn, type RowLayout } from './layout/row.js';

/** The part of `LongSupport` that does not depend on memory. */
export type LongRuntime = Pick<
  LongSupport,
  'inlineBytes' | 'maxBytes' | 'textBytes' | 'bytesOf' | 'isAscii' | 'stringify'
>;

export function longRuntime({ columns }: RowLayout): LongRuntime {
  const long = columns.filter(isLong);
  return {
    inlineBytes: long.map(({ inlineBytes }) => inlineBytes),
    maxBytes: long.map(({ maxBytes }) => maxBytes),
    textBytes,
    bytesOf,
    isAscii,
    stringify: (index, value) => stringify(long[index], value),
  };
}

function textBytes(value: unknown): number {
  if (typeof value !== 'string') return -1;
  const bytes = Buffer.byteLength(value);
  return bytes === value.length || value.isWellFormed() ? bytes : -1;
}

/** Whether the error comes from a nested operation in the caller's code. */
function isOwnError(error: unknown): boolean {
  try {
    return error instanceof ShmTableError;
  } catch {
    return false;
  }
}

/** Whether the text would be longer than the engine's limit. */
function isTooLong(error: unknown): boolean {
  try {
    return error instanceof RangeError && error.message === 'Invalid string length';
  } catch {
    return false;
  }
}

/**
 * The text of a JSON value; '' for null, which is the column's zero. Runs the caller's `toJSON` methods and getters.
 */
function stringify(column: LongColumn, value: unknown): string {
  if (value === null) return '';
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
    refuseInside(value);
  } catch (error) {
    if (isOwnError(error)) throw error;
    if (isTooLong(error)) throw tooLong(column, MAX_TEXT_BYTES + 1);
    throw new ShmTableError(
      'ERR_COLUMN_TYPE',
      `column ${column.name} is ${column.type} and takes a JSON value: ${reasonOf(error)}`,
      { cause: error },
    );
  }
  if (text !== undefined) return text === 'null' ? '' : text;
  throw new ShmTableError(
    'ERR_COLUMN_TYPE',
    `column ${column.name} is ${column.type} and takes a JSON value, which ${typeof value} is not`,
  );
}
