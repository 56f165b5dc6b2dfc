/** Creates tables of which there is no other of the same name in the memory of another backend. */
import { hasCode, ShmTableError } from '../errors.js';
import { Segment } from '../memory/index.js';
import { segmentName } from '../table/list.js';
import { parseNamespace } from '../table/options.js';
import { Table } from '../table/table.js';
import type { BackendName, Columns, TableOptions } from '../table/types.js';

type Named = Pick<TableOptions, 'namespace' | 'name'>;

/**
 * `Table.create`, with `ERR_TABLE_EXISTS` also when one of these other backends has a table of this name. If two are
 * created in different memory at the same time, at least one of the creators finds the other's and destroys its own.
 */
export function createSole(options: TableOptions, others: readonly BackendName[]): Table<Columns> {
  // Only to save work: memory that is large takes long to zero.
  assertNowhere(options, others);
  const table: Table<Columns> = Table.create(options);
  try {
    assertNowhere(options, others);
    return table;
  } catch (error) {
    table.destroy();
    throw error;
  }
}

function assertNowhere(table: Named, backends: readonly BackendName[]): void {
  const found = backends.find((backend) => isThere(table, backend));
  if (found === undefined) return;
  throw new ShmTableError('ERR_TABLE_EXISTS', `there is a table ${table.name} in ${found} memory already`);
}

/** Whether a backend has a segment with the name of this table, whatever it is. */
export function isThere({ namespace, name }: Named, backend: BackendName): boolean {
  try {
    Segment.identify({ backend, name: segmentName(parseNamespace(namespace), name), readOnly: true });
    return true;
  } catch (error) {
    if (!hasCode(error, 'ERR_SEGMENT_NOT_FOUND')) throw error;
    return false;
  }
}
