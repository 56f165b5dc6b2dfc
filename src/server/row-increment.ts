/** Increments, for single requests and for operations of a batch. */
import { ShmTableError } from '../errors.js';
import type { FieldValue } from '../table/column-types/column-type.js';
import { type Eventual, when } from './eventual.js';
import { assertAllowed } from './row-operations.js';
import type { RowStore, WriteRequest } from './row-store.js';

interface Incremented {
  /** JSON text of the new value. */
  readonly text: string;
  readonly revision: number;
}

/**
 * Adds `by` (a JSON value of the column's type) to a column; creates a missing row.
 *
 * @throws {ShmTableError} ERR_COLUMN_UNKNOWN when the column does not exist; ERR_COLUMN_TYPE when it is not numeric or
 *   `by` has another type; ERR_VALUE_RANGE when `by` or the result is out of range; ERR_PRECONDITION_FAILED when the
 *   condition does not hold
 */
export function incrementRow(
  store: RowStore,
  key: string,
  column: string,
  by: unknown,
  request: WriteRequest,
): Eventual<Incremented> {
  const target = store.codec.column(column);
  if (!target.isNumeric) {
    throw new ShmTableError('ERR_COLUMN_TYPE', `column ${column} is ${target.type}; only numbers can be incremented`);
  }
  return when(store.increment(key, column, numeric(target.decode(by)), request), (incremented) => {
    assertAllowed(key, incremented);
    return { text: target.write(incremented.value), revision: incremented.revision };
  });
}

function numeric(value: FieldValue): number | bigint {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new ShmTableError('ERR_VALUE_RANGE', `by must be finite, got ${value}`);
  }
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  throw new ShmTableError('ERR_INTERNAL', 'a numeric column decoded a value that is not a number');
}
