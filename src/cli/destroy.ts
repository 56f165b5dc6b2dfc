import type { Command } from 'commander';
import { printJson } from './output.js';
import { addTableCommand, destroyTable, type TableFlags } from './table-command.js';

/** `shmtable destroy TABLE` */
export function addDestroy(program: Command): void {
  addTableCommand(program, 'destroy', 'remove a table or a cache, for every process').action(
    (name: string, flags: TableFlags) => {
      destroyTable(name, flags);
      if (flags.json) printJson({ name, destroyed: true });
      else process.stdout.write('destroyed\n');
    },
  );
}
