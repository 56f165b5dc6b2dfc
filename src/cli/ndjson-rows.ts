/** Rows of newline-delimited JSON: a line is `{ key, row, expiresAt }`, as `dump` writes it. */
import { parseRowLine } from '../json/row-line.js';
import type { TableCodec } from '../json/table-codec.js';
import { atLine, type LoadedRow, lineError, MAX_LINE_BYTES } from './loaded-row.js';

const NEWLINE = 0x0a;

/** Empty lines are counted and skipped. Throws with the line's number. */
export async function* ndjsonRows(chunks: AsyncIterable<Uint8Array>, codec: TableCodec): AsyncGenerator<LoadedRow> {
  let line = 0;
  for await (const bytes of splitLines(chunks)) {
    line++;
    const row = atLine(line, () => parseRowLine(bytes, codec));
    if (row !== undefined) yield { line, ...row };
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
