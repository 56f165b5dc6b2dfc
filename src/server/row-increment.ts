/** Increments, for single requests and for operations of a batch. */
import { ShmTableError } from '../errors.js';
import type { FieldValue } from '../table/column-types/column-type.js';
import { preconditionFailed, type WriteRequest } from './row-operations.js';
import type { ServedTable } from './table-handles.js';

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
  { engine, codec }: ServedTable,
  key: string,
  column: string,
  by: unknown,
  { ttl, condition }: WriteRequest,
): Incremented {
  const target = codec.column(column);
  if (!target.isNumeric) {
    throw new ShmTableError('ERR_COLUMN_TYPE', `column ${column} is ${target.type}; only numbers can be incremented`);
  }
  const step = numeric(target.decode(by));
  for (;;) {
    if (condition === undefined) {
      const { value, revision } = engine.increment(key, column, step, { ttl });
      return { text: target.write(value), revision };
    }
    const found = engine.storedEntry(key, [])?.revision;
    if (!condition(found)) throw preconditionFailed(key, found);
    if (found === undefined) {
      // Zero plus the step is the step.
      const { outcome, revision } = engine.write('insert', key, { [column]: step }, { ttl });
      if (outcome === 'inserted') return { text: target.write(target.stored(step)), revision };
    } else {
      const incremented = engine.increment(key, column, step, { ttl, ifRevision: found });
      if (incremented.outcome === 'updated')
        return { text: target.write(incremented.value), revision: incremented.revision };
    }
  }
}

function numeric(value: FieldValue): number | bigint {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new ShmTableError('ERR_VALUE_RANGE', `by must be finite, got ${value}`);
  }
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  throw new ShmTableError('ERR_INTERNAL', 'a numeric column decoded a value that is not a number');
}
