import { ShmTableError } from '../errors.js';
import type { ChainSteps } from './chain-steps.js';
import { checkOptions, integer } from './options.js';
import { ownCode } from './own-code.js';
import type { Reader } from './reader.js';
import type { RowCodec } from './row-codec.js';
import { type PlacedColumn, ROW_HASH } from './row-layout.js';
import { compareScanned, decodeCursor, encodeCursor, type ScanPosition } from './scan-cursor.js';
import { show } from './schema.js';
import type { TableMemory } from './table-memory.js';
import type { Columns, Entry, Row, ScanOptions, ScanPage } from './types.js';

const MAX_LIMIT = 10_000;
const DEFAULT_LIMIT = 100;
/**
 * What a page may cost, in empty buckets passed: a few milliseconds for an event loop, whether its rows are many, far
 * between, or few of a prefix among many others.
 */
const MAX_EFFORT = 2 ** 18;
/** Reading a chain costs about as much as passing so many empty buckets. */
const CHAIN_EFFORT = 64;

/** All rows, chain by chain: each chain is read as one state, so a row present throughout is met exactly once. */
export class RowScan<C extends Columns> {
  readonly #memory: TableMemory;
  readonly #reader: Reader;
  readonly #codec: RowCodec<C>;
  readonly #column: (name: string) => PlacedColumn;
  readonly readKey: (at: number) => { key: string };
  readonly readKeyAndRow: (at: number) => { key: string; row: Row<C> };

  constructor(memory: TableMemory, reader: Reader, codec: RowCodec<C>, column: (name: string) => PlacedColumn) {
    this.#memory = memory;
    this.#reader = reader;
    this.#codec = codec;
    this.#column = column;
    const { keyAt } = reader.steps;
    const readers = ownCode('row-scan', makeReaders<C>, { keyAt, read: codec.read });
    this.readKey = readers.readKey;
    this.readKeyAndRow = readers.readKeyAndRow;
  }

  /** The chains that have rows. `proceed` is called before each is looked for, and may throw. */
  *chains<T extends { readonly key: string }>(read: (at: number) => T, proceed: () => void): Generator<T[]> {
    const end = this.#memory.homeBuckets;
    for (let bucket = 0; ; bucket++) {
      proceed();
      bucket = this.#reader.steps.nextFilled(bucket, end);
      if (bucket === end) return;
      yield this.#reader.chain(bucket, read);
    }
  }

  readonly readEntry = (at: number): Entry<C> => this.#readProjected(at, this.#codec.read);

  #readProjected<R>(at: number, read: (at: number) => R) {
    const revision = this.#memory.revisionAt(at);
    const expiresAt = this.#reader.expiresAt(at);
    return {
      key: this.#reader.steps.keyAt(at),
      row: read(at),
      revision,
      expiresAt: expiresAt === 0 ? null : Math.round(expiresAt),
    };
  }

  /** One page, as `Table.scan` describes it. `proceed` is called when all options are read, and may throw. */
  page<K extends keyof C & string>(options: ScanOptions<C, K>, proceed: () => void): ScanPage<C, K> {
    checkOptions(options);
    const { cursor, prefix = '', columns } = options;
    const limit = integer('limit', options.limit ?? DEFAULT_LIMIT, 1, MAX_LIMIT);
    if (typeof prefix !== 'string') {
      throw new ShmTableError('ERR_ARGUMENT', `prefix must be a string, got ${show(prefix)}`);
    }
    const read = this.#projection(columns);
    proceed();
    const table = this.#memory.identity;
    const { homeBuckets } = this.#memory;
    let position: ScanPosition | undefined =
      cursor === undefined ? { bucket: 0, after: undefined } : decodeCursor(cursor, table, homeBuckets);
    const entries: ScanPage<C, K>['entries'] = [];
    for (let effort = 0; position !== undefined; ) {
      if (entries.length >= limit || effort >= MAX_EFFORT) return { entries, cursor: encodeCursor(position, table) };
      const end = Math.min(position.bucket + MAX_EFFORT - effort, homeBuckets);
      const bucket = this.#reader.steps.nextFilled(position.bucket, end);
      effort += bucket - position.bucket;
      if (bucket === end) {
        position = bucket < homeBuckets ? { bucket, after: undefined } : undefined;
        continue;
      }
      effort += CHAIN_EFFORT;
      const after = bucket === position.bucket ? position.after : undefined;
      position = this.#addBucket({ bucket, after }, prefix, limit - entries.length, read, entries);
    }
    return { entries, cursor: null };
  }

  /** Adds a bucket's rows behind `position` to `entries`, at most `limit`, and returns where to go on. */
  #addBucket<K extends keyof C & string>(
    { bucket, after }: ScanPosition,
    prefix: string,
    limit: number,
    read: (at: number) => Pick<Row<C>, K>,
    entries: ScanPage<C, K>['entries'],
  ): ScanPosition | undefined {
    const found = this.#reader
      .chain(bucket, (at) => {
        const entry = this.#readProjected(at, read);
        return { key: entry.key, hash: this.#memory.words[at + ROW_HASH], entry };
      })
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

  #projection<K extends keyof C & string>(columns: readonly K[] | undefined): (at: number) => Pick<Row<C>, K> {
    if (columns === undefined) return this.#codec.read;
    if (!Array.isArray(columns)) {
      throw new ShmTableError('ERR_ARGUMENT', `columns must be an array, got ${show(columns)}`);
    }
    const chosen = [...new Set<string>(columns)].map((name) => this.#column(name)).sort((a, b) => a.index - b.index);
    return (at) => {
      const row: Partial<Record<string, unknown>> = {};
      for (const { name } of chosen) row[name] = this.#codec.readers[name]?.(at);
      return row as Pick<Row<C>, K>;
    };
  }
}

interface ReaderParts<C extends Columns> {
  readonly keyAt: ChainSteps['keyAt'];
  readonly read: RowCodec<C>['read'];
}

/** What reads the rows that iteration goes through, with code of its own. */
function makeReaders<C extends Columns>({
  keyAt,
  read,
}: ReaderParts<C>): Pick<RowScan<C>, 'readKey' | 'readKeyAndRow'> {
  return {
    readKey: (at) => ({ key: keyAt(at) }),
    readKeyAndRow: (at) => ({ key: keyAt(at), row: read(at) }),
  };
}
