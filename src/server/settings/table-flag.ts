/** The flag `--table 'name:capacity:column=type,...'`. */
import { ShmTableError } from '../../errors.js';
import type { GivenSettings } from './settings-schema.js';
import { integerOf } from './settings-environment.js';

type Tables = NonNullable<GivenSettings['tables']>;
type ColumnType = Tables[string]['columns'][string];

/** Tables of flags by name; ERR_ARGUMENT shows the flag and the form. Types are checked where every schema is. */
export function parseTableFlags(flags: readonly string[]): Tables {
  return Object.fromEntries(flags.map(parseTableFlag));
}

function parseTableFlag(flag: string): [string, Tables[string]] {
  const [name, capacity, list, ...rest] = flag.split(':');
  if (list === undefined || rest.length > 0) throw malformed(flag);
  const columns: Record<string, ColumnType> = {};
  for (const column of list.split(',')) {
    const [columnName, type, ...more] = column.split('=');
    if (type === undefined || more.length > 0 || columnName in columns) throw malformed(flag);
    columns[columnName] = type as ColumnType;
  }
  return [name, { capacity: integerOf(`the capacity of --table ${name}`, capacity), columns }];
}

function malformed(flag: string): ShmTableError {
  return new ShmTableError('ERR_ARGUMENT', `--table '${flag}' is not of the form 'name:capacity:column=type,...'`);
}
