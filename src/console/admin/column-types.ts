/** The types of columns, as the form offers them. */

export const COLUMN_KINDS = [
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'float32',
  'float64',
  'boolean',
  'string',
  'bytes',
  'text',
  'blob',
  'json',
] as const;
export type ColumnKind = (typeof COLUMN_KINDS)[number];

/** What the number in the parentheses of a type means; undefined for a type without one. */
export function sizeLabel(kind: ColumnKind): string | undefined {
  if (kind === 'string' || kind === 'bytes') return 'At most bytes';
  return isLong(kind) ? 'Bytes in the row' : undefined;
}

/** Whether values may be longer than their rows, and then are in the heap. */
export function isLong(kind: ColumnKind): boolean {
  return kind === 'text' || kind === 'blob' || kind === 'json';
}

/** The type as a schema names it: `string(80)`, `json`. */
export function typeOf(kind: ColumnKind, size: string): string {
  return sizeLabel(kind) === undefined || size.trim() === '' ? kind : `${kind}(${size.trim()})`;
}

/** The parts of a type that a schema names. */
export function partsOf(type: string): { kind: ColumnKind; size: string } {
  const [, name, size = ''] = /^([a-z0-9]+)(?:\(([0-9]+)\))?$/.exec(type) ?? [];
  return { kind: COLUMN_KINDS.find((each) => each === name) ?? 'string', size };
}
