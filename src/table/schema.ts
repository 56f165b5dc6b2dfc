import { ShmTableError, show } from '../errors.js';
import type { LongField, NumberField, VariableField } from './column-types/column-type.js';
import { COLUMN_TYPES, type ColumnKind, columnTypeNames, parseColumnType } from './column-types/column-types.js';
import { MAX_LONG_COLUMNS } from './layout/slot.js';
import type { ColumnType } from './types.js';

/** One column of a parsed schema. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly kind: ColumnKind;
  /** How its values are stored in a row. */
  readonly field: NumberField | VariableField | LongField;
  /** Maximum bytes of a value: the width of a number, n of `string(n)`. */
  readonly maxBytes: number;
  /** Bytes of a long value that the row itself holds; 0 for other types. */
  readonly inlineBytes: number;
  /** Whether it belongs to a layer above: rows are returned without it. */
  readonly isHidden: boolean;
}

const MAX_COLUMNS = 1024;
const COLUMN_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
/** Names that no caller's column can have. */
const HIDDEN_NAME = /^\$[a-z]{1,20}$/i;
/** `revision` has a meaning in compare-and-set; the others are not ordinary property names in JavaScript. */
const REFUSED_NAMES = new Set(['revision', '__proto__', 'constructor', 'prototype']);

/**
 * Parses and checks a schema as a caller wrote it. `ERR_SCHEMA_INVALID` names the column and the limit. `mayHide`: it comes
 * from a layer above or from a segment, and may have hidden columns.
 */
export function parseColumns(columns: unknown, mayHide = false): readonly Column[] {
  if (typeof columns !== 'object' || columns === null || Array.isArray(columns)) {
    throw new ShmTableError(
      'ERR_SCHEMA_INVALID',
      `columns must be an object of column names and types, got ${show(columns)}`,
    );
  }
  const parsed: Column[] = [];
  for (const [name, type] of Object.entries(columns)) parsed.push(parseColumn(name, type, mayHide));
  if (parsed.length === 0 || parsed.length > MAX_COLUMNS) {
    throw new ShmTableError('ERR_SCHEMA_INVALID', `a table has 1 to ${MAX_COLUMNS} columns, got ${parsed.length}`);
  }
  const long = parsed.filter(({ field }) => field.form === 'long').length;
  if (long > MAX_LONG_COLUMNS) {
    throw new ShmTableError(
      'ERR_SCHEMA_INVALID',
      `a table has at most ${MAX_LONG_COLUMNS} columns of type text, blob or json, got ${long}`,
    );
  }
  return parsed;
}

function parseColumn(name: string, type: unknown, mayHide: boolean): Column {
  const isHidden = mayHide && HIDDEN_NAME.test(name);
  if ((!isHidden && !COLUMN_NAME.test(name)) || REFUSED_NAMES.has(name)) {
    const rule = REFUSED_NAMES.has(name) ? 'is a reserved name' : `does not match ${COLUMN_NAME.source}`;
    throw new ShmTableError('ERR_SCHEMA_INVALID', `column name ${show(name)} ${rule}`);
  }
  const parsed = parseColumnType(type);
  if (parsed === undefined) {
    throw new ShmTableError(
      'ERR_SCHEMA_INVALID',
      `column ${name}: ${show(type)} is not a column type (${columnTypeNames()})`,
    );
  }
  const { kind, maxBytes, inlineBytes, size, limit } = parsed;
  if (size > limit) {
    throw new ShmTableError('ERR_SCHEMA_INVALID', `column ${name}: ${type} is over the limit of ${limit} bytes`);
  }
  const { field } = COLUMN_TYPES[kind];
  return { name, type: type as ColumnType, kind, field, maxBytes, inlineBytes, isHidden };
}
