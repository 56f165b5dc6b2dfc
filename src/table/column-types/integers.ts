import { ShmTableError, show } from '../../errors.js';
import { STORE_BYTE, STORE_HALF, STORE_WORD } from '../layout/slot.js';
import {
  type ColumnPlace,
  elementOf,
  type NumberField,
  type NumberType,
  numberCode,
  wrongJson,
  wrongType,
} from './column-type.js';
import { numberIn } from './json-text.js';

const STORES = { 1: STORE_BYTE, 2: STORE_HALF, 4: STORE_WORD } as const;

/**
 * Integers of up to 32 bits, which are numbers in JavaScript.
 *
 * @param wrapped source text for `value` reduced to this many bits: a different number when it is out of range
 */
export function integerType(
  view: NumberField['view'],
  bytes: 1 | 2 | 4,
  isSigned: boolean,
  wrapped: (value: string) => string,
): NumberType {
  const field: NumberField = { form: 'number', view, bytes, addition: { arithmetic: 'integer', store: STORES[bytes] } };
  const [min, max] = isSigned ? [-(2 ** (8 * bytes - 1)), 2 ** (8 * bytes - 1) - 1] : [0, 2 ** (8 * bytes) - 1];
  return {
    field,
    zero: 0,
    code: {
      ...numberCode(field),
      write: (row, value, refuse, column) =>
        `if (typeof ${value} !== 'number' || ${wrapped(value)} !== ${value}) ${refuse}; ${elementOf(field, row, column)} = ${value};`,
    },
    refusal: (column, value) =>
      typeof value === 'number' ? outOfRange(column, min, max, value) : wrongType(column, 'an integer', value),
    json: {
      decode: (column, value) => {
        if (typeof value !== 'number') throw wrongJson(column, 'an integer', value);
        return value;
      },
      stored: (value) => (value === 0 ? 0 : value),
      write: (value) => `${value}`,
      ofText: numberIn,
    },
  };
}

/** The error for a value outside the range of its column. `note` follows the bounds in the message. */
export function outOfRange(
  { name, type }: ColumnPlace,
  min: number | bigint,
  max: number | bigint,
  value: number | bigint,
  note = '',
): ShmTableError {
  return new ShmTableError(
    'ERR_VALUE_RANGE',
    `column ${name} is ${type} and takes integers from ${min} to ${max}${note}, got ${show(value)}`,
  );
}
