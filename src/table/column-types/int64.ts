import { ShmTableError, show } from '../../errors.js';
import { STORE_LONG } from '../layout/slot.js';
import { elementOf, type NumberField, type NumberType, numberCode, wrongJson, wrongType } from './column-type.js';
import { outOfRange } from './integers.js';

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;
const TEXT = /^-?(0|[1-9][0-9]*)$/;
/** Length of MIN in characters: no longer text is in range, and parsing a very long one takes quadratic time. */
const TEXT_LENGTH = 20;
const TAKES_JSON = 'a decimal string or a safe-integer number';

const field: NumberField = {
  form: 'number',
  view: 'i64',
  bytes: 8,
  addition: { arithmetic: 'bigint', store: STORE_LONG },
};

/** Integers of 64 bits: bigints, which are decimal strings in JSON. Safe integers are accepted as numbers too. */
export const int64Type: NumberType = {
  field,
  zero: 0n,
  code: {
    ...numberCode(field, '0n'),
    write: (row, value, refuse, column) => {
      const element = elementOf(field, row, column);
      return (
        `if (typeof ${value} === 'bigint') { if (BigInt.asIntN(64, ${value}) !== ${value}) ${refuse}; ${element} = ${value}; } ` +
        `else { if (!Number.isSafeInteger(${value})) ${refuse}; ${element} = BigInt(${value}); }`
      );
    },
  },
  refusal: (column, value) =>
    typeof value === 'bigint' || typeof value === 'number'
      ? outOfRange(column, MIN, MAX, value, ' (as a number only a safe integer)')
      : wrongType(column, 'a bigint or a safe integer', value),
  json: {
    decode: (column, value) => {
      const { name } = column;
      if (typeof value === 'number') {
        if (Number.isSafeInteger(value)) return BigInt(value);
        if (!Number.isInteger(value)) throw wrongJson(column, TAKES_JSON, value);
        throw new ShmTableError(
          'ERR_VALUE_RANGE',
          `column ${name} (int64): the number ${value} is beyond the safe integers, so it may not be what was meant; send a decimal string`,
        );
      }
      if (typeof value !== 'string' || !TEXT.test(value)) throw wrongJson(column, TAKES_JSON, value);
      if (value.length > TEXT_LENGTH) {
        throw new ShmTableError(
          'ERR_VALUE_RANGE',
          `column ${name} (int64): ${show(value)} is outside ${MIN} .. ${MAX}`,
        );
      }
      return BigInt(value);
    },
    stored: (value) => (typeof value === 'number' ? BigInt(value) : value),
    write: (value) => `"${value}"`,
    ofText: (text) => text,
  },
};
