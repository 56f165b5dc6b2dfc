import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import { DEFAULT_SCAN_LIMIT } from './defaults.js';
import type { TableClock } from './expiry/table-clock.js';
import { type PlacedColumn, ROW_HASH } from './layout/row.js';
import type { TableMemory } from './layout/table-memory.js';
import type { BucketNumber, WordIndex } from './layout/units.js';
import { SCAN_OPTIONS } from './option-names.js';
import { integer } from './options.js';
import type { Reader } from './reader.js';
import type { RowReader, RowReading, RowSource } from './row-source.js';
import { compareScanned, decodeCursor, encodeCursor, type ScanPosition } from './scan-cursor.js';
import type { TableCode } from './table-code.js';
import type { Columns, Row, ScanOptions, ScanPage } from './types.js';

const MAX_LIMIT = 10_000;
/**
 * The maximum cost of a page, in empty buckets skipped: a few milliseconds of an event loop, whether its rows are many,
 * sparse, or the few with a prefix among many others.
 */
const MAX_EFFORT = 2 ** 18;
/** Reading a chain costs about as much as skipping this many empty buckets. */
const CHAIN_EFFORT = 64;

/**
 * Iterates over all rows, chain by chain: each chain is read as one state, so a row that is there throughout is met
 * exactly once.
 */
export class RowScan<C extends Columns> {
  readonly #memory: TableMemory;
  readonly #reader: Reader<C>;
  readonly #column: (name: string) => PlacedColumn;
  readonly #clock: TableClock;
  readonly keys: RowReading<{ key: string }>;
  readonly keysAndRows: RowReading<{ key: string; row: Row<C> }>;

  constructor(code: TableCode<C>, reader: Reader<C>, column: (name: string) => PlacedColumn) {
    this.#clock = code.context.clock;
    this.#memory = code.context.memory;
    this.#reader = reader;
    this.#column = column;
    this.keys = reader.reading((source) => code.itemReaders(source).readKey);
    this.keysAndRows = reader.reading((source) => code.itemReaders(source).readKeyAndRow);
  }

  /** The chains that have rows. `proceed` is called before each one is looked for, and may throw. */
  *chains<T extends { readonly key: string }>(reading: RowReading<T>, proceed: () => void): Generator<T[]> {
    const end = this.#memory.homeBuckets;
    for (let bucket = 0 as BucketNumber; ; bucket++) {
      proceed();
      bucket = this.#reader.chains.nextFilled(bucket, end);
      if (bucket === end) return;
      yield this.#reader.chain(bucket, reading);
    }
  }

  /** One page, as `Table.scan` describes it. `proceed` is called after all options are read, and may throw. */
  page<K extends keyof C & string>(options: ScanOptions<C, K>, proceed: () => void): ScanPage<C, K> {
    checkOptions(options, SCAN_OPTIONS);
    const { cursor, prefix = '', columns } = options;
    const limit = integer('limit', options.limit ?? DEFAULT_SCAN_LIMIT, 1, MAX_LIMIT);
    if (typeof prefix !== 'string') {
      throw new ShmTableError('ERR_ARGUMENT', `prefix must be a string, got ${show(prefix)}`);
    }
    const readColumns = projection<C, K>(columns, this.#column);
    const reading = this.#reader.reading((source) => {
      const { words } = source.memory;
      const read = entryReader(source, readColumns(source), this.#clock);
      return (at) => {
        const entry = read(at);
        return { key: entry.key, hash: words[at + ROW_HASH], entry };
      };
    });
    proceed();
    const table = this.#memory.identity;
    const { homeBuckets } = this.#memory;
    let position: ScanPosition | undefined =
      cursor === undefined ? { bucket: 0, after: undefined } : decodeCursor(cursor, table, homeBuckets);
    const entries: ScanPage<C, K>['entries'] = [];
    for (let effort = 0; position !== undefined; ) {
      if (entries.length >= limit || effort >= MAX_EFFORT) return { entries, cursor: encodeCursor(position, table) };
      const end = Math.min(position.bucket + MAX_EFFORT - effort, homeBuckets);
      const bucket = this.#reader.chains.nextFilled(position.bucket as BucketNumber, end);
      effort += bucket - position.bucket;
      if (bucket === end) {
        position = bucket < homeBuckets ? { bucket, after: undefined } : undefined;
        continue;
      }
      effort += CHAIN_EFFORT;
      const after = bucket === position.bucket ? position.after : undefined;
      position = this.#addBucket({ bucket, after }, prefix, limit - entries.length, reading, entries);
    }
    return { entries, cursor: null };
  }

  /** Adds a bucket's rows after `position` to `entries`, at most `limit`, and returns where to continue. */
  #addBucket<K extends keyof C & string>(
    { bucket, after }: ScanPosition,
    prefix: string,
    limit: number,
    reading: RowReading<ScannedRow<C, K>>,
    entries: ScanPage<C, K>['entries'],
  ): ScanPosition | undefined {
    const found = this.#reader
      .chain(bucket as BucketNumber, reading)
      .filter((row) => row.key.startsWith(prefix) && (after === undefined || compareScanned(row, after) > 0))
      .sort(compareScanned);
    const page = found.slice(0, limit);
    for (const { entry } of page) entries.push(entry);
    if (page.length < found.length) {
      const { hash, key } = page[page.length - 1];
      return { bucket, after: { hash, key } };
    }
    return bucket + 1 < this.#memory.homeBuckets ? { bucket: bucket + 1, after: undefined } : undefined;
  }
}

function projection<C extends Columns, K extends keyof C & string>(
  columns: readonly K[] | undefined,
  column: (name: string) => PlacedColumn,
): RowReader<C, Pick<Row<C>, K>> {
  if (columns === undefined) return ({ codec }) => codec.read;
  if (!Array.isArray(columns)) {
    throw new ShmTableError('ERR_ARGUMENT', `columns must be an array, got ${show(columns)}`);
  }
  const chosen = [...new Set<string>(columns)].map(column).sort((a, b) => a.index - b.index);
  return ({ codec }) =>
    (at) => {
      const row: Partial<Record<string, unknown>> = {};
      for (const { name } of chosen) row[name] = codec.readers[name]?.(at);
      return row as Pick<Row<C>, K>;
    };
}

interface ScannedRow<C extends Columns, K extends keyof C & string> {
  readonly key: string;
  readonly hash: number;
  readonly entry: ScanPage<C, K>['entries'][number];
}

/** Creates a reader of entries, whose rows are read by `read`. */
export function entryReader<C extends Columns, R>(
  { keyAt, revisionAt, expiresAt }: RowSource<C>,
  read: (row: WordIndex) => R,
  clock: TableClock,
): (row: WordIndex) => { key: string; row: R; revision: number; expiresAt: number | null } {
  return (row) => {
    // Read first, so that it is never newer than what is read after it.
    const revision = revisionAt(row);
    const expires = expiresAt(row);
    return { key: keyAt(row), row: read(row), revision, expiresAt: clock.toWall(expires) };
  };
}
