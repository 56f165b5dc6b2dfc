import type { Command } from 'commander';
import { ShmTableError } from '../errors.js';
import { Table } from '../table/table.js';
import { printJson } from './output.js';

/** `shmtable verify TABLE` */
export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('check every invariant of a table; nobody may write meanwhile')
    .argument('<table>')
    .option('--json', 'print JSON')
    .action((name: string, { json = false }: { json?: boolean }) => {
      using table = Table.open(name);
      const verification = table.verify();
      if (json) printJson(verification);
      else if (verification.ok) process.stdout.write('ok\n');
      if (!verification.ok)
        throw new ShmTableError('ERR_TABLE_CORRUPT', `table ${name}: ${verification.problems.join('; ')}`);
    });
}
