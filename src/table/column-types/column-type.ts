import { ShmTableError, show } from '../../errors.js';
import type { JsonValue } from '../types.js';

/** A value as a column returns it. */
export type FieldValue = number | bigint | boolean | string | Uint8Array | JsonValue;

/** What a type's code needs to know about a column. */
export interface ColumnPlace {
  readonly name: string;
  readonly type: string;
  /** Maximum bytes of a value. */
  readonly maxBytes: number;
  /** Byte offset in the row: of the number, or of the length before the bytes. */
  readonly offset: number;
  /** Bytes of a long value that are kept in the row itself; 0 for other types. */
  readonly inlineBytes: number;
  /** Position among the long columns; -1 for other types. */
  readonly longIndex: number;
}

/** The views of memory that compiled code has, by name. */
type ViewName = 'i8' | 'u8' | 'i16' | 'u16' | 'i32' | 'u32' | 'i64' | 'f32' | 'f64';

/** A number in the row itself, aligned to its width. */
export interface NumberField {
  readonly form: 'number';
  readonly view: ViewName;
  readonly bytes: 1 | 2 | 4 | 8;
  /**
   * How `increment` adds to it and how the journal stores the sum (STORE_BYTE or another of these); undefined if it
   * cannot be added to.
   */
  readonly addition: { readonly arithmetic: 'integer' | 'float' | 'bigint'; readonly store: number } | undefined;
}

/** A length and then that many bytes, at most as many as the column's type says in parentheses. */
export interface VariableField {
  readonly form: 'variable';
  readonly lengthBytes: 2 | 4;
  /** Largest number allowed in the parentheses. */
  readonly mostBytes: number;
}

/**
 * A value of any length: in the row when it has at most as many bytes as the column's type says in parentheses, else in
 * the heap.
 */
export interface LongField {
  readonly form: 'long';
  /** Longest value in bytes. */
  readonly maxValueBytes: number;
}

/** Everything in which one type of column differs from the others. */
interface ColumnTypeEntry<C extends NumberField | VariableField | LongField = NumberField | VariableField | LongField> {
  readonly field: C;
  /** The value of a column that was never named. */
  readonly zero: FieldValue;
  /**
   * Source text for the row codec. `row` and `from` name variables with a row's first word, `value` one with a value.
   */
  readonly code: {
    /**
     * An expression for what is written instead of the value. For conversions that may run the caller's code, which
     * must happen before the row to write to is known.
     */
    prepare?(value: string, column: ColumnPlace): string;
    /** An expression. */
    read(row: string, column: ColumnPlace): string;
    /** An expression for the value as it is stored, if `read` returns it in another form. */
    readStored?(row: string, column: ColumnPlace): string;
    /** A statement that checks the value and writes it; `refuse` is a statement that throws. */
    write(row: string, value: string, refuse: string, column: ColumnPlace): string;
    /** Statements. */
    clear(row: string, column: ColumnPlace): string;
    copy(from: string, row: string, column: ColumnPlace): string;
  };
  /** Describes what is wrong with a value that `code.write` has rejected. */
  refusal(column: ColumnPlace, value: unknown): ShmTableError;
  readonly json: {
    /**
     * Converts a JSON value to a column value. `ERR_COLUMN_TYPE`, `ERR_VALUE_RANGE`; the table checks ranges and
     * lengths.
     */
    decode(column: { readonly name: string; readonly type: string }, value: unknown): FieldValue;
    /** The stored form of a decoded value: what `readStored` returns after it was written. */
    stored(value: FieldValue): FieldValue;
    /** JSON text of a value in its stored form. */
    write(stored: FieldValue): string;
    /**
     * The JSON value that a text represents in a format that has only texts, such as CSV; a text that does not parse is
     * a string.
     */
    ofText(text: string): unknown;
  };
}

export type NumberType = ColumnTypeEntry<NumberField>;
export type VariableType = ColumnTypeEntry<VariableField>;
export type LongType = ColumnTypeEntry<LongField>;

/** Source text of the view's element that holds a row's number. Rows begin at even words. */
export function elementOf({ view, bytes }: NumberField, row: string, { offset }: ColumnPlace): string {
  switch (bytes) {
    case 1:
      return `${view}[${row} * 4 + ${offset}]`;
    case 2:
      return `${view}[${row} * 2 + ${offset / 2}]`;
    case 4:
      return `${view}[${row} + ${offset / 4}]`;
    case 8:
      return `${view}[(${row} >>> 1) + ${offset / 8}]`;
  }
}

/** `code` of a number type, without `write`; `zero` is the type's zero as source text. */
export function numberCode(field: NumberField, zero = '0'): Omit<NumberType['code'], 'write'> {
  return {
    read: (row, column) => elementOf(field, row, column),
    clear: (row, column) => `${elementOf(field, row, column)} = ${zero};`,
    copy: (from, row, column) => `${elementOf(field, row, column)} = ${elementOf(field, from, column)};`,
  };
}

export function wrongType({ name, type }: ColumnPlace, wanted: string, value: unknown): ShmTableError {
  return new ShmTableError('ERR_COLUMN_TYPE', `column ${name} is ${type} and takes ${wanted}, got ${show(value)}`);
}

export function tooLong({ name, type, maxBytes }: ColumnPlace, bytes: number): ShmTableError {
  return new ShmTableError(
    'ERR_VALUE_TOO_LONG',
    `column ${name} is ${type}: the value has ${bytes} bytes, the limit is ${maxBytes}`,
  );
}

export function wrongJson(
  { name, type }: { readonly name: string; readonly type: string },
  takes: string,
  value: unknown,
): ShmTableError {
  return new ShmTableError('ERR_COLUMN_TYPE', `column ${name} (${type}) takes ${takes}, got ${show(value)}`);
}
