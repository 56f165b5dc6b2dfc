import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { printJson } from './output.js';
import { addEitherCommand, openTable, refuseInCluster, type TableFlags } from './table-command.js';

/** `shmtable snapshot TABLE FILE` */
export function addSnapshot(program: Command): void {
  addEitherCommand(program, 'snapshot', 'write all rows of a table to a file; others may write meanwhile')
    .argument('<file>', 'path of the snapshot')
    .action(async (name: string, file: string, flags: TableFlags) => {
      await refuseInCluster(name, flags, 'snapshot');
      using table = openTable(name, flags, true);
      await table.snapshot(file);
      const { size: bytes } = await stat(file);
      if (flags.json) printJson({ name, file, bytes });
      else process.stdout.write(`${file}: ${bytes} bytes\n`);
    });
}
