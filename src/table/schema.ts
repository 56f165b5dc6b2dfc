import { ShmTableError, show } from '../errors.js';
import type { ColumnType } from './types.js';

/** Kinds of column, by how a value lies in memory. */
type ColumnKind =
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'float32'
  | 'float64'
  | 'boolean'
  | 'string'
  | 'bytes';

/** One column of a parsed schema. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly kind: ColumnKind;
  /** Most bytes of a value: the width of a number, n of `string(n)` and `bytes(n)`. */
  readonly maxBytes: number;
}

const MAX_COLUMNS = 1024;
export const MAX_STRING_BYTES = 65_535;
const MAX_BYTES_BYTES = 16_777_215;

const NUMBER_BYTES: Partial<Record<string, number>> = {
  int8: 1,
  uint8: 1,
  boolean: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  int64: 8,
  float64: 8,
};

const COLUMN_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
/** `revision` is what compare-and-set compares with; the others are no ordinary property names in JavaScript. */
const REFUSED_NAMES = new Set(['revision', '__proto__', 'constructor', 'prototype']);

/** Parses and checks a schema as a caller wrote it. Throws `ERR_SCHEMA_INVALID` naming the column and the limit. */
export function parseColumns(columns: unknown): readonly Column[] {
  if (typeof columns !== 'object' || columns === null || Array.isArray(columns)) {
    throw new ShmTableError(
      'ERR_SCHEMA_INVALID',
      `columns must be an object of column names and types, got ${show(columns)}`,
    );
  }
  const parsed: Column[] = [];
  for (const [name, type] of Object.entries(columns)) parsed.push(parseColumn(name, type));
  if (parsed.length === 0 || parsed.length > MAX_COLUMNS) {
    throw new ShmTableError('ERR_SCHEMA_INVALID', `a table has 1 to ${MAX_COLUMNS} columns, got ${parsed.length}`);
  }
  return parsed;
}

function parseColumn(name: string, type: unknown): Column {
  if (!COLUMN_NAME.test(name) || REFUSED_NAMES.has(name)) {
    const rule = REFUSED_NAMES.has(name) ? 'is a reserved name' : `does not match ${COLUMN_NAME.source}`;
    throw new ShmTableError('ERR_SCHEMA_INVALID', `column name ${show(name)} ${rule}`);
  }
  if (typeof type === 'string') {
    const width = Object.hasOwn(NUMBER_BYTES, type) ? NUMBER_BYTES[type] : undefined;
    if (width !== undefined) {
      return { name, type: type as ColumnType, kind: type as ColumnKind, maxBytes: width };
    }
    const sized = /^(string|bytes)\(([1-9][0-9]{0,8})\)$/.exec(type);
    if (sized !== null) {
      const kind = sized[1] as 'string' | 'bytes';
      const limit = kind === 'string' ? MAX_STRING_BYTES : MAX_BYTES_BYTES;
      const maxBytes = Number(sized[2]);
      if (maxBytes > limit) {
        throw new ShmTableError('ERR_SCHEMA_INVALID', `column ${name}: ${type} is over the limit of ${limit} bytes`);
      }
      return { name, type: type as ColumnType, kind, maxBytes };
    }
  }
  throw new ShmTableError(
    'ERR_SCHEMA_INVALID',
    `column ${name}: ${show(type)} is no column type (int8 .. uint32, int64, float32, float64, boolean, ` +
      `string(1..${MAX_STRING_BYTES}), bytes(1..${MAX_BYTES_BYTES}))`,
  );
}
