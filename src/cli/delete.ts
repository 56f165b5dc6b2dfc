import type { Command } from 'commander';
import { ShmTableError } from '../errors.js';
import { withTable } from './either-table.js';
import { printJson } from './output.js';
import { addEitherCommand, type TableFlags } from './table-command.js';

/** `shmtable delete TABLE KEY` */
export function addDelete(program: Command): void {
  addEitherCommand(program, 'delete', 'remove a row')
    .argument('<key>', 'key of the row')
    .action(async (name: string, key: string, flags: TableFlags) => {
      const deleted = await withTable(name, flags, {
        readOnly: false,
        shared: (table) => table.delete(key),
        cluster: (table) => table.delete(key),
      });
      if (!deleted) {
        throw new ShmTableError('ERR_ROW_NOT_FOUND', `table ${name} has no row ${JSON.stringify(key)}`);
      }
      if (flags.json) printJson({ key, deleted: true });
      else process.stdout.write('deleted\n');
    });
}
