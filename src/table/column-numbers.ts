import { ShmTableError } from '../errors.js';
import { outOfRange, refuseValue } from './column-values.js';
import { STORE_BYTE, STORE_DOUBLE, STORE_HALF, STORE_LONG, STORE_WORD } from './journal.js';
import type { PlacedColumn } from './row-layout.js';
import type { ColumnKind } from './schema.js';
import type { TableMemory } from './table-memory.js';

/**
 * `value + by` as a column holds it, or the error that says why it does not. Returned and not thrown, because the
 * caller holds a lock. Call `checkStep` on `by` before.
 */
export function advanceNumber(
  column: PlacedColumn,
  value: number | bigint,
  by: number | bigint,
): number | bigint | ShmTableError {
  switch (column.kind) {
    case 'int64': {
      const next = (value as bigint) + (by as bigint);
      return BigInt.asIntN(64, next) === next ? next : outOfRange(column, next);
    }
    case 'float32':
    case 'float64': {
      const sum = (value as number) + (by as number);
      const next = column.kind === 'float32' ? Math.fround(sum) : sum;
      return Number.isFinite(next) ? next : outOfRange(column, next);
    }
    default: {
      const next = (value as number) + (by as number);
      return isWithin(column.kind, next) ? next : outOfRange(column, next);
    }
  }
}

function isWithin(kind: ColumnKind, value: number): boolean {
  switch (kind) {
    case 'int8':
      return (value << 24) >> 24 === value;
    case 'uint8':
      return (value & 0xff) === value;
    case 'int16':
      return (value << 16) >> 16 === value;
    case 'uint16':
      return (value & 0xffff) === value;
    case 'int32':
      return (value | 0) === value;
    default:
      return value >>> 0 === value;
  }
}

/**
 * A step as the column takes it: a bigint for int64. `ERR_COLUMN_TYPE` for a column that holds no number and for a
 * step of the wrong type, `ERR_VALUE_RANGE` for one that is no integer where the column holds integers.
 */
export function checkStep(column: PlacedColumn, by: unknown): number | bigint {
  if (column.kind === 'string' || column.kind === 'bytes' || column.kind === 'boolean') {
    throw new ShmTableError('ERR_COLUMN_TYPE', `column ${column.name} is ${column.type} and holds no number to add to`);
  }
  if (column.kind === 'int64') {
    if (typeof by === 'bigint') return by;
    if (Number.isSafeInteger(by)) return BigInt(by as number);
  } else if (typeof by === 'number') {
    if (column.kind === 'float32' || column.kind === 'float64' || Number.isSafeInteger(by)) return by;
  }
  if (typeof by === 'number') throw outOfRange(column, by);
  return refuseValue(column, by);
}

/** How the journal stores a number of this kind. */
export function storeWidth(kind: ColumnKind): number {
  switch (kind) {
    case 'int8':
    case 'uint8':
      return STORE_BYTE;
    case 'int16':
    case 'uint16':
      return STORE_HALF;
    case 'int64':
      return STORE_LONG;
    case 'float64':
      return STORE_DOUBLE;
    default:
      return STORE_WORD;
  }
}

const single = new Float32Array(1);
const singleBits = new Int32Array(single.buffer);

/** Writes a number where a row has it, or in the journal's VALUE, from where `Journal` copies it by its width. */
export function writeNumber(memory: TableMemory, byte: number, kind: ColumnKind, value: number | bigint): void {
  switch (storeWidth(kind)) {
    case STORE_BYTE:
      memory.bytes[byte] = value as number;
      break;
    case STORE_HALF:
      memory.halves[byte / 2] = value as number;
      break;
    case STORE_LONG:
      memory.longs[byte / 8] = value as bigint;
      break;
    case STORE_DOUBLE:
      memory.doubles[byte / 8] = value as number;
      break;
    default:
      if (kind === 'float32') {
        single[0] = value as number;
        memory.words[byte / 4] = singleBits[0];
      } else {
        memory.words[byte / 4] = value as number;
      }
  }
}
