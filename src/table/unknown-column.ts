import { ShmTableError, show } from '../errors.js';

/** Throws for a column that the schema lacks. */
export function unknownColumn(name: unknown, known: readonly { readonly name: string }[]): never {
  const names = known.slice(0, 20).map((column) => column.name);
  const more = known.length > names.length ? `, … (${known.length} in all)` : '';
  throw new ShmTableError(
    'ERR_COLUMN_UNKNOWN',
    `there is no column ${show(name)}; the columns are ${names.join(', ')}${more}`,
  );
}
