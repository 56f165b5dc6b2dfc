import { ShmTableError, show } from '../../errors.js';
import { HEAP_DEFAULTS } from '../defaults.js';
import { columnsOf } from '../layout/segment.js';
import { parseSchema, type TableSchema } from '../options.js';
import type { AlterOptions, Columns, ColumnType } from '../types.js';

/** The schema that a table has after these changes. `ERR_SCHEMA_INVALID`, `ERR_COLUMN_UNKNOWN`, `ERR_ARGUMENT`. */
export function alteredSchema(stored: TableSchema, changes: AlterOptions): TableSchema {
  const columns = alteredColumns(columnsOf(stored), changes);
  const capacity = changes.capacity ?? stored.capacity;
  const { maxKeyBytes, evict, changes: feed, maxParticipants, schemaVersion } = stored;
  return parseSchema({
    name: '',
    columns,
    capacity,
    heap: changes.heap ?? keptHeap(stored, columns),
    maxKeyBytes: changes.maxKeyBytes ?? maxKeyBytes,
    evict: changes.evict ?? evict,
    changes: changes.changes ?? feed,
    maxParticipants: changes.maxParticipants ?? maxParticipants,
    schemaVersion: changes.schemaVersion ?? schemaVersion,
  });
}

/**
 * The wanted schema for a table that has another one: with the participants that the table has, which no program
 * compares. The table's own schema if a program of a later version has altered it meanwhile.
 */
export function alterationTo(wanted: TableSchema, stored: TableSchema): TableSchema {
  if (stored.schemaVersion > wanted.schemaVersion) return stored;
  return { ...wanted, maxParticipants: stored.maxParticipants };
}

/** A heap of the default size grows and shrinks with the capacity; another one stays as it is. */
function keptHeap({ heap, capacity }: TableSchema, columns: Columns): TableSchema['heap'] {
  const isNeeded = Object.values(columns).some((type) => /^(text|blob|json)/.test(type));
  const isDefault =
    heap?.bytes === HEAP_DEFAULTS.bytesPerRow * capacity && heap.blockBytes === HEAP_DEFAULTS.blockBytes;
  return isNeeded && !isDefault ? heap : undefined;
}

function alteredColumns(stored: Columns, changes: AlterOptions): Columns {
  const { add = {}, drop = [], type = {}, columns } = changes;
  if (columns !== undefined) {
    if (changes.add === undefined && changes.drop === undefined && changes.type === undefined) return columns;
    throw new ShmTableError('ERR_ARGUMENT', 'give either columns, or what of them to add, to drop and to type');
  }
  if (!Array.isArray(drop)) throw new ShmTableError('ERR_ARGUMENT', `drop must be an array, got ${show(drop)}`);
  for (const [option, names] of [
    ['drop', drop],
    ['type', Object.keys(type)],
  ] as const) {
    for (const name of names) {
      if (typeof name === 'string' && Object.hasOwn(stored, name)) continue;
      throw new ShmTableError('ERR_COLUMN_UNKNOWN', `there is no column ${show(name)} to ${option}`);
    }
  }
  for (const name of Object.keys(add)) {
    if (!Object.hasOwn(stored, name)) continue;
    throw new ShmTableError('ERR_SCHEMA_INVALID', `column ${name} to add is there already`);
  }
  const kept = Object.entries(stored).filter(([name]) => !drop.includes(name));
  const retyped = kept.map(([name, before]): [string, ColumnType] => [name, type[name] ?? before]);
  return Object.fromEntries([...retyped, ...Object.entries(add)]);
}
