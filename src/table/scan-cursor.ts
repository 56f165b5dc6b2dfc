import { ShmTableError, show } from '../errors.js';

/**
 * Twice the length of the cursor that names the longest key with every byte escaped. A longer cursor is rejected
 * without being parsed.
 */
const MAX_CURSOR_LENGTH = 4_096;

/**
 * The position of a scan: after the key with this hash in this bucket, in the order of (hash, key bytes); without a
 * key, before the bucket's first. Rows may move within a chain and chains may grow; neither changes a key's position in
 * this order.
 */
export interface ScanPosition {
  readonly bucket: number;
  readonly after: { readonly hash: number; readonly key: string } | undefined;
}

/** The opaque form, valid in any process for this table. `table` identifies the table. */
export function encodeCursor(position: ScanPosition, table: string): string {
  const { bucket, after } = position;
  const parts = after === undefined ? [table, bucket] : [table, bucket, after.hash, after.key];
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** Throws `ERR_ARGUMENT` unless `encodeCursor` created the cursor for this table. */
export function decodeCursor(cursor: unknown, table: string, buckets: number): ScanPosition {
  if (typeof cursor === 'string' && cursor.length <= MAX_CURSOR_LENGTH) {
    const parts = parse(cursor);
    if (Array.isArray(parts) && parts[0] === table) {
      const [, bucket, hash, key] = parts;
      const isBucket = Number.isInteger(bucket) && bucket >= 0 && bucket < buckets;
      if (isBucket && parts.length === 2) return { bucket, after: undefined };
      if (isBucket && parts.length === 4 && Number.isInteger(hash) && typeof key === 'string') {
        return { bucket, after: { hash, key } };
      }
    }
  }
  throw new ShmTableError('ERR_ARGUMENT', `cursor ${show(cursor)} is not one that a scan of this table returned`);
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** The order within a bucket. */
export function compareScanned(a: { hash: number; key: string }, b: { hash: number; key: string }): number {
  if (a.hash !== b.hash) return a.hash - b.hash;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
