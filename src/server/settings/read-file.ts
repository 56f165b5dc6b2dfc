/** Reads the files that the settings name. */
import { readFileSync } from 'node:fs';
import { ShmTableError } from '../../errors.js';

/** The bytes of a file; ERR_ARGUMENT says what it was to be (`subject`), and names the file. */
export function readNamedFile(subject: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ShmTableError('ERR_ARGUMENT', `${subject} ${file}: ${error instanceof Error ? error.message : error}`);
  }
}

/** The value in a JSON file; ERR_ARGUMENT as above. */
export function readJsonFile(subject: string, file: string): unknown {
  const text = readNamedFile(subject, file).toString();
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own message quotes the text, which may be a secret in the wrong place.
    const where = /at position \d+|Unexpected end/.exec(String(error))?.[0];
    throw new ShmTableError('ERR_ARGUMENT', `${subject} ${file} is not JSON${where === undefined ? '' : `: ${where}`}`);
  }
}
