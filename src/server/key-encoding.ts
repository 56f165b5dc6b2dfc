/**
 * Keys and prefixes in URLs. `percent` is percent-encoded UTF-8; `base64url` (unpadded) encodes the same bytes for keys
 * that clients rewrite in paths: `.` and `..`.
 */
import { ShmTableError, show } from '../errors.js';

type KeyEncoding = 'percent' | 'base64url';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Decodes a percent-encoded part of a URL.
 *
 * @throws {ShmTableError} ERR_KEY_INVALID when it has a bad escape or ill-formed UTF-8
 */
export function decodePercent(part: string): string {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ShmTableError('ERR_KEY_INVALID', `${show(part)} is not percent-encoded, well-formed UTF-8`);
  }
}

/**
 * Decodes a key in unpadded base64url.
 *
 * @throws {ShmTableError} ERR_KEY_INVALID when it is anything else, or its bytes are ill-formed UTF-8
 */
function decodeBase64Url(text: string): string {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) {
    throw new ShmTableError('ERR_KEY_INVALID', `${show(text)} is not unpadded base64url (RFC 4648 section 5)`);
  }
  try {
    return utf8.decode(bytes);
  } catch {
    throw new ShmTableError('ERR_KEY_INVALID', `the bytes of ${show(text)} are not well-formed UTF-8`);
  }
}

/** Decodes a key or prefix, already percent-decoded, from the encoding that the request names. */
export function decodeKey(text: string, encoding: KeyEncoding | undefined): string {
  return encoding === 'base64url' ? decodeBase64Url(text) : text;
}
