/**
 * Rows of CSV (RFC 4180): the header names the columns, `key`, and, if there is one, `expiresAt`. Cells are as in the
 * JSON of a row without its quotes; an empty one leaves its column at zero, false or empty.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parse } from 'csv-parse';
import { ShmTableError } from '../errors.js';
import type { ColumnCodec } from '../server/column-codec.js';
import type { TableCodec } from '../server/table-codec.js';
import { show } from '../table/schema.js';
import { atLine, expiryOf, type LoadedRow, lineError, MAX_LINE_BYTES, textOf } from './loaded-row.js';

const KEY = 'key';
const EXPIRY = 'expiresAt';
const NUMBER = /^-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;

/** As csv-parse gives it with `info`, without an encoding. */
interface CsvRecord {
  readonly record: readonly Uint8Array[];
  /** `lines`: that on which the record ends. */
  readonly info: { readonly lines: number };
}

/** Throws with the number of the line on which the record ends, after all rows before it. */
export async function* csvRows(chunks: AsyncIterable<Uint8Array>, codec: TableCodec): AsyncGenerator<LoadedRow> {
  let malformed: { readonly line: number; readonly message: string } | undefined;
  const parser = parse({
    // Bytes, not text: the parser would put U+FFFD in the place of ill-formed UTF-8.
    encoding: null,
    info: true,
    skip_empty_lines: true,
    max_record_size: MAX_LINE_BYTES,
    // The parser runs ahead: stopped at once, it would lose the records that nobody has taken yet.
    skip_records_with_error: true,
    on_skip: (error) => {
      // Behind the comma come bytes, printed as an object.
      malformed ??= { line: Number(error?.lines), message: `${error?.message.replace(/, value is .*/, '')}` };
    },
  });
  // When reading fails, the loop below fails with it.
  pipeline(Readable.from(chunks), parser).catch(() => undefined);
  const records: AsyncIterable<CsvRecord> = parser;
  let header: readonly string[] | undefined;
  for await (const { record, info } of records) {
    if (malformed !== undefined && info.lines >= malformed.line) break;
    const cells = atLine(info.lines, () => record.map(textOf));
    if (header === undefined) header = atLine(info.lines, () => checkHeader(cells, codec));
    else yield rowOf(info.lines, header, cells, codec);
  }
  if (malformed !== undefined) throw lineError(malformed.line, malformed.message);
}

function checkHeader(names: readonly string[], codec: TableCodec): readonly string[] {
  if (!names.includes(KEY)) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `${show(names.join(','))} is neither a JSON object nor the header of a CSV file with a column key`,
    );
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ShmTableError('ERR_ARGUMENT', `the header names ${show(twice)} twice`);
  for (const name of names) if (name !== KEY && name !== EXPIRY) codec.column(name);
  return names;
}

function rowOf(line: number, header: readonly string[], cells: readonly string[], codec: TableCodec): LoadedRow {
  return atLine(line, () => {
    let key = '';
    let expiresAt: number | null = null;
    const row: LoadedRow['row'] = {};
    header.forEach((name, i) => {
      const cell = cells[i];
      if (name === KEY) key = cell;
      else if (cell === '') return;
      else if (name === EXPIRY) expiresAt = expiryOf(numberIn(cell));
      else row[name] = codec.column(name).decode(jsonOf(cell, codec.column(name)));
    });
    return { line, key, row, expiresAt };
  });
}

/** What stands in a cell, as the JSON of a row has it; what fits no JSON stays text, which the column then refuses. */
function jsonOf(cell: string, { type, zero }: ColumnCodec): unknown {
  if (type === 'boolean') return cell === 'true' || (cell === 'false' ? false : cell);
  return typeof zero === 'number' ? numberIn(cell) : cell;
}

function numberIn(cell: string): unknown {
  return NUMBER.test(cell) ? Number(cell) : cell;
}
