import { elementOf, type NumberField, type NumberType, numberCode, wrongJson, wrongType } from './column-type.js';

const TAKES = 'true or false';
const field: NumberField = { form: 'number', view: 'u8', bytes: 1, addition: undefined };

/** One byte: 0 is false, anything else true. */
export const booleanType: NumberType = {
  field,
  zero: false,
  code: {
    ...numberCode(field),
    read: (row, column) => `${elementOf(field, row, column)} !== 0`,
    write: (row, value, refuse, column) =>
      `if (typeof ${value} !== 'boolean') ${refuse}; ${elementOf(field, row, column)} = ${value} ? 1 : 0;`,
  },
  refusal: (column, value) => wrongType(column, TAKES, value),
  json: {
    decode: (column, value) => {
      if (typeof value !== 'boolean') throw wrongJson(column, TAKES, value);
      return value;
    },
    stored: (value) => value,
    write: (value) => `${value}`,
    ofText: (text) => (text === 'true' ? true : text === 'false' ? false : text),
  },
};
