/** Pages of rows as JSON, read in steps that are short whatever the rows hold. */
import type { Columns, Entry } from '../table/types.js';
import { widthInJson } from './row-width.js';
import type { ServedTable } from './table-handles.js';

/** Rows that may be longer than this, all of those that a step reads together, are read one at a time. */
const STEP_BYTES = 512 * 1024;
/** Maximum number of rows read at once, however short they are. */
const MAX_STEP_ROWS = 250;

interface PageStep {
  readonly entries: readonly Pick<Entry<Columns>, 'key' | 'revision' | 'expiresAt' | 'row'>[];
  readonly cursor: string | null;
}

interface PageRequest {
  readonly limit: number;
  /** Bytes that the answer still has room for. */
  readonly roomBytes: number;
  readonly prefix: string | undefined;
  readonly columns: readonly string[] | undefined;
}

/**
 * The next rows after a cursor; may be none although more follow. A scan reads the rows of a whole bucket, also those
 * that the prefix or the limit excludes. Where a row may be long, it therefore reads keys only, and the row of the key
 * that it found is read by itself.
 */
export function readStep({ table }: ServedTable, cursor: string | undefined, request: PageRequest): PageStep {
  const { limit, roomBytes, prefix, columns } = request;
  const rows = Math.min(
    limit,
    MAX_STEP_ROWS,
    Math.floor(Math.min(STEP_BYTES, roomBytes) / widthOf(table.columns, columns)),
  );
  if (rows > 0) return table.scan({ cursor, limit: rows, prefix, columns });
  const page = table.scan({ cursor, limit: 1, prefix, columns: [] });
  const entries = page.entries.flatMap(({ key }) => table.entry(key) ?? []);
  return { entries, cursor: page.cursor };
}

function widthOf(columns: Columns, names: readonly string[] | undefined): number {
  if (names === undefined) return widthInJson(columns);
  const wanted = new Set(names);
  return widthInJson(Object.fromEntries(Object.entries(columns).filter(([name]) => wanted.has(name))));
}
