import { hasCode, ShmTableError } from '../errors.js';
import { Table } from '../table/table.js';
import type { Columns, Row } from '../table/types.js';
import type { StoredCodec } from './codec.js';
import { MAX_ROW_KEY_BYTES } from './row-key.js';

/*
 * A cache's table: the columns of a row, and the size of the table.
 */

/** Bits of `marks`. Most rows have none of them, and are read without examining the columns other than the value. */
export const ABSENT = 1;
export const TAGGED = 2;
export const HASHED_KEY = 4;
/** The value becomes stale before it expires. */
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

/** The options that the two tables of a cache have in common. */
export interface TableSize {
  readonly name: string;
  readonly namespace: string;
  readonly entries: number;
  readonly maxParticipants: number;
}

export type ValueTable = Table<Columns>;
export type ValueRow = Row<Columns> & Entry;

const COLUMNS = { marks: 'uint8', staleAt: 'float64', tags: 'text(12)', key: 'text(4)' } as const;
const BLOCK_BYTES = 256;
/** For each block: its owner and its successor, and its occupancy bits. */
const BYTES_BESIDE_BLOCK = 8.3;
/** The heap of the smallest useful cache. */
const MIN_HEAP_BYTES = 64 * 1024;

/**
 * The options of a cache's table that takes at most this many bytes. `ERR_ARGUMENT` when they are too few; `otherBytes`
 * is what the rest of the cache takes, for the message.
 */
export function valueTableOptions<V>(size: TableSize, bytes: number, otherBytes: number, { column }: StoredCodec<V>) {
  const { name, namespace, entries, maxParticipants } = size;
  const options = {
    name,
    namespace,
    capacity: entries,
    columns: { ...COLUMNS, [column]: column === 'json' ? 'text' : 'blob' } as Columns,
    maxKeyBytes: MAX_ROW_KEY_BYTES,
    evict: 'lru',
    maxParticipants,
    heap: { bytes: MIN_HEAP_BYTES, blockBytes: BLOCK_BYTES },
  } as const;
  const least = Table.bytesFor(options).total;
  if (least > bytes) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `bytes must be at least ${least + otherBytes} for ${entries} entries, got ${bytes + otherBytes}`,
    );
  }
  const blocks = Math.floor((bytes - least) / (BLOCK_BYTES + BYTES_BESIDE_BLOCK));
  return { ...options, heap: { bytes: MIN_HEAP_BYTES + blocks * BLOCK_BYTES, blockBytes: BLOCK_BYTES } };
}

/** Opens or creates the table. `isNew`: this call has created it, so that it can be removed if the rest fails. */
export function openValueTable(options: ReturnType<typeof valueTableOptions>): { table: ValueTable; isNew: boolean } {
  try {
    return { table: Table.create(options), isNew: true };
  } catch (error) {
    if (!hasCode(error, 'ERR_TABLE_EXISTS')) throw error;
    return { table: Table.openOrCreate(options), isNew: false };
  }
}
