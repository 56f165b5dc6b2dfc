/** A row as a line of newline-delimited JSON: `{ key, row, expiresAt }`. `TableCodec.writeLine` writes such lines. */
import { ShmTableError, show } from '../errors.js';
import type { RowValues, TableCodec } from './table-codec.js';

export interface RowLine {
  readonly key: string;
  readonly row: RowValues;
  /** Milliseconds since the epoch; null for none. */
  readonly expiresAt: number | null;
}

/** `revision`, which the service's envelopes also have, is ignored: a row that is written gets a new one. */
const MEMBERS: ReadonlySet<string> = new Set(['key', 'row', 'expiresAt', 'revision']);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The row in a line, or undefined for a blank one. ERR_BODY_MALFORMED, and what decoding a row throws. */
export function parseRowLine(bytes: Uint8Array, codec: TableCodec): RowLine | undefined {
  const text = lineText(bytes);
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(`it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (!isObject(value)) throw malformed(`must be an object { key, row, expiresAt }, got ${show(value)}`);
  const unknown = Object.keys(value).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) throw malformed(`must have only the members key, row and expiresAt, got ${show(unknown)}`);
  const { key, row, expiresAt }: { key?: unknown; row?: unknown; expiresAt?: unknown } = value;
  if (typeof key !== 'string') throw malformed(`key must be a string, got ${show(key)}`);
  if (!isObject(row)) throw malformed(`row must be an object, got ${show(row)}`);
  return { key, row: codec.decode(row, 'refused'), expiresAt: expiryOf(expiresAt) };
}

/** A time in milliseconds since the epoch, or null. ERR_BODY_MALFORMED. */
export function expiryOf(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw malformed(`expiresAt must be null or an integer of milliseconds since the epoch, got ${show(value)}`);
}

/** ERR_BODY_MALFORMED for ill-formed UTF-8. */
export function lineText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw malformed('it is not well-formed UTF-8');
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(what: string): ShmTableError {
  return new ShmTableError('ERR_BODY_MALFORMED', what);
}
