import type { Command } from 'commander';
import { ShmTableError } from '../errors.js';
import { TableCodec } from '../server/table-codec.js';
import { Table } from '../table/table.js';
import { printTable } from './output.js';

/** `shmtable get TABLE KEY` */
export function addGet(program: Command): void {
  program
    .command('get')
    .description('print a row')
    .argument('<table>')
    .argument('<key>')
    .option('--json', 'print the envelope as JSON, as the service answers it')
    .action((name: string, key: string, { json = false }: { json?: boolean }) => {
      using table = Table.open(name, { readOnly: true });
      const entry = table.entry(key);
      if (entry === undefined) {
        throw new ShmTableError('ERR_ROW_NOT_FOUND', `table ${name} has no row ${JSON.stringify(key)}`);
      }
      const codec = new TableCodec(name, table.columns);
      if (json) process.stdout.write(`${codec.writeEnvelope(entry)}\n`);
      else printTable(Object.keys(entry.row).map((column) => [column, codec.column(column).write(entry.row[column])]));
    });
}
