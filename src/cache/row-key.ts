import { hash } from 'node:crypto';
import { ShmTableError, show } from '../errors.js';

/** Maximum length of keys in the tables of a cache, in bytes of UTF-8. */
export const MAX_ROW_KEY_BYTES = 63;
/** A string of at most this many UTF-16 units never has more than MAX_ROW_KEY_BYTES bytes. */
const SURELY_SHORT = MAX_ROW_KEY_BYTES / 3;

/** Prefix of the row keys of hashed keys. A short key with this prefix is hashed too, so the two never collide. */
const HASHED = 'long-key:';
/** Of a base64url hash: 132 bits. */
const HASH_CHARACTERS = 22;

/**
 * The row key for a key of the cache: the key itself, or a hash of it if a row cannot have the key because it is empty,
 * longer than 63 bytes, or ill-formed UTF-16. The row of a hashed key also contains the complete key (`fullKeyOf`).
 * `ERR_KEY_INVALID` when the key is not a string.
 */
export function rowKeyOf(key: string): string {
  if (typeof key !== 'string') throw new ShmTableError('ERR_KEY_INVALID', `a key must be a string, got ${show(key)}`);
  return isRowKey(key) ? key : `${HASHED}${hash('sha256', fullKeyOf(key), 'base64url').slice(0, HASH_CHARACTERS)}`;
}

/** Whether the row key of a key is the key itself. */
function isRowKey(key: string): boolean {
  const { length } = key;
  if (length === 0 || length > MAX_ROW_KEY_BYTES) return false;
  if (length > SURELY_SHORT && Buffer.byteLength(key) > MAX_ROW_KEY_BYTES) return false;
  return key.isWellFormed() && !key.startsWith(HASHED);
}

/*
 * A complete key in the form in which a row stores it, different for any two keys and always well-formed: `=` and the
 * key, or, for a key with lone surrogates, the key as JSON, which begins with `"`.
 */

export function fullKeyOf(key: string): string {
  return key.isWellFormed() ? `=${key}` : JSON.stringify(key);
}

export function keyOfFull(full: string): string {
  if (full.startsWith('=')) return full.slice(1);
  try {
    return JSON.parse(full);
  } catch {
    throw new ShmTableError('ERR_TABLE_CORRUPT', `a stored key is damaged: ${show(full)}`);
  }
}
