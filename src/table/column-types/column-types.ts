import type { ShmTableError } from '../../errors.js';
import type { ColumnValues, SizedColumnValues } from '../types.js';
import { booleanType } from './boolean.js';
import { bytesType } from './bytes.js';
import type { ColumnPlace, NumberType, VariableType } from './column-type.js';
import { floatType } from './floats.js';
import { int64Type } from './int64.js';
import { integerType } from './integers.js';
import { stringType } from './string.js';

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

/** A type as a schema names it, without the parentheses. */
export type ColumnKind = keyof ColumnValues | keyof SizedColumnValues;

/** Everything in which column types differ: to add a type is to add an entry here, and its values to `types.ts`. */
export const COLUMN_TYPES: Readonly<Record<ColumnKind, NumberType | VariableType>> = { ...FIXED, ...SIZED };

/**
 * A parsed type name; `parseColumnType` returns undefined for anything else. `maxBytes` may exceed `limit`: the caller
 * checks that.
 */
interface ParsedType {
  readonly kind: ColumnKind;
  /** Maximum bytes of a value. */
  readonly maxBytes: number;
  /** Largest number allowed in the parentheses. */
  readonly limit: number;
}

export function parseColumnType(type: unknown): ParsedType | undefined {
  if (typeof type !== 'string') return undefined;
  const sized = /^([a-z0-9]+)\(([1-9][0-9]{0,8})\)$/.exec(type);
  if (sized === null) {
    if (!Object.hasOwn(FIXED, type)) return undefined;
    const kind = type as keyof ColumnValues;
    const { bytes } = FIXED[kind].cell;
    return { kind, maxBytes: bytes, limit: bytes };
  }
  if (!Object.hasOwn(SIZED, sized[1])) return undefined;
  const kind = sized[1] as keyof SizedColumnValues;
  return { kind, maxBytes: Number(sized[2]), limit: SIZED[kind].cell.mostBytes };
}

/** The names of all types, as messages list them. */
export function columnTypeNames(): string {
  const sized = Object.entries(SIZED).map(([name, { cell }]) => `${name}(1..${cell.mostBytes})`);
  return [...Object.keys(FIXED), ...sized].join(', ');
}

/** Describes what is wrong with a value that a column refuses. */
export function refusal(column: ColumnPlace & { readonly kind: ColumnKind }, value: unknown): ShmTableError {
  return COLUMN_TYPES[column.kind].refusal(column, value);
}
