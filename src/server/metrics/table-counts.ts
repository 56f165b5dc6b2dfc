/** What the tables of a namespace say of themselves, without attaching to them. */
import { ShmTableError } from '../../errors.js';
import { Segment } from '../../memory/index.js';
import { engineOf } from '../../table/engine.js';
import { segmentName } from '../../table/list.js';
import { Table } from '../../table/table.js';
import type { TableCounts } from '../../table/types.js';

export type NamedCounts = TableCounts & { readonly table: string };

/**
 * Of every table of the namespace, by name. O(processes + tables), each table opened read-only for the moment. `rows`
 * counts expired rows that nobody has swept; `withoutExpired` leaves them out, as `Table.size` does, and costs as much.
 */
export function countsOfTables(namespace: string, { withoutExpired = false } = {}): NamedCounts[] {
  const prefix = segmentName(namespace, '');
  const all = Segment.list().flatMap(({ name, backend, location }) => {
    if (!name.startsWith(prefix)) return [];
    const where = backend === 'file' ? { backend, path: location } : { backend };
    try {
      using table = Table.open(name.slice(prefix.length), { namespace, readOnly: true, ...where });
      const counts = engineOf(table).counts();
      return [{ table: table.name, ...counts, rows: withoutExpired ? table.size : counts.rows }];
    } catch (error) {
      // Destroyed since it was listed, damaged, or another user's.
      if (error instanceof ShmTableError) return [];
      throw error;
    }
  });
  return all.sort((a, b) => (a.table < b.table ? -1 : 1));
}
