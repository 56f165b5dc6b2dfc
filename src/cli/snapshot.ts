import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { Table } from '../table/table.js';
import { printJson } from './output.js';

/** `shmtable snapshot TABLE FILE` */
export function addSnapshot(program: Command): void {
  program
    .command('snapshot')
    .description('write all rows of a table to a file, while others go on writing')
    .argument('<table>')
    .argument('<file>')
    .option('--json', 'print JSON')
    .action(async (name: string, file: string, { json = false }: { json?: boolean }) => {
      using table = Table.open(name, { readOnly: true });
      await table.snapshot(file);
      const { size: bytes } = await stat(file);
      if (json) printJson({ name, file, bytes });
      else process.stdout.write(`${file}: ${bytes} bytes\n`);
    });
}
