/**
 * One column's values as JSON: how a request's value becomes a column value, and how a column value is written.
 *
 *   int64                 "123", or a safe-integer number in requests      always "123" in answers
 *   float32 float64       1.5, -0, "NaN", "Infinity", "-Infinity"          the same
 *   bytes(n)              base64 with padding, canonical                   the same
 *   the others            the JSON value itself
 *
 * Nothing is coerced: what has another JSON type is ERR_COLUMN_TYPE. Ranges and lengths are the table's to check.
 */
import { ShmTableError } from '../errors.js';
import type { CellValue } from '../table/column-types/column-type.js';
import { COLUMN_TYPES, parseColumnType } from '../table/column-types/column-types.js';
import type { ColumnType } from '../table/types.js';

export interface ColumnCodec {
  readonly name: string;
  readonly type: ColumnType;
  /** Whether `increment` takes the column. */
  readonly isNumeric: boolean;
  /** What a column that was not named holds. */
  readonly zero: CellValue;
  /** The column value of a JSON value; ERR_COLUMN_TYPE, ERR_VALUE_RANGE. */
  decode(value: unknown): CellValue;
  /** What the table holds after `value` was stored. */
  stored(value: CellValue): CellValue;
  /** JSON text of a value that the table gave. */
  write(value: CellValue): string;
  /** The JSON value that a text stands for where everything is text; what fits none stays text. */
  ofText(text: string): unknown;
}

/** The codec of one column. */
export function columnCodec(name: string, type: ColumnType): ColumnCodec {
  const parsed = parseColumnType(type);
  if (parsed === undefined) throw new ShmTableError('ERR_INTERNAL', `column ${name} has the unknown type ${type}`);
  const { cell, zero, json } = COLUMN_TYPES[parsed.kind];
  const column = { name, type };
  return {
    name,
    type,
    isNumeric: cell.form === 'number' && cell.addition !== undefined,
    zero,
    decode: (value) => json.decode(column, value),
    stored: json.stored,
    write: json.write,
    ofText: json.ofText,
  };
}
