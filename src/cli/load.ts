import type { Command } from 'commander';
import { CSV_COLUMNS } from './csv-columns.js';
import { withTable } from './either-table.js';
import { printJson } from './output.js';
import { addEitherCommand, type TableFlags } from './table-command.js';

interface LoadFlags extends TableFlags {
  readonly keyColumn?: string;
  /** False with `--no-expires-column`. */
  readonly expiresColumn?: string | false;
}

/** `shmtable load TABLE < rows.ndjson`, or a CSV file. */
export function addLoad(program: Command): void {
  addEitherCommand(program, 'load', 'write rows from standard input: lines as printed by dump, or CSV')
    .option('--key-column <name>', `column of a CSV file with the keys (default: ${CSV_COLUMNS.key})`)
    .option(
      '--expires-column <name>',
      `column of a CSV file with the expiries (default: ${CSV_COLUMNS.expires}, if it exists)`,
    )
    .option('--no-expires-column', 'the CSV file has no expiries')
    .addHelpText(
      'after',
      '\nCSV has a header with a column for the key and, optionally, one for the expiry; the table may have a column of the\n' +
        'same name if an option names it. A row replaces the one with its key. At the\n' +
        'first invalid line the command fails and names the line; the rows before it stay in the table.',
    )
    .action(async (name: string, flags: LoadFlags) => {
      // Loaded only for this command, with the parsers and the progress bar.
      const { clusterWriterOf, loadRows, writerOf } = await import('./load-rows.js');
      const csv = { key: flags.keyColumn, expires: flags.expiresColumn };
      const counts = await withTable(name, flags, {
        readOnly: false,
        shared: (table) => loadRows(table, writerOf(table), csv),
        cluster: (table) => loadRows(table, clusterWriterOf(table), csv),
      });
      if (flags.json) printJson({ name, ...counts });
      else process.stdout.write(`${name}: ${counts.loaded} rows loaded, ${counts.expired} expired rows skipped\n`);
    });
}
