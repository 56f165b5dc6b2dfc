/** The certificate and the key of the service, from their files. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ShmTableError } from '../../errors.js';
import type { TlsSettings } from './security-schema.js';

export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Reads both files anew at every call. ERR_ARGUMENT when one is missing, is none, or does not fit the other. */
export function readTlsFiles({ cert, key }: TlsSettings): TlsPair {
  const pair = { cert: read('tls.cert', cert), key: read('tls.key', key) };
  try {
    createSecureContext(pair);
  } catch (error) {
    throw new ShmTableError('ERR_ARGUMENT', `tls.cert ${cert} and tls.key ${key}: ${messageOf(error)}`);
  }
  return pair;
}

function read(setting: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ShmTableError('ERR_ARGUMENT', `${setting}: ${messageOf(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
