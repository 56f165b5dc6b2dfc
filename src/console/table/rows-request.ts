/** Requests for rows of a table. */
import { call } from '../client/api.js';
import { rowPath, tablePath } from '../client/paths.js';

export interface RowEnvelope {
  readonly key: string;
  readonly revision: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | null;
  readonly row: Readonly<Record<string, unknown>>;
}

/** A row of a list; of a list of keys, the key alone. */
export type ListedRow = Pick<RowEnvelope, 'key'> & Partial<RowEnvelope>;

interface RowPage {
  readonly rows: readonly ListedRow[];
  readonly cursor: string | null;
}

interface RowsWanted {
  readonly prefix: string;
  /** Undefined for all; without any, only keys are requested. */
  readonly columns: readonly string[] | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/**
 * A page with at least one row, or the last one. The service ends a page when it has searched for a while: then the
 * search continues with another request.
 */
export async function loadPage(table: string, wanted: RowsWanted, signal: AbortSignal): Promise<RowPage> {
  let { cursor } = wanted;
  for (;;) {
    const page = await loadPart(table, { ...wanted, cursor }, signal);
    if (page.rows.length > 0 || page.cursor === null) return page;
    cursor = page.cursor;
  }
}

async function loadPart(table: string, wanted: RowsWanted, signal: AbortSignal): Promise<RowPage> {
  const { prefix, columns, limit, cursor } = wanted;
  const query = { limit, cursor, prefix: prefix === '' ? undefined : prefix };
  if (columns?.length === 0) {
    const path = `${tablePath(table)}/keys`;
    const { value } = await call<{ keys: string[]; cursor: string | null }>(path, { query, signal });
    return { rows: value.keys.map((key) => ({ key })), cursor: value.cursor };
  }
  const path = `${tablePath(table)}/rows`;
  const { value } = await call<RowPage>(path, { query: { ...query, columns: columns?.join(',') }, signal });
  return value;
}

export async function countRows(table: string, prefix: string): Promise<number> {
  const query = prefix === '' ? {} : { prefix };
  const { value } = await call<{ count: number }>(`${tablePath(table)}/count`, { query });
  return value.count;
}

export async function loadRow(table: string, key: string, signal?: AbortSignal): Promise<RowEnvelope> {
  const { path, query } = rowPath(table, key);
  const { value } = await call<RowEnvelope>(path, { query, ...(signal !== undefined && { signal }) });
  return value;
}

interface WriteOptions {
  /** The revision that the row must still have; `none`: there must be no row. */
  readonly onlyIf: number | 'none';
  /** Lifetime in milliseconds from now. Without it, a replaced row has none and an updated one keeps its own. */
  readonly ttlMs?: number | undefined;
}

/** Creates or replaces a row (`PUT`), or updates some columns (`PATCH`). `body` is the JSON text of the row. */
export async function writeRow(
  method: 'PUT' | 'PATCH',
  where: { readonly table: string; readonly key: string },
  body: string,
  { onlyIf, ttlMs }: WriteOptions,
): Promise<RowEnvelope> {
  const { path, query } = rowPath(where.table, where.key);
  const { value } = await call<RowEnvelope>(path, {
    method,
    query: { ...query, ttl: ttlMs },
    body: { content: body, type: 'application/json' },
    ...(onlyIf === 'none' ? { headers: { 'If-None-Match': '*' } } : { ifRevision: onlyIf }),
  });
  return value;
}

export async function deleteRow(table: string, key: string, revision: number): Promise<void> {
  const { path, query } = rowPath(table, key);
  await call(path, { method: 'DELETE', query, ifRevision: revision });
}

/** Adds to a column of a row that exists; `by` is JSON text. */
export async function incrementColumn(table: string, key: string, column: string, by: string): Promise<string> {
  const { path, query } = rowPath(table, key);
  const { value } = await call<{ value: number | string }>(`${path}/increment`, {
    method: 'POST',
    query,
    headers: { 'If-Match': '*' },
    body: { content: `{"column":${JSON.stringify(column)},"by":${by}}`, type: 'application/json' },
  });
  return Object.is(value.value, -0) ? '-0' : String(value.value);
}
