import { type Command, InvalidArgumentError, Option } from 'commander';
import { engineOf } from '../table/engine.js';
import { EVICTIONS } from '../table/options.js';
import type { AlterOptions, Columns, ColumnType } from '../table/types.js';
import { integerArgument } from './arguments.js';
import { printJson } from './output.js';
import { addTableCommand, alterTable, openTable, type TableFlags } from './table-command.js';

interface AlterFlags extends TableFlags {
  readonly capacity?: number;
  readonly add?: Columns;
  readonly drop?: readonly string[];
  readonly type?: Columns;
  readonly heap?: number;
  readonly maxKeyBytes?: number;
  readonly evict?: (typeof EVICTIONS)[number];
  readonly changes?: number;
  readonly maxParticipants?: number;
  readonly schemaVersion?: number;
}

/** `shmtable alter TABLE`: says how much memory it takes, alters the table, and says what it did. */
export function addAlter(program: Command): void {
  addTableCommand(program, 'alter', 'change the capacity, columns or options of a table that is in use')
    .option('--capacity <rows>', 'maximum number of rows', integerArgument)
    .option('--add <col:type>', 'a column to append; may be repeated', columnArgument)
    .option('--drop <column>', 'a column to remove; may be repeated', nameArgument)
    .option('--type <col:type>', 'a column and its new type; may be repeated', columnArgument)
    .option('--heap <bytes>', 'room for values outside their rows', integerArgument)
    .option('--max-key-bytes <bytes>', 'maximum length of a key', integerArgument)
    .addOption(new Option('--evict <how>', 'what a full table does with a new row').choices(EVICTIONS))
    .option('--changes <bytes>', 'size of the change feed, 0 for none', integerArgument)
    .option('--max-participants <threads>', 'maximum number of threads that can write', integerArgument)
    .option('--schema-version <number>', 'version of the schema', integerArgument)
    .addHelpText(
      'after',
      '\nThe rows are copied to new memory, which then replaces the old for every process; until then both exist. Reads\n' +
        'continue, writes wait at the end. If a row does not fit, or the command is killed, nothing has changed.',
    )
    .action((name: string, flags: AlterFlags) => {
      const changes = changesOf(flags);
      const { before, after } = bytesOf(name, flags, changes);
      if (!flags.json) {
        process.stderr.write(`${name} has ${before} bytes; altered it has ${after}, and ${before + after} meanwhile\n`);
      }
      const { altered, rows, durationMs, heldMs } = alterTable(name, flags, changes);
      if (flags.json) printJson({ name, altered, rows, bytesBefore: before, bytes: after, durationMs, heldMs });
      else if (!altered) process.stdout.write('nothing to change\n');
      else {
        process.stdout.write(
          `altered: ${rows} rows copied in ${durationMs.toFixed(0)} ms, writers held for ${heldMs.toFixed(1)} ms\n`,
        );
      }
    });
}

/** The options that were given. */
function changesOf({ path: _, json: __, ...changes }: AlterFlags): AlterOptions {
  return changes;
}

function bytesOf(name: string, flags: TableFlags, changes: AlterOptions): { before: number; after: number } {
  using table = openTable(name, flags, true);
  const engine = engineOf(table);
  return { before: engine.counts().bytes, after: engine.bytesAfter(changes) };
}

function columnArgument(text: string, before: Columns = {}): Columns {
  const [name, type, ...more] = text.split(':');
  if (type === undefined || more.length > 0) throw new InvalidArgumentError('It must be of the form column:type.');
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`Column ${name} is named twice.`);
  // The table checks it.
  return { ...before, [name]: type as ColumnType };
}

function nameArgument(name: string, before: readonly string[] = []): string[] {
  return [...before, name];
}
