import type { Envelope, RowValues, TableCodec } from '../json/table-codec.js';
import type { RevisionCondition } from '../table/revision-condition.js';
import type { Columns } from '../table/types.js';
import type { Eventual } from './eventual.js';

export interface WriteRequest {
  /** Milliseconds; null for none; undefined to keep the row's expiry. */
  readonly ttl: number | null | undefined;
  /** Undefined for an unconditional write. */
  readonly condition: RevisionCondition | undefined;
}

/**
 * What became of a write. Only after the first three outcomes has a row changed; `absent` and `mismatch` mean that there
 * is no row, or one with this revision, which the condition excludes.
 */
export interface WriteResult {
  readonly outcome: 'inserted' | 'updated' | 'deleted' | 'absent' | 'mismatch';
  readonly revision: number;
}

export interface StoredRow extends Envelope {
  /** Where a row of a cluster comes from. */
  readonly source?: 'near' | 'primary' | undefined;
}

export interface PageStep {
  readonly entries: readonly Envelope[];
  readonly cursor: string | null;
}

export interface PageRequest {
  readonly limit: number;
  /** Bytes that may still be added to the response. */
  readonly roomBytes: number;
  readonly prefix: string | undefined;
  readonly columns: readonly string[] | undefined;
}

/** A removal of all rows, in steps. */
export interface Clearing {
  /** Removes some rows; whether none are left. */
  step(): Eventual<boolean>;
}

/**
 * The rows of a table, in shared memory or in a cluster, as the routes use them: values are in their stored form, and each
 * operation on a row is atomic. A promise is returned only by a table in a cluster.
 */
export interface RowStore {
  readonly name: string;
  readonly columns: Columns;
  readonly codec: TableCodec;
  /** The same object as long as it is the same table. */
  readonly identity: object;
  /** How many operations of a request to have under way at a time, some of which read rows, or all of which write. */
  readonly readsAtOnce: number;
  readonly writesAtOnce: number;
  /** Number of rows; undefined if only counting tells. */
  readonly size: number | undefined;

  /** A row, or the named columns of it. `cacheControl` is that of the request. */
  read(key: string, columns?: readonly string[], cacheControl?: string): Eventual<StoredRow | undefined>;
  /** Creates or writes a row: `put` replaces the whole row, `set` writes only the given columns. */
  write(
    mode: 'put' | 'set',
    key: string,
    row: RowValues,
    request: WriteRequest,
  ): Eventual<WriteResult & { readonly expiresAt: number | null }>;
  /** Writes the given columns of an existing row, and returns the row as it then is. */
  merge(
    key: string,
    row: RowValues,
    request: WriteRequest,
  ): Eventual<WriteResult & { readonly expiresAt: number | null; readonly row: Readonly<RowValues> | undefined }>;
  remove(key: string, condition: RevisionCondition | undefined): Eventual<WriteResult>;
  /** Adds to a number, in a row that is created if it is missing. */
  increment(
    key: string,
    column: string,
    by: number | bigint,
    request: WriteRequest,
  ): Eventual<WriteResult & { readonly value: number | bigint }>;
  /** Replaces a row, or creates it, with an expiry in epoch milliseconds. */
  load(key: string, row: RowValues, expiresAt: number | null): Eventual<unknown>;

  /** The next rows after a cursor; there may be none although more follow. */
  page(cursor: string | undefined, request: PageRequest): Eventual<PageStep>;
  keys(
    cursor: string | undefined,
    limit: number,
    prefix: string,
  ): Eventual<{ readonly keys: readonly string[]; readonly cursor: string | null }>;
  clear(): Clearing;

  /** The server that an operation on this row goes to; undefined if none does. */
  serverOf(key: string): object | undefined;
  /** Prepares for operations on these keys, which follow at once. */
  loadAhead(keys: readonly string[]): void;
}
