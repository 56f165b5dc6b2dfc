/** Reads the files that the settings name. */
import { readFileSync } from 'node:fs';
import { ShmTableError } from '../../errors.js';

/**
 * Returns the bytes of a file.
 *
 * @param subject what the file is for, as the error message names it
 * @throws {ShmTableError} ERR_ARGUMENT when the file cannot be read
 */
export function readNamedFile(subject: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ShmTableError('ERR_ARGUMENT', `${subject} ${file}: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * Returns the value in a JSON file.
 *
 * @param subject what the file is for, as the error message names it
 * @throws {ShmTableError} ERR_ARGUMENT when the file cannot be read or is not JSON
 */
export function readJsonFile(subject: string, file: string): unknown {
  const text = readNamedFile(subject, file).toString();
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own message quotes the text, which may be a misplaced secret.
    const where = /at position \d+|Unexpected end/.exec(String(error))?.[0];
    throw new ShmTableError('ERR_ARGUMENT', `${subject} ${file} is not JSON${where === undefined ? '' : `: ${where}`}`);
  }
}
