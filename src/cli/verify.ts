import type { Command } from 'commander';
import { ShmTableError } from '../errors.js';
import { printJson } from './output.js';
import { addEitherCommand, openTable, refuseInCluster, type TableFlags } from './table-command.js';

/** `shmtable verify TABLE` */
export function addVerify(program: Command): void {
  addEitherCommand(program, 'verify', 'check every invariant of a table; run it while no process writes').action(
    async (name: string, flags: TableFlags) => {
      await refuseInCluster(name, flags, 'verify');
      using table = openTable(name, flags, false);
      const verification = table.verify();
      if (flags.json) printJson(verification);
      else if (verification.ok) process.stdout.write('ok\n');
      if (!verification.ok)
        throw new ShmTableError('ERR_TABLE_CORRUPT', `table ${name}: ${verification.problems.join('; ')}`);
    },
  );
}
