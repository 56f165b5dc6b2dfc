/** Writes the rows of a table into a file, as the service sends them. */
import { send } from '../client/api.js';
import { linesOf } from '../client/lines.js';
import { tablePath } from '../client/paths.js';
import { formatBytes } from '../formats.js';
import { csvHeader, csvOfLine } from './csv-rows.js';
import type { FileWriter } from './save-file.js';
import type { TableDescription } from './table-description.js';

export interface DownloadWanted {
  readonly table: TableDescription;
  readonly format: 'ndjson' | 'csv';
  readonly prefix: string;
  /** Undefined for all. */
  readonly columns: readonly string[] | undefined;
}

/** Characters that are collected before they are written. */
const PIECE = 1 << 18;

/** Yields the number of rows so far. A file that is not complete is not left behind. */
export async function* downloadRows(
  { table, format, prefix, columns }: DownloadWanted,
  file: FileWriter,
  signal: AbortSignal,
): AsyncGenerator<number, number> {
  const names = columns ?? Object.keys(table.columns);
  let rows = 0;
  let characters = 0;
  try {
    const response = await send(`${tablePath(table.name)}/rows`, {
      query: { prefix: prefix === '' ? undefined : prefix, columns: columns?.join(',') },
      headers: { Accept: 'application/x-ndjson' },
      signal,
    });
    let piece = format === 'csv' ? csvHeader(names).text : '';
    for await (const line of linesOf(response.body ?? new ReadableStream())) {
      piece += format === 'csv' ? csvOfLine(line, names, table.columns) : `${line}\n`;
      rows++;
      if (piece.length < PIECE) continue;
      characters += piece.length;
      if (file.maxBytes !== undefined && characters > file.maxBytes) {
        throw new Error(
          `this browser holds a file in memory until it is complete, so it may have at most ${formatBytes(file.maxBytes)}; choose fewer rows or columns, or use curl`,
        );
      }
      await file.write(piece);
      piece = '';
      yield rows;
    }
    await file.write(piece);
    await file.close();
    return rows;
  } catch (error) {
    await file.abort().catch(() => undefined);
    throw error;
  }
}
