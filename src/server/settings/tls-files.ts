/** The certificate and the key of the service, from their files. */
import { createSecureContext } from 'node:tls';
import { ShmTableError } from '../../errors.js';
import { readNamedFile } from './read-file.js';
import type { TlsSettings } from './security-schema.js';

interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * Reads both files at every call.
 *
 * @throws {ShmTableError} ERR_ARGUMENT when a file cannot be read or is invalid, or the key does not match
 */
export function readTlsFiles({ cert, key }: TlsSettings): TlsPair {
  const pair = { cert: readNamedFile('tls.cert', cert), key: readNamedFile('tls.key', key) };
  try {
    createSecureContext(pair);
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    throw new ShmTableError('ERR_ARGUMENT', `tls.cert ${cert} and tls.key ${key}: ${why}`);
  }
  return pair;
}
