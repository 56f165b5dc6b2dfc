/** Statistics of the tables of a namespace, read without attaching to them. */
import { ShmTableError } from '../../errors.js';
import { Segment } from '../../memory/index.js';
import { engineOf } from '../../table/engine.js';
import { segmentName } from '../../table/list.js';
import { Table } from '../../table/table.js';
import type { TableCounts } from '../../table/types.js';

export type NamedCounts = TableCounts & { readonly table: string };

/**
 * Returns the statistics of every table of the namespace, by name. O(processes + tables); each table is opened
 * read-only for a moment. `rows` includes expired rows that have not been swept; `withoutExpired` excludes them, at the
 * cost of `Table.size`.
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
      // The table was destroyed meanwhile, is damaged, or belongs to another user.
      if (error instanceof ShmTableError) return [];
      throw error;
    }
  });
  return all.sort((a, b) => (a.table < b.table ? -1 : 1));
}
