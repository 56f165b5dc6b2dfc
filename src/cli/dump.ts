import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { ClusterScan } from '../cluster/cluster-scan.js';
import { type ClusterTable, clusterRowsOf } from '../cluster/cluster-table.js';
import { TableCodec } from '../json/table-codec.js';
import { engineOf } from '../table/engine.js';
import type { Table } from '../table/table.js';
import type { Columns, ScanPage } from '../table/types.js';
import { withTable } from './either-table.js';
import { addEitherCommand, type TableFlags } from './table-command.js';

/** Maximum bytes of rows in memory at once, unless a single row is larger. */
const PAGE_BYTES = 1 << 20;
const MAX_ROWS_PER_PAGE = 1000;

type Page = ScanPage<Columns, string>;

/** `shmtable dump TABLE > rows.ndjson` */
export function addDump(program: Command): void {
  addEitherCommand(
    program,
    'dump',
    'print all rows, one JSON object { key, row, expiresAt } per line; others may write meanwhile',
  ).action(async (name: string, flags: TableFlags) => {
    // Page by page, as fast as the output is read.
    const print = (
      pages: Iterable<Page> | AsyncIterable<Page>,
      { columns }: { readonly columns: Columns },
    ): Promise<void> => pipeline(textsOf(pages, new TableCodec(name, columns)), process.stdout, { end: false });
    await withTable(name, flags, {
      readOnly: true,
      shared: (table) => print(pagesOf(table), table),
      cluster: (table) => print(clusterPagesOf(table), table),
    });
  });
}

function* pagesOf(table: Table<Columns>): Generator<Page> {
  const engine = engineOf(table);
  const { bytes, capacity, heap } = table.stats();
  const rowBytes = (bytes - (heap?.bytes ?? 0)) / capacity;
  const limit = Math.min(MAX_ROWS_PER_PAGE, Math.ceil(PAGE_BYTES / rowBytes));
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page: Page = engine.storedPage({ cursor, limit }, PAGE_BYTES);
    yield page;
    cursor = page.cursor;
  }
}

async function* clusterPagesOf(table: ClusterTable<Columns>): AsyncGenerator<Page> {
  const scanned = { rows: clusterRowsOf(table), assertOpen: () => undefined };
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page: Page = await new ClusterScan(scanned, { cursor, limit: MAX_ROWS_PER_PAGE }, { form: 'stored' });
    yield page;
    cursor = page.cursor;
  }
}

async function* textsOf(pages: Iterable<Page> | AsyncIterable<Page>, codec: TableCodec): AsyncGenerator<string> {
  for await (const page of pages) {
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
  }
}
