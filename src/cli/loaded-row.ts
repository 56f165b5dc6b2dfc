/** A row as `load` reads it from a line, whatever the form of the file, and errors that name the line. */
import { ShmTableError, show } from '../errors.js';
import type { RowValues } from '../json/table-codec.js';

export interface LoadedRow {
  /** Its line, counted from 1. */
  readonly line: number;
  readonly key: string;
  readonly row: RowValues;
  /** Milliseconds since the epoch; null for none. */
  readonly expiresAt: number | null;
}

/** Maximum bytes of a line or of a CSV record: more would not fit into a string. */
export const MAX_LINE_BYTES = 2 ** 28;

/** Processes a line; errors get its number. */
export function atLine<T>(line: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof ShmTableError) throw lineError(line, error.message, error);
    throw error;
  }
}

/** ERR_BODY_MALFORMED, except for errors of the table itself, such as ERR_TABLE_FULL, which keep their codes. */
export function lineError(line: number, message: string, cause?: ShmTableError): ShmTableError {
  const ofCaller = cause === undefined || cause.code === 'ERR_ARGUMENT' || cause.code === 'ERR_KEY_INVALID';
  return new ShmTableError(ofCaller ? 'ERR_BODY_MALFORMED' : cause.code, `line ${line}: ${message}`, { cause });
}

/** A time in milliseconds since the epoch, or null. ERR_ARGUMENT. */
export function expiryOf(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new ShmTableError(
    'ERR_ARGUMENT',
    `expiresAt must be null or an integer of milliseconds since the epoch, got ${show(value)}`,
  );
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** ERR_ARGUMENT for ill-formed UTF-8. */
export function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new ShmTableError('ERR_ARGUMENT', 'it is not well-formed UTF-8');
  }
}
