import { ShmTableError } from '../../errors.js';
import type { JsonValue } from '../types.js';
import { type LongType, tooLong } from './column-type.js';
import { firstInfinity } from './json-values.js';
import { longCode, MAX_TEXT_BYTES } from './long.js';

/** `json`: any JSON value, stored as its JSON text. The zero value, null, has a text of length 0. */
export const jsonType: LongType = {
  field: { form: 'long', maxValueBytes: MAX_TEXT_BYTES },
  zero: null,
  code: {
    ...longCode('Json'),
    readStored: (row, { offset, longIndex }) => `long.readText(${row} + ${offset / 4}, ${longIndex})`,
    prepare: (value, { longIndex }) => `long.stringify(${longIndex}, ${value})`,
  },
  // A value that JSON cannot represent was rejected by `prepare`.
  refusal: (column, text) => tooLong(column, Buffer.byteLength(text as string)),
  json: {
    decode: (column, value) => {
      const infinity = firstInfinity(value);
      if (infinity === undefined) return value as JsonValue;
      throw new ShmTableError(
        'ERR_VALUE_RANGE',
        `column ${column.name} (${column.type}): a number in the value is beyond ${infinity < 0 ? -Number.MAX_VALUE : Number.MAX_VALUE}`,
      );
    },
    stored: (value) => (value === null ? '' : JSON.stringify(value)),
    write: (text) => (text === '' ? 'null' : `${text}`),
    ofText: (text) => {
      try {
        return JSON.parse(text);
      } catch {
        return text;
      }
    },
  },
};
