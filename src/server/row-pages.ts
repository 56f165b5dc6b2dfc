/** Pages of rows as JSON, read in short steps whatever the rows contain. */
import type { TableEngine } from '../table/engine.js';
import type { Table } from '../table/table.js';
import type { Columns } from '../table/types.js';
import type { PageRequest, PageStep } from './row-store.js';
import { hasAnyLength, widthInJson } from './row-width.js';

/** Rows are read one at a time if those of a step together may be longer than this. */
const STEP_BYTES = 512 * 1024;
/** Maximum number of rows read at once, however short they are. */
const MAX_STEP_ROWS = 250;

/**
 * The next rows after a cursor; there may be none although more follow. A scan reads the rows of a whole bucket,
 * including those that the prefix or the limit excludes, but not their long values. If the rows themselves may be long,
 * it therefore reads only keys, and then the row of the key that it found.
 */
export function readStep(
  { table, engine }: { readonly table: Table<Columns>; readonly engine: TableEngine },
  cursor: string | undefined,
  request: PageRequest,
): PageStep {
  const { limit, roomBytes, prefix, columns } = request;
  const bytes = Math.min(STEP_BYTES, roomBytes);
  const rows = Math.min(limit, MAX_STEP_ROWS, Math.floor(bytes / widthOf(table.columns, columns)));
  if (rows > 0) return engine.storedPage({ cursor, limit: rows, prefix, columns }, bytes);
  const page = table.scan({ cursor, limit: 1, prefix, columns: [] });
  const entries = page.entries.flatMap(({ key }) => engine.storedEntry(key, columns) ?? []);
  return { entries, cursor: page.cursor };
}

/** How long the wanted columns can become, without those whose values may have any length. */
function widthOf(columns: Columns, names: readonly string[] | undefined): number {
  const wanted = names === undefined ? undefined : new Set(names);
  const counted = Object.entries(columns).filter(
    ([name, type]) => !hasAnyLength(type) && (wanted === undefined || wanted.has(name)),
  );
  return widthInJson(Object.fromEntries(counted));
}
