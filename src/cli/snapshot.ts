import type { Command } from 'commander';
import { Table } from '../table/table.js';

/** `shmtable snapshot TABLE FILE` */
export function addSnapshot(program: Command): void {
  program
    .command('snapshot')
    .description('write all rows of a table to a file, while others go on writing')
    .argument('<table>')
    .argument('<file>')
    .action(async (name: string, file: string) => {
      using table = Table.open(name, { readOnly: true });
      await table.snapshot(file);
    });
}
