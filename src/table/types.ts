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
  /**
   * Whether each table of this process has its own copy of the hot code. False when the package's source text was
   * changed, for example by a bundler: operations are then slower from the second table of the process on.
   */
  specialised: boolean;
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

export interface Verification {
  ok: boolean;
  problems: string[];
}
