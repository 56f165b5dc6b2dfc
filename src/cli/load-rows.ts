/** Writes the rows on standard input for `shmtable load`. */
import { ShmTableError } from '../errors.js';
import { TableCodec } from '../json/table-codec.js';
import { wallTimeMs } from '../memory/index.js';
import { engineOf } from '../table/engine.js';
import type { Table } from '../table/table.js';
import type { Columns } from '../table/types.js';
import { type CsvColumns, csvRows } from './csv-rows.js';
import { LoadProgress } from './load-progress.js';
import { atLine, type LoadedRow } from './loaded-row.js';
import { ndjsonRows } from './ndjson-rows.js';

/** `{` begins a line of JSON; `[` is invalid, but certainly meant as JSON. */
const JSON_BEGINS: readonly (number | undefined)[] = [0x7b, 0x5b];
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d, ...BYTE_ORDER_MARK]);

interface LoadCounts {
  loaded: number;
  /** Rows that had expired and were skipped. */
  expired: number;
}

/** Writes the rows on standard input until the first invalid line, whose error says how many were written before it. */
export async function loadRows(table: Table<Columns>, csv: CsvColumns): Promise<LoadCounts> {
  const counts: LoadCounts = { loaded: 0, expired: 0 };
  const progress = new LoadProgress(process.stdin.fd);
  try {
    await load(table, csv, progress, counts);
    return counts;
  } catch (error) {
    if (!(error instanceof ShmTableError)) throw error;
    throw new ShmTableError(error.code, `${error.message}; ${counts.loaded} rows before it are loaded`, {
      cause: error,
    });
  } finally {
    progress.stop();
  }
}

async function load(table: Table<Columns>, csv: CsvColumns, progress: LoadProgress, counts: LoadCounts): Promise<void> {
  const codec = new TableCodec(table.name, table.columns);
  const engine = engineOf(table);
  for await (const { line, key, row, expiresAt } of readRows(progress.count(process.stdin), codec, csv)) {
    if (expiresAt !== null && expiresAt <= wallTimeMs()) {
      counts.expired++;
      continue;
    }
    atLine(line, () => engine.write('put', key, row, { expiresAt }));
    counts.loaded++;
    progress.addRow();
  }
}

/** CSV begins with the name of a column; JSON cannot. */
async function* readRows(
  chunks: AsyncGenerator<Uint8Array>,
  codec: TableCodec,
  csv: CsvColumns,
): AsyncGenerator<LoadedRow> {
  let head: Uint8Array = new Uint8Array(0);
  while (head.every((byte) => BLANKS.has(byte))) {
    const { value, done } = await chunks.next();
    if (done) return;
    head = Buffer.concat([head, value]);
  }
  if (BYTE_ORDER_MARK.every((byte, i) => head[i] === byte)) head = head.subarray(BYTE_ORDER_MARK.length);
  async function* all(): AsyncGenerator<Uint8Array> {
    yield head;
    yield* chunks;
  }
  const begins = head.find((byte) => !BLANKS.has(byte));
  yield* JSON_BEGINS.includes(begins) ? ndjsonRows(all(), codec) : csvRows(all(), codec, csv);
}
