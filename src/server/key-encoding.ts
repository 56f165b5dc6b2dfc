/**
 * Keys and prefixes as a URL carries them. `percent` is percent-encoded UTF-8; `base64url` (unpadded, itself safe in
 * a URL) carries the same bytes for the keys that clients rewrite in paths: `.` and `..`.
 */
import { ShmTableError, show } from '../errors.js';

type KeyEncoding = 'percent' | 'base64url';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of a percent-encoded part of a URL; ERR_KEY_INVALID for a bad escape or ill-formed UTF-8. */
export function decodePercent(part: string): string {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ShmTableError('ERR_KEY_INVALID', `${show(part)} is not percent-encoded, well-formed UTF-8`);
  }
}

/** Key of unpadded base64url; ERR_KEY_INVALID for anything else, ill-formed UTF-8 included. */
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

/** A key or prefix that is percent-decoded already, in the encoding that the request names. */
export function decodeKey(text: string, encoding: KeyEncoding | undefined): string {
  return encoding === 'base64url' ? decodeBase64Url(text) : text;
}
