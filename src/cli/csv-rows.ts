/**
 * Rows of CSV (RFC 4180): the header names the columns, including that of the key and, if there is one, that of the
 * expiry. Lines end with LF, CR LF or CR, even mixed in one file. A cell is a JSON value without its quotes; an empty
 * cell sets its column to zero, false or empty.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CsvError, parse } from 'csv-parse';
import { ShmTableError, show } from '../errors.js';
import type { ColumnCodec } from '../json/column-codec.js';
import { expiryOf, lineText } from '../json/row-line.js';
import type { TableCodec } from '../json/table-codec.js';
import { numberIn } from '../table/column-types/json-text.js';
import { CSV_COLUMNS } from './csv-columns.js';
import { atLine, type LoadedRow, lineError, MAX_LINE_BYTES } from './loaded-row.js';

const QUOTE = 0x22;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const LINE_ENDS = ['\r\n', '\n', '\r'];

/** The columns of the file that are not columns of the table. */
export interface CsvColumns {
  /** Default: `key`. */
  readonly key?: string | undefined;
  /** Default: `expiresAt`; false: none. */
  readonly expires?: string | false | undefined;
}

/** The positions of key, expiry and columns in the header. */
interface CsvHeader {
  readonly key: number;
  readonly expires: number | undefined;
  readonly columns: readonly (ColumnCodec | undefined)[];
}

/** A record as csv-parse returns it with `info` and without an encoding. */
interface CsvRecord {
  readonly record: readonly Uint8Array[];
  /** `lines` is the number of the line on which the record ends. */
  readonly info: { readonly lines: number };
}

/** Throws with the number of the line on which the record ends, after all rows before it. */
export async function* csvRows(
  chunks: AsyncIterable<Uint8Array>,
  codec: TableCodec,
  names: CsvColumns = {},
): AsyncGenerator<LoadedRow> {
  const quotes = new QuoteLines();
  let malformed: { readonly line: number; readonly message: string } | undefined;
  const parser = parse({
    // Bytes, not text: the parser would replace ill-formed UTF-8 with U+FFFD.
    encoding: null,
    info: true,
    // If the parser detected line ends itself, it would expect that of the first line everywhere.
    record_delimiter: LINE_ENDS,
    skip_empty_lines: true,
    max_record_size: MAX_LINE_BYTES,
    // The parser reads ahead: if it were stopped immediately, the records that have not been consumed would be lost.
    skip_records_with_error: true,
    on_skip: (error) => {
      malformed ??= describeError(error, quotes);
    },
  });
  // When reading fails, the loop below fails with it.
  pipeline(Readable.from(quotes.follow(chunks)), parser).catch(() => undefined);
  const records: AsyncIterable<CsvRecord> = parser;
  let header: CsvHeader | undefined;
  for await (const { record, info } of records) {
    if (malformed !== undefined && info.lines >= malformed.line) break;
    const cells = atLine(info.lines, () => record.map(lineText));
    if (header === undefined) header = atLine(info.lines, () => readHeader(cells, codec, names));
    else yield rowOf(info.lines, header, cells);
  }
  if (malformed !== undefined) throw lineError(malformed.line, malformed.message);
}

function describeError(error: CsvError | undefined, quotes: QuoteLines): { line: number; message: string } {
  if (error?.code === 'CSV_QUOTE_NOT_CLOSED') {
    return { line: quotes.openedAt, message: 'the quote that opens here is not closed' };
  }
  // The part of the message after the comma shows bytes printed as an object.
  return { line: Number(error?.lines), message: `${error?.message.replace(/, value is .*/, '')}` };
}

function readHeader(names: readonly string[], codec: TableCodec, wanted: CsvColumns): CsvHeader {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ShmTableError('ERR_ARGUMENT', `the header names ${show(twice)} twice`);
  const key = find(names, codec, 'key', wanted.key);
  if (key === undefined) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `${show(names.join(','))} is neither a JSON object nor the header of a CSV file with a column ${wanted.key ?? CSV_COLUMNS.key} (--key-column)`,
    );
  }
  const expires = wanted.expires === false ? undefined : find(names, codec, 'expires', wanted.expires);
  if (typeof wanted.expires === 'string' && expires === undefined) {
    throw new ShmTableError('ERR_ARGUMENT', `the header names no column ${show(wanted.expires)} (--expires-column)`);
  }
  const columns = names.map((name, i) =>
    (i === key || i === expires) && !codec.has(name) ? undefined : codec.column(name),
  );
  return { key, expires, columns };
}

/**
 * The position of the key or the expiry in the header. If an option gives the name, the table may have a column of that
 * name too, and the cell fills both. If the table has a column of the default name, it is ambiguous which of the two is
 * meant.
 */
function find(
  names: readonly string[],
  codec: TableCodec,
  what: keyof typeof CSV_COLUMNS,
  wanted: string | undefined,
): number | undefined {
  const name = wanted ?? CSV_COLUMNS[what];
  const at = names.indexOf(name);
  if (at < 0) return undefined;
  if (wanted === undefined && codec.has(name)) {
    const otherwise = what === 'key' ? '' : ', or --no-expires-column if it is only the column';
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `the header's ${name} may be the column ${name} of the table or the row's ${what === 'key' ? 'key' : 'expiry'}: ` +
        `say which column of the file is that with --${what}-column NAME${otherwise}`,
    );
  }
  return at;
}

function rowOf(line: number, { key, expires, columns }: CsvHeader, cells: readonly string[]): LoadedRow {
  return atLine(line, () => {
    const row: LoadedRow['row'] = {};
    columns.forEach((column, i) => {
      if (column !== undefined && cells[i] !== '') row[column.name] = column.decode(column.ofText(cells[i]));
    });
    const expiry = expires === undefined ? '' : cells[expires];
    return { line, key: cells[key], row, expiresAt: expiryOf(expiry === '' ? null : numberIn(expiry)) };
  });
}

/** Tracks quotes in a file on its way to the parser, which reports an unclosed quote with the last line of the file. */
class QuoteLines {
  /** The line of the quote that is open, or was open last. */
  openedAt = 1;
  #line = 1;
  #open = false;
  #afterCarriageReturn = false;

  async *follow(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#read(chunk);
      yield chunk;
    }
  }

  #read(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (byte === CARRIAGE_RETURN || (byte === LINE_FEED && !this.#afterCarriageReturn)) this.#line++;
      this.#afterCarriageReturn = byte === CARRIAGE_RETURN;
      if (byte !== QUOTE) continue;
      this.#open = !this.#open;
      if (this.#open) this.openedAt = this.#line;
    }
  }
}
