import type { ShmTableError } from '../../errors.js';
import type { ColumnValues, LongColumnValues, SizedColumnValues } from '../types.js';
import { blobType } from './blob.js';
import { booleanType } from './boolean.js';
import { bytesType } from './bytes.js';
import type { ColumnPlace, LongType, NumberType, VariableType } from './column-type.js';
import { floatType } from './floats.js';
import { int64Type } from './int64.js';
import { integerType } from './integers.js';
import { jsonType } from './json.js';
import { stringType } from './string.js';
import { textType } from './text.js';

/** The types whose values all have the same width. */
const FIXED: Readonly<Record<keyof ColumnValues, NumberType>> = {
  int8: integerType('i8', 1, true, (value) => `(${value} << 24 >> 24)`),
  uint8: integerType('u8', 1, false, (value) => `(${value} & 255)`),
  int16: integerType('i16', 2, true, (value) => `(${value} << 16 >> 16)`),
  uint16: integerType('u16', 2, false, (value) => `(${value} & 65535)`),
  int32: integerType('i32', 4, true, (value) => `(${value} | 0)`),
  uint32: integerType('u32', 4, false, (value) => `(${value} >>> 0)`),
  int64: int64Type,
  float32: floatType('f32', Math.fround),
  float64: floatType('f64', (value) => value),
  boolean: booleanType,
};

/** The types that are written with the maximum number of bytes in parentheses. */
const SIZED: Readonly<Record<keyof SizedColumnValues, VariableType>> = {
  string: stringType,
  bytes: bytesType,
};

/** The types whose values may have any length. The optional parentheses say how many bytes the row itself holds. */
const LONG: Readonly<Record<keyof LongColumnValues, LongType>> = {
  text: textType,
  blob: blobType,
  json: jsonType,
};
/** Bytes of a long value that the row itself holds when its type does not say. */
const DEFAULT_INLINE_BYTES = 24;
const MAX_INLINE_BYTES = 4096;

/** A type as a schema names it, without the parentheses. */
export type ColumnKind = keyof ColumnValues | keyof SizedColumnValues | keyof LongColumnValues;

/** Everything in which column types differ: to add a type is to add an entry here, and its values to `types.ts`. */
export const COLUMN_TYPES: Readonly<Record<ColumnKind, NumberType | VariableType | LongType>> = {
  ...FIXED,
  ...SIZED,
  ...LONG,
};

/** A parsed type name. */
interface ParsedType {
  readonly kind: ColumnKind;
  /** Maximum bytes of a value. */
  readonly maxBytes: number;
  /** Bytes of a long value that the row itself holds; 0 for other types. */
  readonly inlineBytes: number;
  /** The number in the parentheses or its default, and the largest one allowed there. The caller compares them. */
  readonly size: number;
  readonly limit: number;
}

/** Parses the name of a type; undefined for anything else. */
export function parseColumnType(type: unknown): ParsedType | undefined {
  if (typeof type !== 'string') return undefined;
  const [, name, digits] = /^([a-z0-9]+)(?:\(([1-9][0-9]{0,8})\))?$/.exec(type) ?? [];
  if (name === undefined) return undefined;
  if (Object.hasOwn(LONG, name)) {
    const kind = name as keyof LongColumnValues;
    const size = digits === undefined ? DEFAULT_INLINE_BYTES : Number(digits);
    return { kind, maxBytes: LONG[kind].field.maxValueBytes, inlineBytes: size, size, limit: MAX_INLINE_BYTES };
  }
  if (digits === undefined) {
    if (!Object.hasOwn(FIXED, name)) return undefined;
    const kind = name as keyof ColumnValues;
    const { bytes } = FIXED[kind].field;
    return { kind, maxBytes: bytes, inlineBytes: 0, size: bytes, limit: bytes };
  }
  if (!Object.hasOwn(SIZED, name)) return undefined;
  const kind = name as keyof SizedColumnValues;
  const size = Number(digits);
  return { kind, maxBytes: size, inlineBytes: 0, size, limit: SIZED[kind].field.mostBytes };
}

/** The names of all types, as messages list them. */
export function columnTypeNames(): string {
  const sized = Object.entries(SIZED).map(([name, { field }]) => `${name}(1..${field.mostBytes})`);
  const long = Object.keys(LONG).flatMap((name) => [name, `${name}(1..${MAX_INLINE_BYTES})`]);
  return [...Object.keys(FIXED), ...sized, ...long].join(', ');
}

/** Describes what is wrong with a value that a column rejects. */
export function refusal(column: ColumnPlace & { readonly kind: ColumnKind }, value: unknown): ShmTableError {
  return COLUMN_TYPES[column.kind].refusal(column, value);
}
