import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { TableCodec } from '../json/table-codec.js';
import { engineOf } from '../table/engine.js';
import type { Table } from '../table/table.js';
import type { Columns } from '../table/types.js';
import { addTableCommand, openTable, type TableFlags } from './table-command.js';

/** Maximum bytes of rows in memory at once, unless a single row is larger. */
const PAGE_BYTES = 1 << 20;
const MAX_ROWS_PER_PAGE = 1000;

/** `shmtable dump TABLE > rows.ndjson` */
export function addDump(program: Command): void {
  addTableCommand(
    program,
    'dump',
    'print all rows, one JSON object { key, row, expiresAt } per line; others may write meanwhile',
  ).action(async (name: string, flags: TableFlags) => {
    using table = openTable(name, flags, true);
    // Page by page, as fast as the output is read.
    await pipeline(pagesOf(table), process.stdout, { end: false });
  });
}

function* pagesOf(table: Table<Columns>): Generator<string> {
  const codec = new TableCodec(table.name, table.columns);
  const engine = engineOf(table);
  const { bytes, capacity, heap } = table.stats();
  const rowBytes = (bytes - (heap?.bytes ?? 0)) / capacity;
  const limit = Math.min(MAX_ROWS_PER_PAGE, Math.ceil(PAGE_BYTES / rowBytes));
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page: ReturnType<typeof table.scan> = engine.storedPage({ cursor, limit }, PAGE_BYTES);
    let text = '';
    for (const entry of page.entries) {
      const line = codec.writeLine(entry);
      // A long line is printed by itself: together they could be longer than a string can be.
      if (text !== '' && text.length + line.length > PAGE_BYTES) {
        yield text;
        text = '';
      }
      text += line;
    }
    // An empty string would end the stream.
    if (text !== '') yield text;
    cursor = page.cursor;
  }
}
