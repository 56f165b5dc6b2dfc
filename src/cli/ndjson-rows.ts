/** Rows of newline-delimited JSON: a line is `{ key, row, expiresAt }`, as `dump` writes it. */
import { ShmTableError, show } from '../errors.js';
import type { TableCodec } from '../json/table-codec.js';
import { atLine, expiryOf, type LoadedRow, lineError, MAX_LINE_BYTES, textOf } from './loaded-row.js';

const NEWLINE = 0x0a;
/** `revision`, which the service's envelopes also have, is ignored: a row that is written gets a new one. */
const MEMBERS: ReadonlySet<string> = new Set(['key', 'row', 'expiresAt', 'revision']);

/** Empty lines are counted and skipped. Throws with the line's number. */
export async function* ndjsonRows(chunks: AsyncIterable<Uint8Array>, codec: TableCodec): AsyncGenerator<LoadedRow> {
  let line = 0;
  for await (const bytes of splitLines(chunks)) {
    line++;
    const row = atLine(line, () => parseLine(line, textOf(bytes), codec));
    if (row !== undefined) yield row;
  }
}

/**
 * Splits only at newlines, and before anything is decoded: JSON text may contain U+2028, where readline would split
 * too, and ill-formed UTF-8 must be reported with its line.
 */
async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let lines = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const rest = chunk.subarray(start, end);
      yield pendingBytes === 0 ? rest : Buffer.concat([...pending, rest]);
      lines++;
      pending = [];
      pendingBytes = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    pending.push(chunk.subarray(start));
    pendingBytes += chunk.length - start;
    if (pendingBytes > MAX_LINE_BYTES) throw lineError(lines + 1, `it has more than ${MAX_LINE_BYTES} bytes`);
  }
  if (pendingBytes > 0) yield Buffer.concat(pending);
}

function parseLine(line: number, text: string, codec: TableCodec): LoadedRow | undefined {
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ShmTableError('ERR_ARGUMENT', `it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (!isObject(value))
    throw new ShmTableError('ERR_ARGUMENT', `must be an object { key, row, expiresAt }, got ${show(value)}`);
  const unknown = Object.keys(value).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) {
    throw new ShmTableError('ERR_ARGUMENT', `must have only the members key, row and expiresAt, got ${show(unknown)}`);
  }
  const { key, row, expiresAt }: { key?: unknown; row?: unknown; expiresAt?: unknown } = value;
  if (typeof key !== 'string') throw new ShmTableError('ERR_ARGUMENT', `key must be a string, got ${show(key)}`);
  if (!isObject(row)) throw new ShmTableError('ERR_ARGUMENT', `row must be an object, got ${show(row)}`);
  return { line, key, row: codec.decode(row, 'refused'), expiresAt: expiryOf(expiresAt) };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
