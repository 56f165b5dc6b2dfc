/** Increments, for single requests and for the items of a batch alike. */
import { ShmTableError } from '../errors.js';
import type { CellValue } from '../table/column-types/column-type.js';
import { preconditionFailed, type WriteRequest } from './row-operations.js';
import type { ServedTable } from './table-handles.js';

interface Incremented {
  /** JSON text of the new value. */
  readonly text: string;
  readonly revision: number;
}

/**
 * Adds `by` (a JSON value of the column's type) to a column; a missing row is created.
 * ERR_COLUMN_UNKNOWN, ERR_COLUMN_TYPE, ERR_VALUE_RANGE, ERR_PRECONDITION_FAILED.
 */
export function incrementRow(
  { table, engine, codec }: ServedTable,
  key: string,
  column: string,
  by: unknown,
  { ttl, condition }: WriteRequest,
): Incremented {
  const cell = codec.column(column);
  if (!cell.isNumeric) {
    throw new ShmTableError('ERR_COLUMN_TYPE', `column ${column} is ${cell.type}; only numbers can be incremented`);
  }
  const step = numeric(cell.decode(by));
  for (;;) {
    if (condition === undefined) {
      const { value, revision } = engine.increment(key, column, step, { ttl });
      return { text: cell.write(value), revision };
    }
    const found = table.entry(key)?.revision;
    if (!condition(found)) throw preconditionFailed(key, found);
    if (found === undefined) {
      // What adding to zero gives is the step itself.
      const { outcome, revision } = engine.write('insert', key, { [column]: step }, { ttl });
      if (outcome === 'inserted') return { text: cell.write(cell.stored(step)), revision };
    } else {
      const incremented = engine.increment(key, column, step, { ttl, ifRevision: found });
      if (incremented.outcome === 'updated')
        return { text: cell.write(incremented.value), revision: incremented.revision };
    }
  }
}

function numeric(value: CellValue): number | bigint {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new ShmTableError('ERR_VALUE_RANGE', `by ${value} would leave the finite range`);
  }
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  throw new ShmTableError('ERR_INTERNAL', 'a column of numbers decoded something else');
}
