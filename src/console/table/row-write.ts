/** Writes what was edited in a row over the version that was read, and no other. */
import { ApiProblem } from '../client/problem.js';
import { rowJsonOf } from './row-drafts.js';
import { objectJson, type RowJson } from './row-versions.js';
import { loadRow, type RowEnvelope, writeRow } from './rows-request.js';

interface RowEdit {
  readonly edited: RowJson;
  readonly ttlMs: number | undefined;
  readonly removesExpiry: boolean;
}

/** A row that is in the table now, instead of the version that was to be changed; undefined if there is none. */
export interface OtherVersion {
  readonly now: RowEnvelope | undefined;
}

/** The row as it was written, or the version that kept it from being written. Throws any other problem. */
export async function saveEdit(
  table: string,
  over: RowEnvelope,
  { edited, ttlMs, removesExpiry }: RowEdit,
): Promise<RowEnvelope | OtherVersion> {
  const where = { table, key: over.key };
  const onlyIf = over.revision;
  try {
    // An update keeps the expiry, so a row that is to have none is written as a whole.
    if (removesExpiry && over.expiresAt !== null) {
      return await writeRow('PUT', where, objectJson({ ...rowJsonOf(over.row), ...edited }), { onlyIf });
    }
    return await writeRow('PATCH', where, objectJson(edited), { onlyIf, ttlMs });
  } catch (error) {
    if (!isOtherVersion(error)) throw error;
    return { now: await currentRow(table, over.key) };
  }
}

export function isOtherVersion(error: unknown): boolean {
  return error instanceof ApiProblem && (error.status === 412 || error.code === 'ERR_ROW_NOT_FOUND');
}

/** Undefined if there is no such row. */
export async function currentRow(table: string, key: string): Promise<RowEnvelope | undefined> {
  try {
    return await loadRow(table, key);
  } catch (error) {
    if (isOtherVersion(error)) return undefined;
    throw error;
  }
}
