/**
 * One column's values as JSON: how a request's value becomes a column value, and how a column value is written.
 *
 *   int64                 "123", or a safe-integer number in requests      always "123" in responses
 *   float32 float64       1.5, -0, "NaN", "Infinity", "-Infinity"          the same
 *   bytes(n)              base64 with padding, canonical                   the same
 *   blob                  base64 likewise
 *   json                  any JSON value; rows are written from its stored text
 *   the others            the JSON value itself
 *
 * Nothing is coerced: a value of another JSON type is ERR_COLUMN_TYPE. The table checks ranges and lengths.
 */
import { ShmTableError } from '../errors.js';
import type { FieldValue } from '../table/column-types/column-type.js';
import { COLUMN_TYPES, parseColumnType } from '../table/column-types/column-types.js';
import type { ColumnType } from '../table/types.js';

export interface ColumnCodec {
  readonly name: string;
  readonly type: ColumnType;
  /** Whether `increment` accepts the column. */
  readonly isNumeric: boolean;
  /** The value of a column that was not named. */
  readonly zero: FieldValue;
  /** The column value of a JSON value; ERR_COLUMN_TYPE, ERR_VALUE_RANGE. */
  decode(value: unknown): FieldValue;
  /** The stored form of a value: its text in a json column. */
  stored(value: FieldValue): FieldValue;
  /** JSON text of a value in its stored form. */
  write(value: FieldValue): string;
  /** The JSON value of a text, for formats that have only texts; a text that cannot be parsed is a string. */
  ofText(text: string): unknown;
}

/** The codec of one column. */
export function columnCodec(name: string, type: ColumnType): ColumnCodec {
  const parsed = parseColumnType(type);
  if (parsed === undefined) throw new ShmTableError('ERR_INTERNAL', `column ${name} has the unknown type ${type}`);
  const { field, zero, json } = COLUMN_TYPES[parsed.kind];
  const column = { name, type };
  return {
    name,
    type,
    isNumeric: field.form === 'number' && field.addition !== undefined,
    zero,
    decode: (value) => json.decode(column, value),
    stored: json.stored,
    write: json.write,
    ofText: json.ofText,
  };
}
