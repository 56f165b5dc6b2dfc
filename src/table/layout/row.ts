import { SLICE_HEADER_BYTES } from '../../pools/fixed-pool-layout.js';
import type { LongField, VariableField } from '../column-types/column-type.js';
import type { Column } from '../schema.js';
import { FIELD_INLINE } from './heap.js';
import type { RowMemory } from './row-memory.js';
import type { WordIndex } from './units.js';

/**
 * A row: one slice of the rows' FixedPool.
 *
 *    0  owner      u32   the slice's owner word: 0 free | a participant's spare or in flight | LINKED
 *    4  sequence   u32   odd while the row is being written; even, and never the same for two contents
 *    8  revision   u32   low word: the version of the bucket that the commit produced
 *   12  epoch      u32   high word of the revision
 *   16  hash       u32
 *   20  keyBytes   u32   1 .. maxKeyBytes
 *   24  expiresAt  f64   table time in milliseconds, 0 never
 *   32  numbers, widest first, each aligned to its own size: they share the first cache line with the header
 *       key        maxKeyBytes, rounded up to words, unused bytes of the last word zero
 *       strings    u16 length, then maxBytes, aligned to 2
 *       bytes      u32 length, then maxBytes, aligned to 4
 *       long       u32 length (bit 31: all ASCII) | u32 first block of the heap, 0 when the value is in the row |
 *                  inlineBytes, rounded up to words; aligned to 4
 *
 * Invariants
 * - A linked row never changes, except for one aligned number by `increment` or `expire`, together with its revision:
 *   first the value, then the revision. Everything else is written to a spare and linked in its place.
 * - While a row is written its sequence is odd. A reader that loads the same even sequence before and after, and in
 *   between finds the row in the same entry again, has not read a mixture. Without the entry that is true only where
 *   stores become visible in program order: on arm64, new content may be visible before the odd sequence.
 */

/** Offsets in words of four bytes, as everywhere in `layout/` unless a name says otherwise. */
export const ROW_SEQUENCE = 1;
export const ROW_REVISION = 2;
export const ROW_EPOCH = 3;
export const ROW_HASH = 4;
export const ROW_KEY_LENGTH = 5;
export const ROW_EXPIRES_AT = 6;
const ROW_HEADER_BYTES = 32;

/** A column with its place in the row. */
export interface PlacedColumn extends Column {
  /** Byte offset in the row: of the number, or of the length before the bytes. */
  readonly offset: number;
  /** Position in the schema. */
  readonly index: number;
  /** Position among the long columns; -1 for other types. */
  readonly longIndex: number;
}

export interface RowLayout {
  /** In schema order. */
  readonly columns: readonly PlacedColumn[];
  /** Byte offset of the key. */
  readonly keyOffset: number;
  /** Bytes of the whole row including its header, a multiple of 8. */
  readonly rowBytes: number;
  /** Payload bytes of the FixedPool slice that holds the row. */
  readonly sliceBytes: number;
}

/** A column whose values are preceded by their length. */
export interface VariableColumn extends PlacedColumn {
  readonly field: VariableField;
}

export function isVariable(column: PlacedColumn): column is VariableColumn {
  return column.field.form === 'variable';
}

/** A column whose values may have any length. */
export interface LongColumn extends PlacedColumn {
  readonly field: LongField;
}

export function isLong(column: PlacedColumn): column is LongColumn {
  return column.field.form === 'long';
}

/** The length of a value in the row at word `row`. */
export function lengthAt({ halves, words }: RowMemory, row: WordIndex, { field, offset }: VariableColumn): number {
  return field.lengthBytes === 2 ? halves[row * 2 + offset / 2] : words[row + offset / 4];
}

export function setLengthAt(
  memory: RowMemory,
  row: WordIndex,
  { field, offset }: VariableColumn,
  length: number,
): void {
  if (field.lengthBytes === 2) memory.halves[row * 2 + offset / 2] = length;
  else memory.words[row + offset / 4] = length;
}

/** Places the columns of a schema. */
export function layOutRow(columns: readonly Column[], maxKeyBytes: number): RowLayout {
  const offsets = new Map<Column, number>();
  let at = ROW_HEADER_BYTES;
  for (const width of [8, 4, 2, 1]) {
    for (const column of columns) {
      if (column.field.form !== 'number' || column.field.bytes !== width) continue;
      offsets.set(column, at);
      at += width;
    }
  }
  const keyOffset = align(at, 4);
  at = keyOffset + align(maxKeyBytes, 4);
  for (const column of columns) {
    if (column.field.form === 'number') continue;
    const isLong = column.field.form === 'long';
    const lengthBytes = isLong ? 4 : column.field.lengthBytes;
    at = align(at, lengthBytes);
    offsets.set(column, at);
    at += isLong ? FIELD_INLINE * 4 + align(column.inlineBytes, 4) : lengthBytes + column.maxBytes;
  }
  const rowBytes = align(at, 8);
  let longColumns = 0;
  return {
    columns: columns.map((column, index) => ({
      ...column,
      index,
      offset: offsets.get(column) as number,
      longIndex: column.field.form === 'long' ? longColumns++ : -1,
    })),
    keyOffset,
    rowBytes,
    sliceBytes: rowBytes - SLICE_HEADER_BYTES,
  };
}

function align(offset: number, to: number): number {
  return Math.ceil(offset / to) * to;
}
