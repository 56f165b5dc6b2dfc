import { ShmTableError } from '../errors.js';
import { outOfRange, refuseValue } from './column-values.js';
import type { PlacedColumn } from './layout/row.js';
import { STORE_BYTE, STORE_DOUBLE, STORE_HALF, STORE_LONG, STORE_WORD } from './layout/slot.js';
import { ownCode } from './own-code.js';

/** A column of numbers to which steps can be added. */
export interface Accumulator {
  /** Byte offset of the number in a row. */
  readonly offset: number;
  /** How the journal stores it: one of STORE_BYTE ... */
  readonly width: number;
  /**
   * A step as the column takes it: a bigint for int64. `ERR_COLUMN_TYPE` for one of the wrong type, `ERR_VALUE_RANGE` for
   * one that is no integer where the column holds integers.
   */
  readonly step: (by: unknown) => number | bigint;
  /**
   * Writes what the number of the row at word `row` is after a step to the byte `offset` behind word `to`, and returns
   * it; or the error that says why the column cannot hold it, and then what was written means nothing. Returned and not
   * thrown, because the caller holds a lock.
   */
  readonly advance: (row: number, by: number | bigint, to: number, offset: number) => number | bigint | ShmTableError;
}

/** Views of one piece of memory, as `Accumulator` writes numbers of each kind. */
export interface NumberViews {
  readonly i8: Int8Array;
  readonly u8: Uint8Array;
  readonly i16: Int16Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly i64: BigInt64Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
}

/** The accumulator of a column; undefined for one that holds no numbers. */
export function accumulatorOf(column: PlacedColumn, views: NumberViews): Accumulator | undefined {
  const { i8, u8, i16, u16, i32, u32, i64, f32, f64 } = views;
  const integers = (view: IntegerView, shift: number, width: number): Accumulator =>
    ownCode('integers', makeIntegers, { column, view, shift, width, place, refuseValue, outOfRange });
  const floats = (view: FloatView, shift: number, width: number): Accumulator =>
    ownCode('floats', makeFloats, { column, view, shift, width, place, refuseValue, outOfRange });
  switch (column.kind) {
    case 'int8':
      return integers(i8, 0, STORE_BYTE);
    case 'uint8':
      return integers(u8, 0, STORE_BYTE);
    case 'int16':
      return integers(i16, 1, STORE_HALF);
    case 'uint16':
      return integers(u16, 1, STORE_HALF);
    case 'int32':
      return integers(i32, 2, STORE_WORD);
    case 'uint32':
      return integers(u32, 2, STORE_WORD);
    case 'int64':
      return ownCode('longs', makeLongs, {
        ...{ column, view: i64, shift: 3, width: STORE_LONG },
        ...{ place, refuseValue, outOfRange },
      });
    case 'float32':
      return floats(f32, 2, STORE_WORD);
    case 'float64':
      return floats(f64, 3, STORE_DOUBLE);
    default:
      return undefined;
  }
}

export function refuseAccumulation(column: PlacedColumn): never {
  throw new ShmTableError('ERR_COLUMN_TYPE', `column ${column.name} is ${column.type} and holds no number to add to`);
}

/** Index of a number of 2^shift bytes that lies `offset` bytes behind a word; both are multiples of its width. */
function place(word: number, offset: number, shift: number): number {
  return shift === 3 ? (word >>> 1) + (offset >>> 3) : word * (4 >>> shift) + (offset >>> shift);
}

type IntegerView = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;
type FloatView = Float32Array | Float64Array;

interface AccumulatorParts<View> {
  readonly column: PlacedColumn;
  /** Of the table's memory, with elements of 2^shift bytes. */
  readonly view: View;
  readonly shift: number;
  readonly width: number;
  readonly place: typeof place;
  readonly refuseValue: typeof refuseValue;
  readonly outOfRange: typeof outOfRange;
}

/** With code of its own, as the next two. */
function makeIntegers(parts: AccumulatorParts<IntegerView>): Accumulator {
  const { column, view, shift, width, place, refuseValue, outOfRange } = parts;
  const { offset } = column;
  return {
    offset,
    width,
    step: (by) => {
      if (typeof by !== 'number') return refuseValue(column, by);
      if (!Number.isSafeInteger(by)) throw outOfRange(column, by);
      return by;
    },
    advance: (row, by, to, toOffset) => {
      const next = view[place(row, offset, shift)] + (by as number);
      const at = place(to, toOffset, shift);
      view[at] = next;
      return view[at] === next ? next : outOfRange(column, next);
    },
  };
}

function makeFloats(parts: AccumulatorParts<FloatView>): Accumulator {
  const { column, view, shift, width, place, refuseValue, outOfRange } = parts;
  const { offset } = column;
  return {
    offset,
    width,
    step: (by) => (typeof by === 'number' ? by : refuseValue(column, by)),
    advance: (row, by, to, toOffset) => {
      const at = place(to, toOffset, shift);
      view[at] = view[place(row, offset, shift)] + (by as number);
      // As the column rounds it.
      const next = view[at];
      return Number.isFinite(next) ? next : outOfRange(column, next);
    },
  };
}

function makeLongs(parts: AccumulatorParts<BigInt64Array>): Accumulator {
  const { column, view, shift, width, place, refuseValue, outOfRange } = parts;
  const { offset } = column;
  return {
    offset,
    width,
    step: (by) => {
      if (typeof by === 'bigint') return by;
      if (Number.isSafeInteger(by)) return BigInt(by as number);
      if (typeof by === 'number') throw outOfRange(column, by);
      return refuseValue(column, by);
    },
    advance: (row, by, to, toOffset) => {
      const next = view[place(row, offset, shift)] + (by as bigint);
      if (BigInt.asIntN(64, next) !== next) return outOfRange(column, next);
      view[place(to, toOffset, shift)] = next;
      return next;
    },
  };
}
