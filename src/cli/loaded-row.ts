/** A row as `load` reads it from a line, whatever the form of the file, and errors that name the line. */
import { ShmTableError } from '../errors.js';
import type { RowLine } from '../json/row-line.js';

export interface LoadedRow extends RowLine {
  /** Its line, counted from 1. */
  readonly line: number;
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
