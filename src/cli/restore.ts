import type { Command } from 'commander';
import { Table } from '../table/table.js';
import { integerArgument } from './arguments.js';
import { printJson } from './output.js';
import { CONFIG_OPTION, refuseInCluster } from './table-command.js';

interface RestoreFlags {
  readonly table?: string;
  readonly capacity?: number;
  readonly config?: string;
  readonly json?: boolean;
}

/** `shmtable restore FILE` */
export function addRestore(program: Command): void {
  program
    .command('restore')
    .description('create a table from a snapshot')
    .argument('<file>', 'path of the snapshot')
    .option('--table <name>', 'name of the table; by default as in the snapshot')
    .option('--capacity <rows>', 'maximum number of rows; by default as in the snapshot', integerArgument)
    .option(...CONFIG_OPTION)
    .option('--json', 'print JSON')
    .action(async (file: string, { table: name, capacity, config, json = false }: RestoreFlags) => {
      if (name !== undefined) await refuseInCluster(name, { config }, 'restore');
      using table = await Table.restore(file, { name, capacity });
      if (json) printJson({ name: table.name, rows: table.size, capacity: table.capacity });
      else process.stdout.write(`${table.name}: ${table.size} rows\n`);
    });
}
