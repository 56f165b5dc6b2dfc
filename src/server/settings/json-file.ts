/** Reads a JSON file that the settings name. */
import { readFileSync } from 'node:fs';
import { ShmTableError } from '../../errors.js';

/** The value in a file; ERR_ARGUMENT says which `subject` it was to be, and names the file. */
export function readJsonFile(subject: string, file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ShmTableError('ERR_ARGUMENT', `${subject} ${file}: ${messageOf(error)}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own message quotes the text, which may be a secret in the wrong place.
    const where = /at position \d+|Unexpected end/.exec(messageOf(error))?.[0] ?? '';
    throw new ShmTableError('ERR_ARGUMENT', `${subject} ${file} is not JSON${where === '' ? '' : `: ${where}`}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
