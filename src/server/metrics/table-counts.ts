/** What the tables of a namespace say of themselves, without attaching to them. */
import { ShmTableError } from '../../errors.js';
import { Table } from '../../table/table.js';
import type { TableCounts } from '../../table/types.js';
import type { TableLocation } from '../table-handles.js';

export type NamedCounts = TableCounts & { readonly table: string };

/** Of every table of the namespace, by name. O(tables), each opened read-only for the moment. */
export function countsOfTables(
  namespace: string | undefined,
  locations: Readonly<Record<string, TableLocation>> = {},
): NamedCounts[] {
  return Table.list({ namespace }).flatMap(({ name, backend }) => {
    const path = locations[name]?.path;
    try {
      using table = Table.open(name, { namespace, readOnly: true, ...(backend === 'file' ? { backend, path } : {}) });
      return [{ table: name, ...table.counts() }];
    } catch (error) {
      // Destroyed since it was listed.
      if (error instanceof ShmTableError) return [];
      throw error;
    }
  });
}
