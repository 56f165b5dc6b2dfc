/** A file of rows in batches of lines, each of which is one request: so a request is short, and can be repeated. */
import { CsvReader, type CsvRecord } from './csv-records.js';
import { type Columns, type CsvRoles, headerProblem, lineOfRecord } from './csv-rows.js';

/** Bytes or characters after which a batch is full. */
const BATCH_SIZE = 1 << 20;
/** A file is read in pieces of this many bytes. */
const PIECE_BYTES = 1 << 18;
/** A longer line cannot be a row that the service takes. */
const MAX_LINE_BYTES = 2 ** 28;
const LINE_FEED = 0x0a;
/** White space before the first row, and a byte order mark. */
const BLANK = /^[\s\ufeff]*$/;

export interface FailedLine {
  readonly line: number;
  readonly problem: string;
}

export interface UploadBatch {
  readonly body: Blob | string;
  /** Lines of the file, for each line of the body. */
  readonly lineOf: (bodyLine: number) => number;
  /** Records that are not sent, because they are malformed. */
  readonly failed: readonly FailedLine[];
  /** Bytes of the file that were read up to the end of this batch. */
  readonly bytes: number;
}

/** Whether a file has rows in lines of JSON; otherwise it is CSV, which begins with the name of a column. */
export async function isNdjson(file: Blob): Promise<boolean> {
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    const text = await file.slice(at, at + PIECE_BYTES).text();
    if (!BLANK.test(text)) return /^[\s\ufeff]*[{[]/.test(text);
  }
  return true;
}

/** Batches of whole lines, as they are in the file: the service checks them. */
export async function* ndjsonBatches(file: Blob): AsyncGenerator<UploadBatch> {
  let line = 1;
  for (let from = 0; from < file.size; ) {
    const to = await endOfLines(file, from, line);
    const body = file.slice(from, to);
    const first = line;
    line += await linesIn(body);
    yield { body, lineOf: (bodyLine) => first + bodyLine - 1, failed: [], bytes: to };
    from = to;
  }
}

/** Where the batch from this position ends: after the last line that ends within its size, or after the first. */
async function endOfLines(file: Blob, from: number, line: number): Promise<number> {
  let end = Math.min(from + BATCH_SIZE, file.size);
  if (end === file.size) return end;
  const batch = new Uint8Array(await file.slice(from, end).arrayBuffer());
  const last = batch.lastIndexOf(LINE_FEED);
  if (last >= 0) return from + last + 1;
  while (end < file.size) {
    if (end - from > MAX_LINE_BYTES) throw new Error(`line ${line} has more than ${MAX_LINE_BYTES} bytes`);
    const piece = new Uint8Array(await file.slice(end, end + PIECE_BYTES).arrayBuffer());
    const at = piece.indexOf(LINE_FEED);
    if (at >= 0) return end + at + 1;
    end += piece.length;
  }
  return end;
}

async function linesIn(body: Blob): Promise<number> {
  const bytes = new Uint8Array(await body.arrayBuffer());
  let lines = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines++;
  return lines;
}

/** The names in the first line of a CSV file. */
export async function csvHeaderOf(file: Blob): Promise<readonly string[]> {
  for await (const { records } of csvPieces(file)) if (records.length > 0) return records[0].cells;
  return [];
}

/** Batches of the lines of JSON that the records of a CSV file mean. */
export async function* csvBatches(file: Blob, roles: CsvRoles, columns: Columns): AsyncGenerator<UploadBatch> {
  let header: readonly string[] | undefined;
  let lines: string[] = [];
  let numbers: number[] = [];
  let failed: FailedLine[] = [];
  let size = 0;
  let bytes = 0;
  const batch = (): UploadBatch => {
    const lineNumbers = numbers;
    const made = { body: lines.join(''), lineOf: (i: number) => lineNumbers[i - 1], failed, bytes };
    [lines, numbers, failed, size] = [[], [], [], 0];
    return made;
  };
  for await (const piece of csvPieces(file)) {
    bytes = piece.bytes;
    for (const record of piece.records) {
      if (header === undefined) {
        header = record.cells;
        const problem = record.problem ?? headerProblem(header, roles, columns);
        if (problem !== undefined) throw new Error(`line ${record.line}: ${problem}`);
        continue;
      }
      const { line, problem } = { problem: undefined, ...lineOfRecord(record, header, roles, columns) };
      if (line === undefined) {
        failed.push({ line: record.line, problem: problem ?? '' });
        continue;
      }
      lines.push(`${line}\n`);
      numbers.push(record.line);
      size += line.length;
      if (size >= BATCH_SIZE) yield batch();
    }
  }
  if (lines.length > 0 || failed.length > 0) yield batch();
}

async function* csvPieces(file: Blob): AsyncGenerator<{ records: CsvRecord[]; bytes: number }> {
  const reader = new CsvReader();
  // The mark at the beginning is the reader's to skip. Ill-formed text would be stored as other text.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    const piece = await file.slice(at, at + PIECE_BYTES).arrayBuffer();
    const bytes = Math.min(at + PIECE_BYTES, file.size);
    let text: string;
    try {
      text = decoder.decode(piece, { stream: bytes < file.size });
    } catch {
      throw new Error(`the file is not well-formed UTF-8 between its bytes ${at} and ${bytes}`);
    }
    yield { records: reader.read(text), bytes };
  }
  const last = reader.end();
  if (last !== undefined) yield { records: [last], bytes: file.size };
}
