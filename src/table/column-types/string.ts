import { tooLong, type VariableType, wrongJson, wrongType } from './column-type.js';
import { jsonString } from './json-text.js';

export const MAX_STRING_BYTES = 65_535;

const at = (row: string, offset: number): string => `${row} * 2 + ${offset / 2}`;

/** `string(n)`: u16 length, then that many bytes of UTF-8. Its position is the index of the length in 16-bit units. */
export const stringType: VariableType = {
  field: { form: 'variable', lengthBytes: 2, mostBytes: MAX_STRING_BYTES },
  zero: '',
  code: {
    read: (row, { offset, maxBytes }) => `text.readString(${at(row, offset)}, ${maxBytes})`,
    write: (row, value, refuse, { offset, maxBytes }) =>
      `if (!text.writeString(${at(row, offset)}, ${maxBytes}, ${value})) ${refuse};`,
    clear: (row, { offset }) => `u16[${at(row, offset)}] = 0;`,
    copy: (from, row, { offset, maxBytes }) => `text.copyString(${at(from, offset)}, ${at(row, offset)}, ${maxBytes});`,
  },
  refusal: (column, value) => {
    if (typeof value !== 'string') return wrongType(column, 'a string', value);
    if (!value.isWellFormed()) return wrongType(column, 'well-formed Unicode (no lone surrogate)', value);
    return tooLong(column, Buffer.byteLength(value));
  },
  json: {
    decode: (column, value) => {
      if (typeof value !== 'string') throw wrongJson(column, 'a string', value);
      return value;
    },
    stored: (value) => value,
    write: (value) => jsonString(value as string),
    ofText: (text) => text,
  },
};
