/**
 * The memory that a table will take, computed as the service does: by the same code. `scripts/bundle-console.js` replaces
 * the parts of Node that this code refers to.
 */
import { bytesByPurpose, layOutSegment } from '../table/layout/segment.js';
import { parseSchema } from '../table/options.js';
import type { Columns, TableBytes, TableOptions } from '../table/types.js';

/** Bytes by purpose, like `Table.bytesFor`; throws a `ShmTableError` for options that no table can have. */
export function tableBytes(options: Omit<TableOptions<Columns>, 'name'>): TableBytes {
  return bytesByPurpose(layOutSegment(parseSchema({ ...options, name: '' })));
}
