import { ShmTableError, show } from '../errors.js';
import { leastHash } from './hash-order.js';
import type { TableMemory } from './layout/table-memory.js';

/**
 * Twice the length of the cursor that names the longest key with every byte escaped. A longer cursor is rejected
 * without being parsed.
 */
const MAX_CURSOR_LENGTH = 4_096;

/**
 * The position of a scan: after the key with this hash in this bucket, in the order of (hash, key); without a key,
 * before the first row of the bucket whose hash is not below `least`. Rows may move within a chain and chains may grow;
 * neither changes a key's position in this order. Nor does an alteration of the table, since it keeps the hash: only the
 * number of the bucket is another one then.
 */
export interface ScanPosition {
  readonly bucket: number;
  readonly after: { readonly hash: number; readonly key: string } | undefined;
  readonly least: number;
}

/** The opaque form, valid in any process for this table. */
export function encodeCursor({ bucket, after, least }: ScanPosition, memory: TableMemory): string {
  const begin = Math.max(least, leastHash(memory, bucket));
  const parts = after === undefined ? [memory.identity, begin] : [memory.identity, begin, after.hash, after.key];
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** Throws `ERR_ARGUMENT` unless `encodeCursor` created the cursor for this table. */
export function decodeCursor(cursor: unknown, memory: TableMemory): ScanPosition {
  if (typeof cursor === 'string' && cursor.length <= MAX_CURSOR_LENGTH) {
    const parts = parse(cursor);
    if (Array.isArray(parts) && parts[0] === memory.identity) {
      const [, least, hash, key] = parts;
      const isHash = Number.isInteger(least) && least >= 0 && least < 2 ** 32;
      if (isHash && parts.length === 2) return { bucket: memory.bucketOf(least), after: undefined, least };
      if (isHash && parts.length === 4 && Number.isInteger(hash) && typeof key === 'string') {
        return { bucket: memory.bucketOf(hash), after: { hash, key }, least: 0 };
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

/** The order of a scan. */
export function compareScanned(a: { hash: number; key: string }, b: { hash: number; key: string }): number {
  if (a.hash !== b.hash) return (a.hash >>> 0) - (b.hash >>> 0);
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
