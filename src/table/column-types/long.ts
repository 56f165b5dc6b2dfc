import type { ColumnPlace, LongType } from './column-type.js';

/** What V8 can hold in a string, in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 2 ** 29 - 24;
export const MAX_BLOB_BYTES = 2 ** 31 - 1;

const fieldOf = (row: string, { offset }: ColumnPlace): string => `${row} + ${offset / 4}`;

/** The code of a long type, whose values `support` (`LongFields`) reads and writes as a `form`. */
export function longCode(form: 'Text' | 'Blob' | 'Json'): LongType['code'] {
  return {
    read: (row, column) => `long.read${form}(${fieldOf(row, column)}, ${column.longIndex})`,
    write: (row, value, refuse, column) =>
      `if (!long.write${form}(${fieldOf(row, column)}, ${column.longIndex}, ${value})) ${refuse};`,
    clear: (row, column) => `long.clear(${fieldOf(row, column)});`,
    copy: (from, row, column) => `long.keep(${fieldOf(from, column)}, ${fieldOf(row, column)}, ${column.longIndex});`,
  };
}
