import { ShmTableError } from '../../errors.js';
import { STORE_DOUBLE, STORE_WORD } from '../layout/slot.js';
import { elementOf, type NumberField, type NumberType, numberCode, wrongJson, wrongType } from './column-type.js';
import { numberIn } from './json-text.js';

/** Floating-point numbers. Those that JSON cannot represent are strings there. `round` rounds as the column does. */
export function floatType(view: 'f32' | 'f64', round: (value: number) => number): NumberType {
  const bytes = view === 'f32' ? 4 : 8;
  const store = view === 'f32' ? STORE_WORD : STORE_DOUBLE;
  const field: NumberField = { form: 'number', view, bytes, addition: { arithmetic: 'float', store } };
  return {
    field,
    zero: 0,
    code: {
      ...numberCode(field),
      write: (row, value, refuse, column) =>
        `if (typeof ${value} !== 'number') ${refuse}; ${elementOf(field, row, column)} = ${value};`,
    },
    // Every number can be written, so a rejected one is a sum.
    refusal: (column, value) =>
      typeof value === 'number'
        ? new ShmTableError(
            'ERR_VALUE_RANGE',
            `column ${column.name} is ${column.type}: ${value} leaves the finite range`,
          )
        : wrongType(column, 'a number', value),
    json: {
      decode: (column, value) => {
        if (typeof value === 'number') {
          // JSON has no infinity: the parser returns it for a number that is too large.
          if (Number.isFinite(value)) return value;
          throw new ShmTableError(
            'ERR_VALUE_RANGE',
            `column ${column.name} (${column.type}): the number is beyond ${value < 0 ? -Number.MAX_VALUE : Number.MAX_VALUE}; an infinity is sent as "Infinity" or "-Infinity"`,
          );
        }
        if (value === 'NaN') return Number.NaN;
        if (value === 'Infinity') return Number.POSITIVE_INFINITY;
        if (value === '-Infinity') return Number.NEGATIVE_INFINITY;
        throw wrongJson(column, 'a number, "NaN", "Infinity" or "-Infinity"', value);
      },
      stored: (value) => (typeof value === 'number' ? round(value) : value),
      write: (value) => {
        if (!Number.isFinite(value)) return `"${value}"`;
        return Object.is(value, -0) ? '-0' : `${value}`;
      },
      ofText: numberIn,
    },
  };
}
