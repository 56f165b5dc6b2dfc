/** Common parts of the commands for one table: their argument, their options, and how they find the table. */
import type { Command } from 'commander';
import { hasCode } from '../errors.js';
import { Segment } from '../memory/index.js';
import { segmentName } from '../table/list.js';
import { parseNamespace } from '../table/options.js';
import { Table } from '../table/table.js';
import type { Alteration, AlterOptions, BackendName, Columns } from '../table/types.js';

export interface TableFlags {
  readonly path?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** The option that says where a table is that is not in shared memory. */
export const CONFIG_OPTION = [
  '--config <file>',
  'configuration file, for a table that it says is in a cluster',
] as const;

/** The location of a table, for `Table.open`. */
interface Whereabouts {
  readonly backend?: BackendName;
  readonly path?: string | undefined;
}

/** Adds a command whose first argument is a table's name. */
export function addTableCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('<table>', 'name of the table')
    .option('--path <file>', 'the file of the table, if no process has it open')
    .option('--json', 'print JSON');
}

/** The same for a table that may also be in a cluster. */
export function addEitherCommand(program: Command, name: string, description: string): Command {
  return addTableCommand(program, name, description).option(...CONFIG_OPTION);
}

/** ERR_BACKEND_UNSUPPORTED if the configuration file says that the table is in a cluster. */
export async function refuseInCluster(
  name: string,
  { config }: { readonly config?: string | undefined },
  command: string,
): Promise<void> {
  if (config === undefined) return;
  const { refuse } = await import('./configured-cluster.js');
  refuse(name, config, command);
}

/** Attaches to a table of any backend. `ERR_TABLE_NOT_FOUND`. */
export function openTable(name: string, { path }: TableFlags, readOnly: boolean): Table<Columns> {
  return whereverItIs(name, path, (where) => Table.open(name, { ...where, readOnly }));
}

/** Alters a table of any backend. `ERR_TABLE_NOT_FOUND`, and what `Table.alter` throws. */
export function alterTable(name: string, { path }: TableFlags, changes: AlterOptions): Alteration {
  return whereverItIs(name, path, (where) => Table.alter(name, { ...changes, ...where }));
}

/** Destroys a table of any backend. `ERR_TABLE_NOT_FOUND`. */
export function destroyTable(name: string, { path }: TableFlags): void {
  whereverItIs(name, path, (where) => Table.destroy(name, where));
}

/** Tries the location of most tables first, because a search among all segments must examine all processes. */
function whereverItIs<T>(name: string, path: string | undefined, action: (where: Whereabouts) => T): T {
  if (path !== undefined) return action({ backend: 'file', path });
  try {
    return action({});
  } catch (error) {
    if (!hasCode(error, 'ERR_TABLE_NOT_FOUND')) throw error;
    const wanted = segmentName(parseNamespace(undefined), name);
    const found = Segment.list().find((segment) => segment.name === wanted);
    if (found === undefined) throw error;
    return action({ backend: found.backend, path: found.backend === 'file' ? found.location : undefined });
  }
}
