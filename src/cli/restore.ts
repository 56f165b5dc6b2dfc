import { type Command, InvalidArgumentError } from 'commander';
import { Table } from '../table/table.js';

/** `shmtable restore FILE` */
export function addRestore(program: Command): void {
  program
    .command('restore')
    .description('make a table of a snapshot')
    .argument('<file>')
    .option('--table <name>', 'name of the table; as in the snapshot if not given')
    .option('--capacity <rows>', 'rows that fit; as in the snapshot if not given', integerArgument)
    .action(async (file: string, { table: name, capacity }: { table?: string; capacity?: number }) => {
      using table = await Table.restore(file, { name, capacity });
      process.stdout.write(`${table.name}: ${table.size} rows\n`);
    });
}

function integerArgument(text: string): number {
  if (!/^[0-9]+$/.test(text)) throw new InvalidArgumentError('It must be an integer.');
  return Number(text);
}
