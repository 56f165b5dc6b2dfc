/** The maximum length of a row as JSON, which determines the limits of bodies and how many rows are read at once. */
import type { Columns } from '../table/types.js';

/** Bytes of the longest JSON text of a row with these columns. */
export function widthInJson(columns: Columns): number {
  let bytes = 2;
  for (const [name, type] of Object.entries<string>(columns)) bytes += name.length + 4 + widestValue(type);
  return bytes;
}

const NUMBER_BYTES = 32;
/** Values of any length, which are stored outside the row. */
const HEAP_VALUE_BYTES = 16 * 1024 * 1024;

/** Whether values of a type may have any length. */
export function hasAnyLength(type: string): boolean {
  return /^(text|blob|json)/.test(type);
}

function widestValue(type: string): number {
  if (hasAnyLength(type)) return HEAP_VALUE_BYTES;
  const [, kind, digits] = /^([a-z]+)\(([0-9]+)\)$/.exec(type) ?? [];
  const size = Number(digits ?? 0);
  // A control character is six characters in JSON; base64 has four for three bytes.
  if (kind === 'string') return 6 * size + 2;
  return kind === 'bytes' ? 4 * Math.ceil(size / 3) + 2 : NUMBER_BYTES;
}
