import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import type { Table } from '../table/table.js';
import type { Columns } from '../table/types.js';
import { addTableCommand, openTable, type TableFlags } from './table-command.js';

interface KeysFlags extends TableFlags {
  readonly prefix?: string;
}

const KEYS_OF_PAGE = 1000;
/** Characters that would break a line, control a terminal, or be mistaken for a quoted key. */
const NEEDS_QUOTES = /^"|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** `shmtable keys TABLE` */
export function addKeys(program: Command): void {
  addTableCommand(program, 'keys', 'print the keys of all rows, one per line; others may write meanwhile')
    .option('--prefix <text>', 'only keys that begin with this')
    .addHelpText(
      'after',
      '\nA key with a control character is printed as a JSON string; with --json every key is. The order is unspecified.',
    )
    .action(async (name: string, flags: KeysFlags) => {
      using table = openTable(name, flags, true);
      // Page by page, as fast as the output is read.
      await pipeline(linesOf(table, flags), process.stdout, { end: false });
    });
}

function* linesOf(table: Table<Columns>, { prefix, json = false }: KeysFlags): Generator<string> {
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page: ReturnType<typeof table.scan> = table.scan({ cursor, limit: KEYS_OF_PAGE, prefix, columns: [] });
    const text = page.entries
      .map(({ key }) => `${json || NEEDS_QUOTES.test(key) ? JSON.stringify(key) : key}\n`)
      .join('');
    // An empty string would end the stream.
    if (text !== '') yield text;
    cursor = page.cursor;
  }
}
