import type { Command } from 'commander';
import { clusterRowsOf } from '../cluster/cluster-table.js';
import { ShmTableError } from '../errors.js';
import { TableCodec } from '../json/table-codec.js';
import { engineOf } from '../table/engine.js';
import { withTable } from './either-table.js';
import { printTable } from './output.js';
import { addEitherCommand, type TableFlags } from './table-command.js';

/** `shmtable get TABLE KEY`: the envelope as the service returns it, or the columns line by line. */
export function addGet(program: Command): void {
  addEitherCommand(program, 'get', 'print a row')
    .argument('<key>', 'key of the row')
    .action(async (name: string, key: string, flags: TableFlags) => {
      const { entry, columns } = await withTable(name, flags, {
        readOnly: true,
        shared: (table) => ({ entry: engineOf(table).storedEntry(key), columns: table.columns }),
        cluster: async (table) => {
          const rows = clusterRowsOf(table);
          const found = await rows.read(key, undefined, true);
          return { entry: found && rows.entryOf(key, found), columns: table.columns };
        },
      });
      if (entry === undefined) {
        throw new ShmTableError('ERR_ROW_NOT_FOUND', `table ${name} has no row ${JSON.stringify(key)}`);
      }
      const codec = new TableCodec(name, columns);
      if (flags.json) process.stdout.write(`${codec.writeEnvelope(entry)}\n`);
      else printTable(Object.keys(entry.row).map((column) => [column, codec.column(column).write(entry.row[column])]));
    });
}
