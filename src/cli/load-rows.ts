/** Writes the rows on standard input for `shmtable load`. */
import { type ClusterTable, clusterRowsOf } from '../cluster/cluster-table.js';
import { ShmTableError } from '../errors.js';
import { TableCodec } from '../json/table-codec.js';
import { wallTimeMs } from '../memory/index.js';
import { engineOf } from '../table/engine.js';
import type { Table } from '../table/table.js';
import type { Columns } from '../table/types.js';
import { type CsvColumns, csvRows } from './csv-rows.js';
import { LoadProgress } from './load-progress.js';
import { atLine, type LoadedRow, lineError } from './loaded-row.js';
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

/** Rows of a table in a cluster that are written at the same time. */
const ROWS_AT_ONCE = 512;

/** Writes a row. Throws what is wrong with it; what else fails, a promise may reject with. */
type WriteRow = (row: LoadedRow) => Promise<unknown> | undefined;

/** Writes to a table in shared memory. */
export function writerOf(table: Table<Columns>): WriteRow {
  const engine = engineOf(table);
  return ({ key, row, expiresAt }) => {
    engine.write('put', key, row, { expiresAt });
    return undefined;
  };
}

/** Writes to a table in a cluster. */
export function clusterWriterOf(table: ClusterTable<Columns>): WriteRow {
  const rows = clusterRowsOf(table);
  return ({ key, row, expiresAt }) => {
    rows.wireKey(key);
    rows.fields.encode(row);
    return rows.write('put', key, row, { expiresAt });
  };
}

/** Writes the rows on standard input until the first invalid line, whose error says how many were written. */
export async function loadRows(
  { name, columns }: { readonly name: string; readonly columns: Columns },
  write: WriteRow,
  csv: CsvColumns,
): Promise<LoadCounts> {
  const counts: LoadCounts = { loaded: 0, expired: 0 };
  const progress = new LoadProgress(process.stdin.fd);
  try {
    await load(new TableCodec(name, columns), write, csv, progress, counts);
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

async function load(
  codec: TableCodec,
  write: WriteRow,
  csv: CsvColumns,
  progress: LoadProgress,
  counts: LoadCounts,
): Promise<void> {
  const written = (): void => {
    counts.loaded++;
    progress.addRow();
  };
  /** Each resolves, to the error if it failed. */
  const underWay: Promise<unknown>[] = [];
  try {
    for await (const row of readRows(progress.count(process.stdin), codec, csv)) {
      if (row.expiresAt !== null && row.expiresAt <= wallTimeMs()) {
        counts.expired++;
        continue;
      }
      const writing = atLine(row.line, () => write(row));
      if (writing === undefined) {
        written();
        continue;
      }
      underWay.push(writing.then(written, (error) => failureAt(row.line, error)));
      if (underWay.length >= ROWS_AT_ONCE) await allDone(underWay.splice(0));
    }
  } catch (error) {
    // Those before the line are counted.
    await Promise.all(underWay);
    throw error;
  }
  await allDone(underWay);
}

function failureAt(line: number, error: unknown): unknown {
  return error instanceof ShmTableError ? lineError(line, error.message, error) : error;
}

/** Waits for all, and throws the first error. */
async function allDone(underWay: readonly Promise<unknown>[]): Promise<void> {
  const failure = (await Promise.all(underWay)).find((result) => result !== undefined);
  if (failure !== undefined) throw failure;
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
