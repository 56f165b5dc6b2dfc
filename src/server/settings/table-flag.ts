/** The flag `--table 'name:capacity:column=type,...'`, to which `:heap=bytes` may be added. */
import { ShmTableError } from '../../errors.js';
import { parseColumns } from '../../table/schema.js';
import { integerOf } from './settings-environment.js';
import type { GivenSettings } from './settings-schema.js';

type Tables = NonNullable<GivenSettings['tables']>;

/**
 * Returns the tables that the flags describe, by name.
 *
 * @throws {ShmTableError} ERR_ARGUMENT when a flag is malformed; ERR_SCHEMA_INVALID when a column is invalid
 */
export function parseTableFlags(flags: readonly string[]): Tables {
  return Object.fromEntries(flags.map(parseTableFlag));
}

function parseTableFlag(flag: string): [string, Tables[string]] {
  const [name, capacity, list, heap = '', ...rest] = flag.split(':');
  const [, heapBytes] = /^heap=(.*)$/.exec(heap) ?? [];
  if (list === undefined || rest.length > 0 || (heapBytes === undefined) !== (heap === '')) throw malformed(flag);
  const columns: Record<string, string> = {};
  for (const column of list.split(',')) {
    const [columnName, type, ...more] = column.split('=');
    if (type === undefined || more.length > 0 || Object.hasOwn(columns, columnName)) throw malformed(flag);
    columns[columnName] = type;
  }
  const parsed = parseColumns(columns).map((column) => [column.name, column.type] as const);
  const rows = integerOf(`the capacity of --table ${name}`, capacity);
  const table = { capacity: rows, columns: Object.fromEntries(parsed) };
  return [
    name,
    heapBytes === undefined ? table : { ...table, heap: integerOf(`the heap of --table ${name}`, heapBytes) },
  ];
}

function malformed(flag: string): ShmTableError {
  return new ShmTableError(
    'ERR_ARGUMENT',
    `--table '${flag}' is not of the form 'name:capacity:column=type,...' or 'name:capacity:column=type,...:heap=bytes'`,
  );
}
