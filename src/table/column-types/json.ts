import type { JsonValue } from '../types.js';
import { type LongType, tooLong } from './column-type.js';
import { longCode, MAX_TEXT_BYTES } from './long.js';

/** `json`: any JSON value, stored as its JSON text. The zero value, null, has a text of length 0. */
export const jsonType: LongType = {
  cell: { form: 'long', maxValueBytes: MAX_TEXT_BYTES },
  zero: null,
  code: {
    ...longCode('Json'),
    prepare: (value, { longIndex }) => `long.stringify(${longIndex}, ${value})`,
  },
  // What JSON cannot represent was refused when it was prepared.
  refusal: (column, text) => tooLong(column, Buffer.byteLength(text as string)),
  json: {
    decode: (_column, value) => value as JsonValue,
    stored: (value) => value,
    write: (value) => JSON.stringify(value),
    ofText: (text) => {
      try {
        return JSON.parse(text);
      } catch {
        return text;
      }
    },
  },
};
