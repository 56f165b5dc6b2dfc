import { ShmTableError, show } from '../errors.js';
import { Table } from '../table/table.js';
import type { Columns, Row } from '../table/types.js';
import type { StoredCodec } from './codec.js';
import { MAX_ROW_KEY_BYTES } from './row-key.js';

/*
 * A cache's table: which columns a row has, and how large the table may be.
 */

/** Bits of `marks`. Most rows have none of them, and are read without a look at the columns beside the value. */
export const ABSENT = 1;
export const TAGGED = 2;
export const HASHED_KEY = 4;
/** It has a time from which on it is stale, before the one at which it expires. */
export const STALES = 8;

/** A row without its value. */
export interface Entry {
  readonly marks: number;
  /** With STALES: the boot time in milliseconds from which on the value is stale. */
  readonly staleAt: number;
  /** With TAGGED: see `Tags`. */
  readonly tags: string;
  /** With HASHED_KEY: see `fullKeyOf`. */
  readonly key: string;
}

interface TableSize {
  readonly name: string;
  readonly namespace: string;
  readonly entries: number;
  readonly maxParticipants: number;
}

export type ValueTable = Table<Columns>;
export type ValueRow = Row<Columns> & Entry;

export function valueTableOptions<V>(size: TableSize, bytes: number, { column }: StoredCodec<V>) {
  const { name, namespace, entries, maxParticipants } = size;
  const width = Math.floor(bytes / entries) - 600;
  if (width < 16) {
    throw new ShmTableError('ERR_ARGUMENT', `bytes are too few for ${show(entries)} entries`);
  }
  const options = {
    name,
    namespace,
    capacity: entries,
    columns: {
      marks: 'uint8',
      staleAt: 'float64',
      tags: 'string(90)',
      key: 'string(400)',
      [column]: column === 'json' ? `string(${Math.min(width, 65_535)})` : `bytes(${width})`,
    } as Columns,
    maxKeyBytes: MAX_ROW_KEY_BYTES,
    evict: 'lru',
    maxParticipants,
  } as const;
  return options;
}

export function openValueTable(options: ReturnType<typeof valueTableOptions>): ValueTable {
  return Table.openOrCreate(options);
}
