import type { Command } from 'commander';
import { ShmTableError } from '../errors.js';
import { printJson } from './output.js';
import { addTableCommand, openTable, type TableFlags } from './table-command.js';

/** `shmtable delete TABLE KEY` */
export function addDelete(program: Command): void {
  addTableCommand(program, 'delete', 'remove a row')
    .argument('<key>', 'key of the row')
    .action((name: string, key: string, flags: TableFlags) => {
      using table = openTable(name, flags, false);
      if (!table.delete(key)) {
        throw new ShmTableError('ERR_ROW_NOT_FOUND', `table ${name} has no row ${JSON.stringify(key)}`);
      }
      if (flags.json) printJson({ key, deleted: true });
      else process.stdout.write('deleted\n');
    });
}
