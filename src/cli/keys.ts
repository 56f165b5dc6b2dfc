import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import type { ClusterTable } from '../cluster/cluster-table.js';
import type { Table } from '../table/table.js';
import type { Columns, ScanPage } from '../table/types.js';
import { withTable } from './either-table.js';
import { addEitherCommand, type TableFlags } from './table-command.js';

interface KeysFlags extends TableFlags {
  readonly prefix?: string;
}

const KEYS_OF_PAGE = 1000;
/** Characters that would break a line, control a terminal, or be mistaken for a quoted key. */
const NEEDS_QUOTES = /^"|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** `shmtable keys TABLE` */
export function addKeys(program: Command): void {
  addEitherCommand(program, 'keys', 'print the keys of all rows, one per line; others may write meanwhile')
    .option('--prefix <text>', 'only keys that begin with this')
    .addHelpText(
      'after',
      '\nA key with a control character is printed as a JSON string; with --json every key is. The order is unspecified.',
    )
    .action(async (name: string, flags: KeysFlags) => {
      const print = (table: Table<Columns> | ClusterTable<Columns>): Promise<void> =>
        // Page by page, as fast as the output is read.
        pipeline(linesOf(table, flags), process.stdout, { end: false });
      await withTable(name, flags, { readOnly: true, shared: print, cluster: print });
    });
}

async function* linesOf(
  table: Table<Columns> | ClusterTable<Columns>,
  { prefix, json = false }: KeysFlags,
): AsyncGenerator<string> {
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page: ScanPage<Columns, string> = await table.scan({ cursor, limit: KEYS_OF_PAGE, prefix, columns: [] });
    const text = page.entries
      .map(({ key }) => `${json || NEEDS_QUOTES.test(key) ? JSON.stringify(key) : key}\n`)
      .join('');
    // An empty string would end the stream.
    if (text !== '') yield text;
    cursor = page.cursor;
  }
}
