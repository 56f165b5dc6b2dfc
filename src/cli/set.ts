import type { Command } from 'commander';
import { clusterRowsOf } from '../cluster/cluster-table.js';
import { ShmTableError, show } from '../errors.js';
import { TableCodec } from '../json/table-codec.js';
import { upsertRow } from '../server/row-operations.js';
import { SharedRows } from '../server/shared-rows.js';
import { integerArgument } from './arguments.js';
import { withTable } from './either-table.js';
import { printJson } from './output.js';
import { addEitherCommand, type TableFlags } from './table-command.js';

interface SetFlags extends TableFlags {
  readonly ttl?: number;
}

/** `shmtable set TABLE KEY JSON`: writes the given columns, in the JSON of the service; creates a missing row. */
export function addSet(program: Command): void {
  addEitherCommand(program, 'set', 'write columns of a row; in a new row the others are zero')
    .argument('<key>', 'key of the row')
    .argument(
      '<json>',
      'the columns: an object, with int64 as "123", bytes and blobs as base64, a json column as any JSON, "NaN", "Infinity"',
    )
    .option('--ttl <milliseconds>', 'lifetime of the row; without it, the row keeps its expiry', integerArgument)
    .action(async (name: string, key: string, json: string, flags: SetFlags) => {
      const body = parseObject(json);
      const { ttl } = flags;
      const written = await withTable(name, flags, {
        readOnly: false,
        shared: (table) => {
          const codec = new TableCodec(name, table.columns);
          const row = codec.decode(body, 'refused');
          return upsertRow(new SharedRows(table, codec), 'set', key, row, { ttl, condition: undefined });
        },
        cluster: async (table) => {
          const row = new TableCodec(name, table.columns).decode(body, 'refused');
          const written = await clusterRowsOf(table).write('set', key, row, { ttl, report: 'expiry' });
          const { outcome, revision, expiresAt } = written;
          return { created: outcome === 'inserted', revision, expiresAt };
        },
      });
      if (flags.json) printJson({ key, ...written });
      else process.stdout.write(`${written.created ? 'inserted' : 'updated'}\n`);
    });
}

/** ERR_ARGUMENT for text that is not a JSON object. */
function parseObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `${show(text)} is not JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new ShmTableError('ERR_ARGUMENT', `the row must be a JSON object of columns, got ${show(text)}`);
}
