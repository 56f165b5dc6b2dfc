/** The public types of a table. */
import type { BackendName } from '../memory/index.js';

/** The JavaScript values of the fixed-width column types. */
export interface ColumnValues {
  int8: number;
  uint8: number;
  int16: number;
  uint16: number;
  int32: number;
  uint32: number;
  int64: bigint;
  float32: number;
  float64: number;
  boolean: boolean;
}

/** The JavaScript values of the column types that are written with a number of bytes: `string(20)`. */
export interface SizedColumnValues {
  string: string;
  bytes: Uint8Array;
}

/** The JavaScript values of the column types whose values may have any length. */
export interface LongColumnValues {
  text: string;
  blob: Uint8Array;
  json: JsonValue;
}

/** A value that JSON can represent. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [member: string]: JsonValue };

declare const jsonValue: unique symbol;

/** The type of a `json` column whose values are of type `T`: see `json`. */
export type JsonColumn<T> = 'json' & { readonly [jsonValue]: T };

/** A column type as written in a schema; `n` is a number of bytes. */
export type ColumnType =
  | keyof ColumnValues
  | `${keyof SizedColumnValues}(${number})`
  | keyof LongColumnValues
  | `${keyof LongColumnValues}(${number})`;

/** A schema: column names in order, each with its type. */
export type Columns = Readonly<Record<string, ColumnType>>;

/** The JavaScript value that a column of this type returns. */
export type ColumnValue<T extends ColumnType> = T extends { readonly [jsonValue]: infer V }
  ? V
  : T extends keyof ColumnValues
    ? ColumnValues[T]
    : T extends keyof LongColumnValues
      ? LongColumnValues[T]
      : T extends `${infer K extends keyof SizedColumnValues}(${number})`
        ? SizedColumnValues[K]
        : T extends `${infer K extends keyof LongColumnValues}(${number})`
          ? LongColumnValues[K]
          : never;

/**
 * The JavaScript value that a column of this type accepts: `int64` also accepts safe integers, `json` whatever
 * `JSON.stringify` turns into JSON.
 */
export type ColumnInput<T extends ColumnType> = T extends { readonly [jsonValue]: infer V }
  ? V
  : T extends 'int64'
    ? bigint | number
    : T extends 'json' | `json(${number})`
      ? unknown
      : ColumnValue<T>;

/** A whole row, as `get` returns it. */
export type Row<C extends Columns> = { -readonly [K in keyof C]: ColumnValue<C[K]> };

/** A row to write: any of the columns; `undefined` means not named. */
export type RowInput<C extends Columns> = { readonly [K in keyof C]?: ColumnInput<C[K]> | undefined };

/** Names of the columns that `increment` accepts. */
export type NumericColumn<C extends Columns> = {
  [K in keyof C]: C[K] extends Exclude<ColumnType, Exclude<keyof ColumnValues, 'boolean'>> ? never : K;
}[keyof C] &
  string;

export type { BackendName };

export interface TableOptions<C extends Columns = Columns> {
  /** A name of the form `[A-Za-z0-9_][A-Za-z0-9._-]{0,63}`. */
  readonly name: string;
  /** The exact number of rows that fit: 1 .. 2^31-1. */
  readonly capacity: number;
  readonly columns: C;
  /** Maximum length of a key in bytes of UTF-8: 1 .. 255, default 63. */
  readonly maxKeyBytes?: number | undefined;
  /**
   * The kind of memory, default `posix`. `auto` chooses `anonymous`, or `sysv` where the host does not support that. A
   * `devzero` table belongs to the handle that created it.
   */
  readonly backend?: BackendName | undefined;
  /** Path of the table's file, for the backend `file`. */
  readonly path?: string | undefined;
  readonly hugePages?: boolean | undefined;
  /** Attaches without the right to write: the memory is mapped read-only. Default false. */
  readonly readOnly?: boolean | undefined;
  /** Default: the environment's `SHMTABLE_NAMESPACE`, or `default`. */
  readonly namespace?: string | undefined;
  /**
   * What a full table does with a new row: `none` throws `ERR_TABLE_FULL`, `lru` makes room by evicting. Default
   * `none`.
   */
  readonly evict?: 'none' | 'lru' | undefined;
  /** Bytes of the change feed, 0 for none (the default). */
  readonly changes?: number | undefined;
  /**
   * Room for values outside their rows; only for tables with `text`, `blob` or `json` columns. A number is `bytes`.
   * Default: 256 bytes for each row of the capacity, in blocks of 256.
   */
  readonly heap?: number | HeapOptions | undefined;
  /** Maximum wait for a bucket's lock in milliseconds, default 1000. */
  readonly lockTimeoutMs?: number | undefined;
  /** Maximum number of threads that have it open for writing, over all processes: 1 .. 1024, default 128. */
  readonly maxParticipants?: number | undefined;
  /**
   * Which version of the program's schema this is: 0 .. 2^53-1, default 0. With `onMismatch`, a program with a lower
   * version than the table's leaves the table as it is.
   */
  readonly schemaVersion?: number | undefined;
  /**
   * What `openOrCreate` does with a table that has another schema: `throw` (the default), `alter` it as `Table.alter`
   * does, or `recreate` it without its rows. A program with a lower `schemaVersion` than the table's does neither: it
   * opens the table if that has every column that `columns` names.
   */
  readonly onMismatch?: 'throw' | 'alter' | 'recreate' | undefined;
}

/** What `Table.alter` changes; what is not given stays. */
export interface AlterOptions extends LookupOptions {
  /** May be less than before if all rows fit. */
  readonly capacity?: number | undefined;
  /** Columns to append, each zero, false or empty in the rows that there are. */
  readonly add?: Columns | undefined;
  /** Columns to remove. */
  readonly drop?: readonly string[] | undefined;
  /** Columns to give another type: a number another number type, a `string(n)` another n or `text`, likewise bytes. */
  readonly type?: Columns | undefined;
  /** All columns in their order, instead of `add`, `drop` and `type`. */
  readonly columns?: Columns | undefined;
  readonly maxKeyBytes?: number | undefined;
  readonly evict?: 'none' | 'lru' | undefined;
  readonly changes?: number | undefined;
  readonly heap?: number | HeapOptions | undefined;
  readonly maxParticipants?: number | undefined;
  readonly schemaVersion?: number | undefined;
  readonly hugePages?: boolean | undefined;
  /** Maximum wait for a writer that holds the lock of a bucket, in milliseconds, default 1000. */
  readonly lockTimeoutMs?: number | undefined;
}

/** What `Table.alter` did. */
export interface Alteration {
  /** False when the table had the wanted schema already. */
  readonly altered: boolean;
  /** Rows that were copied. */
  readonly rows: number;
  /** Bytes of the new segment. */
  readonly bytes: number;
  /** How long the whole took, and for how much of it writers were held, in milliseconds. */
  readonly durationMs: number;
  readonly heldMs: number;
}

/** How much room a table has for values outside their rows. Part of the schema. */
export interface HeapOptions {
  /** Bytes of all blocks together, at least `blockBytes`; rounded up to whole blocks. */
  readonly bytes: number;
  /** Bytes of a block: a power of two from 64 to 4096, default 256. A value takes whole blocks. */
  readonly blockBytes?: number | undefined;
}

/** Options of `Table.open`: where to look, how to attach, and which schema to require. */
export type OpenOptions<C extends Columns = Columns> = Partial<Omit<TableOptions<C>, 'name'>>;

/** Options of `Table.restore`: what is not given is as in the snapshot. */
export type RestoreOptions<C extends Columns = Columns> = {
  readonly [K in keyof TableOptions<C>]?: TableOptions<C>[K] | undefined;
};

/** Where to look for tables. */
export interface LookupOptions {
  readonly namespace?: string | undefined;
  readonly backend?: BackendName | undefined;
  readonly path?: string | undefined;
}

export interface WriteOptions {
  /** Lifetime in whole milliseconds, 1 .. 2^53-1; `null` removes it; absent keeps it (a new row has none). */
  readonly ttl?: number | null | undefined;
}

/** Options of `increment` and `decrement`: `ttl` sets the lifetime at every call. */
export interface IncrementOptions extends WriteOptions {
  /**
   * Lifetime of a row that this call creates, as for fixed-window counters. For a new row it takes precedence over
   * `ttl`.
   */
  readonly ttlIfNew?: number | null | undefined;
}

export interface ClearOptions {
  /** Milliseconds of work between two turns of the event loop: 1 .. 60,000, default 5. */
  readonly yieldMs?: number | undefined;
}

/** A row with its key and what the table records about it. */
export interface Entry<C extends Columns> {
  key: string;
  row: Row<C>;
  /** A positive safe integer that never repeats for a key. */
  revision: number;
  /** Milliseconds since the epoch, or null when the row does not expire. */
  expiresAt: number | null;
}

/** What `compareAndSet` compares with: column values, or the revision. */
export type Expected<C extends Columns> = RowInput<C> | { readonly revision: number };

export interface ScanOptions<C extends Columns = Columns, K extends keyof C & string = keyof C & string> {
  /** Where to continue: the cursor of the previous page. */
  readonly cursor?: string | undefined;
  /** Maximum number of entries on the page: 1 .. 10,000, default 100. */
  readonly limit?: number | undefined;
  /** Only keys that begin with this. */
  readonly prefix?: string | undefined;
  /** Only these columns. */
  readonly columns?: readonly K[] | undefined;
}

export interface ScanPage<C extends Columns, K extends keyof C & string = keyof C & string> {
  entries: { key: string; row: Pick<Row<C>, K>; revision: number; expiresAt: number | null }[];
  /** Cursor of the next page, or null at the end. */
  cursor: string | null;
}

export interface WatchOptions {
  /** Only changes of keys that begin with this. */
  readonly prefix?: string | undefined;
  /** Only changes after this sequence; if absent, only changes after the call. */
  readonly since?: number | undefined;
}

/** A committed change. The changes of one key come in the order of their commits. */
export interface Change {
  readonly sequence: number;
  readonly type: 'insert' | 'update' | 'delete' | 'expire' | 'evict';
  readonly key: string;
  readonly revision: number;
}

/** The reader fell behind and has lost changes: the next one has a sequence above `sequence`. */
export interface Gap {
  readonly type: 'gap';
  readonly sequence: number;
}

export interface TableInfo {
  name: string;
  columns: Columns;
  capacity: number;
  rows: number;
  bytes: number;
  backend: BackendName;
  /** Process ids of the attached participants. */
  owners: number[];
}

/** Use of the heap, in blocks of `blockBytes`. */
export interface HeapStats {
  bytes: number;
  blockBytes: number;
  blocks: number;
  /** Blocks of rows. */
  used: number;
  /** Blocks held by writes under way, or left by a killed process and not recovered yet. */
  inFlight: number;
}

/** Counts that are kept up to date as operations happen. */
export interface TableCounts {
  rows: number;
  capacity: number;
  bytes: number;
  inserts: number;
  updates: number;
  deletes: number;
  expirations: number;
  evictions: number;
  recoveries: number;
  lockWaits: number;
  participants: number;
}

export interface TableStats extends TableCounts {
  spareRows: number;
  overflowBuckets: number;
  longestChain: number;
  /** Only for tables with `text`, `blob` or `json` columns. */
  heap?: HeapStats;
}

export interface TableBytes {
  total: number;
  rows: number;
  spares: number;
  index: number;
  /** Blocks for values outside their rows, and their management data: only for tables with such columns. */
  heap?: number;
  other: number;
}

/** How many of the sample are larger than the previous class, and at most `upTo`. */
export interface SizeClass {
  readonly upTo: number;
  readonly count: number;
}

/** How the chains, rows and values of a table are distributed, estimated from a sample. */
export interface Distribution {
  /** What was looked at, and of how many. */
  readonly sample: { readonly chains: number; readonly ofChains: number; readonly rows: number };
  /** Chains by their length in buckets. */
  readonly chainLengths: readonly { readonly buckets: number; readonly count: number }[];
  /** Rows by the bytes of key and values, wherever they are stored. */
  readonly rowBytes: readonly SizeClass[];
  /** Values by their bytes, for each column whose values differ in length. */
  readonly valueBytes: Readonly<Record<string, readonly SizeClass[]>>;
}

export interface Verification {
  ok: boolean;
  problems: string[];
}
