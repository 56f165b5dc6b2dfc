import type { ShmTableError } from '../../errors.js';
import type { PlacedColumn } from '../layout/row.js';
import type { WordIndex } from '../layout/units.js';
import type { TableContext } from '../table-context.js';

/** A column whose numbers can be added to. */
export interface Accumulator {
  /** Byte offset of the number in a row. */
  readonly offset: number;
  /** How the journal stores the number: STORE_BYTE or another of these. */
  readonly width: number;
  /**
   * Converts the caller's value to the type that the column adds: a bigint for int64. `ERR_COLUMN_TYPE` for a value of
   * the wrong type, `ERR_VALUE_RANGE` for a non-integer where the column holds integers.
   */
  readonly addend: (by: unknown) => number | bigint;
  /**
   * Adds `by` to the number of the row at word `row`, writes the sum to the byte `offset` bytes after word `to`, and
   * returns it. If the column cannot hold the sum, it returns the error instead, and the bytes written are meaningless.
   * The error is returned, not thrown, because the caller holds a lock.
   */
  readonly add: (row: WordIndex, by: number | bigint, to: WordIndex, offset: number) => number | bigint | ShmTableError;
}

type IntegerView = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;
type FloatView = Float32Array | Float64Array;

/** Where the numbers of a column are: a view of the table's memory with elements of 2^shift bytes. */
export type NumberFields =
  | { readonly arithmetic: 'integer'; readonly view: IntegerView; readonly shift: number; readonly width: number }
  | { readonly arithmetic: 'float'; readonly view: FloatView; readonly shift: number; readonly width: number }
  | { readonly arithmetic: 'bigint'; readonly view: BigInt64Array; readonly shift: number; readonly width: number };

/** Creates the accumulator of one column. */
export function makeAccumulator({ runtime }: TableContext, column: PlacedColumn, fields: NumberFields): Accumulator {
  const { refusal } = runtime;
  const { shift, width } = fields;
  const { offset } = column;

  // Index of a number that is `bytes` bytes after a word; both are multiples of its width.
  const indexOf = (word: number, bytes: number): number =>
    shift === 3 ? (word >>> 1) + (bytes >>> 3) : word * (4 >>> shift) + (bytes >>> shift);

  if (fields.arithmetic === 'integer') {
    const { view } = fields;
    return {
      offset,
      width,
      addend: (by) => {
        if (!Number.isSafeInteger(by)) throw refusal(column, by);
        return by as number;
      },
      add: (row, by, to, toOffset) => {
        const next = view[indexOf(row, offset)] + (by as number);
        const at = indexOf(to, toOffset);
        view[at] = next;
        return view[at] === next ? next : refusal(column, next);
      },
    };
  }
  if (fields.arithmetic === 'float') {
    const { view } = fields;
    return {
      offset,
      width,
      addend: (by) => {
        if (typeof by !== 'number') throw refusal(column, by);
        return by;
      },
      add: (row, by, to, toOffset) => {
        const at = indexOf(to, toOffset);
        view[at] = view[indexOf(row, offset)] + (by as number);
        // Read back, because the column rounds it.
        const next = view[at];
        return Number.isFinite(next) ? next : refusal(column, next);
      },
    };
  }
  const { view } = fields;
  return {
    offset,
    width,
    addend: (by) => {
      if (typeof by === 'bigint') return by;
      if (Number.isSafeInteger(by)) return BigInt(by as number);
      throw refusal(column, by);
    },
    add: (row, by, to, toOffset) => {
      const next = view[indexOf(row, offset)] + (by as bigint);
      if (BigInt.asIntN(64, next) !== next) return refusal(column, next);
      view[indexOf(to, toOffset)] = next;
      return next;
    },
  };
}
