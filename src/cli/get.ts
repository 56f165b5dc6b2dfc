import type { Command } from 'commander';
import { ShmTableError } from '../errors.js';
import { TableCodec } from '../json/table-codec.js';
import { engineOf } from '../table/engine.js';
import { printTable } from './output.js';
import { addTableCommand, openTable, type TableFlags } from './table-command.js';

/** `shmtable get TABLE KEY`: the envelope as the service returns it, or the columns line by line. */
export function addGet(program: Command): void {
  addTableCommand(program, 'get', 'print a row')
    .argument('<key>', 'key of the row')
    .action((name: string, key: string, flags: TableFlags) => {
      using table = openTable(name, flags, true);
      const entry = engineOf(table).storedEntry(key);
      if (entry === undefined) {
        throw new ShmTableError('ERR_ROW_NOT_FOUND', `table ${name} has no row ${JSON.stringify(key)}`);
      }
      const codec = new TableCodec(name, table.columns);
      if (flags.json) process.stdout.write(`${codec.writeEnvelope(entry)}\n`);
      else printTable(Object.keys(entry.row).map((column) => [column, codec.column(column).write(entry.row[column])]));
    });
}
