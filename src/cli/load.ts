import type { Command } from 'commander';
import { printJson } from './output.js';
import { addTableCommand, openTable, type TableFlags } from './table-command.js';

/** `shmtable load TABLE < rows.ndjson`, or a CSV file. */
export function addLoad(program: Command): void {
  addTableCommand(program, 'load', 'write the rows that come on standard input: lines as dump prints them, or CSV')
    .addHelpText(
      'after',
      '\nCSV has a header with a column "key" and, if wanted, "expiresAt". A row replaces the one that is there. At the\n' +
        'first line that is wrong the command fails and names it; what came before it is in the table and stays.',
    )
    .action(async (name: string, flags: TableFlags) => {
      using table = openTable(name, flags, false);
      // Loaded for this command alone, with the parsers and the bar.
      const { loadRows } = await import('./load-rows.js');
      const counts = await loadRows(table);
      if (flags.json) printJson({ name, ...counts });
      else process.stdout.write(`${name}: ${counts.loaded} rows loaded, ${counts.expired} expired ones left out\n`);
    });
}
