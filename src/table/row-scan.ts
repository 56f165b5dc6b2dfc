import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import { DEFAULT_SCAN_LIMIT } from './defaults.js';
import type { TableClock } from './expiry/table-clock.js';
import { isLong, type PlacedColumn } from './layout/row.js';
import type { TableMemory } from './layout/table-memory.js';
import type { BucketNumber, WordIndex } from './layout/units.js';
import { LongRowReading } from './long-row-reading.js';
import { SCAN_OPTIONS } from './option-names.js';
import { integer } from './options.js';
import { readColumns } from './read-columns.js';
import type { Reader } from './reader.js';
import type { RowReader, RowReading, RowSource } from './row-source.js';
import { compareScanned, decodeCursor, encodeCursor, type ScanPosition } from './scan-cursor.js';
import type { TableCode } from './table-code.js';
import type { Columns, Row, ScanOptions, ScanPage } from './types.js';

const MAX_LIMIT = 10_000;
/**
 * The maximum cost of a page, in empty buckets skipped: a few milliseconds, whether the rows are many, sparse, or the
 * few with a prefix among many others.
 */
const MAX_EFFORT = 2 ** 18;
/** Reading a chain costs about as much as skipping this many empty buckets. */
const CHAIN_EFFORT = 64;

/**
 * Maximum bytes of long values on a page; a longer row is alone on its page. The rows themselves, whose size the schema
 * determines, are not counted.
 */
const PAGE_BYTES = 8 * 1024 * 1024;

/** How the rows of a page are read. */
interface PageForm {
  /** Whether values are as they are stored: see `RowCodec`. */
  readonly isStored: boolean;
  /** Bytes of long values, after which the page ends. */
  readonly maxBytes: number;
}

const PUBLIC_PAGE: PageForm = { isStored: false, maxBytes: PAGE_BYTES };

/**
 * Iterates over all rows, chain by chain: each chain is read as one state, so a row that exists throughout is visited
 * exactly once. A row with long values is read separately when its turn comes, in its state at that time. So the memory
 * of a page or an iteration depends neither on the length of a chain nor on the rows after the page.
 */
export class RowScan<C extends Columns> {
  readonly #memory: TableMemory;
  readonly #reader: Reader<C>;
  readonly #column: (name: string) => PlacedColumn;
  readonly #clock: TableClock;
  readonly keys: RowReading<{ key: string }>;
  readonly #keysAndRows: RowReading<{ key: string; row: Row<C> }>;
  /** Iterates over tables with long columns; undefined for other tables. */
  readonly #longRows: LongRowReading<C, Row<C>> | undefined;

  constructor(code: TableCode<C>, reader: Reader<C>, column: (name: string) => PlacedColumn) {
    const { columns } = code.context.memory.layout.row;
    this.#clock = code.context.clock;
    this.#memory = code.context.memory;
    this.#reader = reader;
    this.#column = column;
    this.keys = reader.reading((source) => code.itemReaders(source).readKey);
    this.#keysAndRows = reader.reading((source) => code.itemReaders(source).readKeyAndRow);
    if (columns.some(isLong)) {
      this.#longRows = new LongRowReading(reader, columns, '', ({ codec }) => codec.read);
    }
  }

  /** The buckets that are scanned. */
  get buckets(): Pick<TableMemory, 'homeBuckets' | 'bucketOf'> {
    return this.#memory;
  }

  /** The next bucket from this one on whose chain has rows; the number of buckets when there is none. */
  nextFilled(bucket: BucketNumber): BucketNumber {
    return this.#reader.chains.nextFilled(bucket, this.#memory.homeBuckets);
  }

  /** The keys of a chain. */
  keysOf(bucket: BucketNumber): readonly { readonly key: string }[] {
    return this.#reader.chain(bucket, this.keys);
  }

  /** The rows of a chain with their keys. A row with long values may come without: see `longRow`. */
  rowsOf(bucket: BucketNumber): readonly { readonly key: string; readonly row: Row<C> | undefined }[] {
    if (this.#longRows === undefined) return this.#reader.chain(bucket, this.#keysAndRows);
    return this.#longRows.chain(bucket).map(({ key, value }) => ({ key, row: value }));
  }

  /** A row of a chain that `rowsOf` has left out, as it is now; undefined when it no longer exists. */
  longRow(bucket: BucketNumber, key: string): Row<C> | undefined {
    return this.#longRows?.rowOf(bucket, key);
  }

  /** Whether `rowsOf` may leave out rows. */
  get hasLongRows(): boolean {
    return this.#longRows !== undefined;
  }

  /** All chains that have rows. */
  *chains<T extends { readonly key: string }>(reading: RowReading<T>): Generator<T[]> {
    const end = this.#memory.homeBuckets;
    for (let bucket = 0 as BucketNumber; ; bucket++) {
      bucket = this.nextFilled(bucket);
      if (bucket === end) return;
      yield this.#reader.chain(bucket, reading);
    }
  }

  /** One page, as `Table.scan` describes it. */
  page<K extends keyof C & string>(
    { cursor, prefix, columns, limit }: ReadScanOptions,
    { isStored, maxBytes }: PageForm = PUBLIC_PAGE,
  ): ScanPage<C, K> {
    const chosen = columns?.map(this.#column).sort((a, b) => a.index - b.index);
    const read = projection<C, K>(chosen, isStored);
    const reading = new LongRowReading(this.#reader, chosen ?? this.#memory.layout.row.columns, prefix, (source) =>
      entryReader(source, read(source), this.#clock),
    );
    const { homeBuckets } = this.#memory;
    let position: ScanPosition | undefined =
      cursor === undefined ? { bucket: 0, after: undefined, least: 0 } : decodeCursor(cursor, this.#memory);
    const page = new PageInMaking<PageEntry<C, K>>(limit, maxBytes);
    for (let effort = 0; position !== undefined; ) {
      if (page.isFull || effort >= MAX_EFFORT)
        return { entries: page.entries, cursor: encodeCursor(position, this.#memory) };
      const end = Math.min(position.bucket + MAX_EFFORT - effort, homeBuckets);
      const bucket = this.#reader.chains.nextFilled(position.bucket as BucketNumber, end);
      effort += bucket - position.bucket;
      if (bucket === end) {
        position = startOf(bucket, homeBuckets);
        continue;
      }
      effort += CHAIN_EFFORT;
      const from = bucket === position.bucket ? position : { bucket, after: undefined, least: 0 };
      position = this.#addBucket(from, prefix, reading, page);
    }
    return { entries: page.entries, cursor: null };
  }

  /** Adds a bucket's rows after `position` to the page, as many as fit, and returns where to continue. */
  #addBucket<E>(
    { bucket, after, least }: ScanPosition,
    prefix: string,
    reading: LongRowReading<C, E>,
    page: PageInMaking<E>,
  ): ScanPosition | undefined {
    const found = reading
      .chain(bucket as BucketNumber)
      .filter((row) => row.key.startsWith(prefix) && row.hash >>> 0 >= least)
      .filter((row) => after === undefined || compareScanned(row, after) > 0)
      .sort(compareScanned);
    let last = after;
    for (const { key, hash, bytes, value } of found) {
      if (!page.hasRoomFor(bytes)) return { bucket, after: last, least };
      const entry = value ?? reading.rowOf(bucket as BucketNumber, key);
      if (entry !== undefined) page.add(entry, bytes);
      last = { hash, key };
    }
    return startOf(bucket + 1, this.#memory.homeBuckets);
  }
}

/** The beginning of a bucket; undefined after the last one. */
function startOf(bucket: number, homeBuckets: number): ScanPosition | undefined {
  return bucket < homeBuckets ? { bucket, after: undefined, least: 0 } : undefined;
}

/** The options of a scan after the caller's object was read. */
interface ReadScanOptions {
  readonly cursor: string | undefined;
  readonly prefix: string;
  /** Each once. */
  readonly columns: readonly string[] | undefined;
  readonly limit: number;
}

/** Reads and checks the options of a scan, except what depends on the table. `ERR_ARGUMENT`. */
export function readScanOptions(options: ScanOptions<Columns, string>): ReadScanOptions {
  checkOptions(options, SCAN_OPTIONS);
  const { cursor, prefix = '', columns, limit } = options;
  if (typeof prefix !== 'string') {
    throw new ShmTableError('ERR_ARGUMENT', `prefix must be a string, got ${show(prefix)}`);
  }
  if (columns !== undefined && !Array.isArray(columns)) {
    throw new ShmTableError('ERR_ARGUMENT', `columns must be an array, got ${show(columns)}`);
  }
  return {
    cursor,
    prefix,
    columns: columns === undefined ? undefined : [...new Set<string>(columns)],
    limit: integer('limit', limit ?? DEFAULT_SCAN_LIMIT, 1, MAX_LIMIT),
  };
}

type PageEntry<C extends Columns, K extends keyof C & string> = ScanPage<C, K>['entries'][number];

/** The entries of a page so far. */
class PageInMaking<E> {
  readonly entries: E[] = [];
  readonly #limit: number;
  readonly #maxBytes: number;
  #bytes: number = 0;
  #isFull = false;

  constructor(limit: number, maxBytes: number) {
    this.#limit = limit;
    this.#maxBytes = maxBytes;
  }

  get isFull(): boolean {
    return this.#isFull || this.entries.length >= this.#limit;
  }

  /** False ends the page. The first entry always fits. */
  hasRoomFor(bytes: number): boolean {
    this.#isFull = this.isFull || (this.entries.length > 0 && this.#bytes + bytes > this.#maxBytes);
    return !this.#isFull;
  }

  add(entry: E, bytes: number): void {
    this.entries.push(entry);
    this.#bytes += bytes;
  }
}

/** Reads the chosen columns. */
function projection<C extends Columns, K extends keyof C & string>(
  chosen: readonly PlacedColumn[] | undefined,
  isStored: boolean,
): RowReader<C, Pick<Row<C>, K>> {
  const names = chosen?.map(({ name }) => name);
  return ({ codec }) => {
    const { read, readers } = isStored ? codec.stored : codec;
    return names === undefined ? read : (at) => readColumns<Pick<Row<C>, K>>(readers, names, at);
  };
}

/** Creates a reader of entries, whose rows are read by `read`; the key may be known already. */
export function entryReader<C extends Columns, R>(
  { keyAt, revisionAt, expiresAt }: RowSource<C>,
  read: (row: WordIndex) => R,
  clock: TableClock,
): (row: WordIndex, key?: string) => { key: string; row: R; revision: number; expiresAt: number | null } {
  return (row, key = keyAt(row)) => {
    // Read before the values, so that it is never newer than the values.
    const revision = revisionAt(row);
    const expires = expiresAt(row);
    return { key, row: read(row), revision, expiresAt: clock.toWall(expires) };
  };
}
