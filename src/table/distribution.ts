/**
 * How the chains of buckets, the rows and their values are distributed, estimated from a sample: chains at equal
 * distances over the whole table, read in pieces so that the caller can do other work in between.
 */

import { FIELD_LENGTH, LENGTH_MASK } from './layout/heap.js';
import { isLong, isVariable, lengthAt, type PlacedColumn, ROW_KEY_LENGTH } from './layout/row.js';
import type { BucketNumber } from './layout/units.js';
import type { RowReading, RowSource } from './row-source.js';
import { chainLength } from './stats.js';
import type { TableHandle } from './table-handle.js';
import type { TableParts } from './table-parts.js';
import type { Columns, Distribution, SizeClass } from './types.js';

/** Chains of a sample: about 28,000 rows of a full table. */
const MAX_CHAINS = 4096;
/** How many buckets, from the one of the sample on, are searched for one that has rows. */
const REACH = 64;
const CHAINS_AT_ONCE = 16;

interface RowSizes {
  readonly key: string;
  readonly keyBytes: number;
  /** Bytes of the value of each column. */
  readonly values: readonly number[];
}

/** A sample in the making. */
export class DistributionSample<C extends Columns> {
  readonly #handle: TableHandle<C>;
  /** Those of one segment; only `advance` may go on to others. */
  #parts: TableParts<C>;
  #reading: RowReading<RowSizes>;
  #taken = 0;
  #rows = 0;
  #chainLengths = new Map<number, number>();
  #rowBytes = new SizeClasses();
  #valueBytes: SizeClasses[] = [];

  constructor(handle: TableHandle<C>) {
    this.#handle = handle;
    this.#parts = handle.parts;
    this.#reading = this.#begin();
  }

  /** Looks at further chains; false when the sample is complete. Begins anew if the table has been altered. */
  advance(): boolean {
    this.#handle.assertOpen();
    const { parts } = this.#handle;
    if (parts !== this.#parts) {
      this.#parts = parts;
      this.#reading = this.#begin();
    }
    const end = Math.min(this.#taken + CHAINS_AT_ONCE, this.#chains);
    for (; this.#taken < end; this.#taken++) this.#lookAt(this.#startOf(this.#taken), this.#startOf(this.#taken + 1));
    return this.#taken < this.#chains;
  }

  get result(): Distribution {
    const lengths = [...this.#chainLengths].sort(([a], [b]) => a - b);
    return {
      sample: { chains: this.#taken, ofChains: this.#parts.memory.homeBuckets, rows: this.#rows },
      chainLengths: lengths.map(([buckets, count]) => ({ buckets, count })),
      rowBytes: this.#rowBytes.list(),
      valueBytes: Object.fromEntries(
        this.#columns.flatMap(({ name, isHidden, field }, i) =>
          isHidden || field.form === 'number' ? [] : [[name, this.#valueBytes[i].list()]],
        ),
      ),
    };
  }

  get #columns(): readonly PlacedColumn[] {
    return this.#parts.memory.layout.row.columns;
  }

  get #chains(): number {
    return Math.min(this.#parts.memory.homeBuckets, MAX_CHAINS);
  }

  #begin(): RowReading<RowSizes> {
    this.#taken = 0;
    this.#rows = 0;
    this.#chainLengths = new Map();
    this.#rowBytes = new SizeClasses();
    this.#valueBytes = this.#columns.map(() => new SizeClasses());
    const columns = this.#columns;
    return this.#parts.reader.reading((source) => (at) => ({
      key: source.keyAt(at),
      keyBytes: source.memory.words[at + ROW_KEY_LENGTH],
      values: columns.map((column) => bytesIn(source, at, column)),
    }));
  }

  /** The first bucket of one of the equal parts of the table. */
  #startOf(part: number): BucketNumber {
    return Math.floor((part * this.#parts.memory.homeBuckets) / this.#chains) as BucketNumber;
  }

  /** The length is that of the first chain; the rows are those of the first chain that has some. */
  #lookAt(bucket: BucketNumber, end: BucketNumber): void {
    const { memory, reader } = this.#parts;
    const length = chainLength(memory, bucket);
    this.#chainLengths.set(length, (this.#chainLengths.get(length) ?? 0) + 1);
    const last = Math.min(bucket + REACH, end) as BucketNumber;
    const filled = reader.chains.nextFilled(bucket, last);
    if (filled === last) return;
    for (const { keyBytes, values } of reader.chain(filled, this.#reading)) {
      this.#rows++;
      this.#rowBytes.add(values.reduce((sum, bytes) => sum + bytes, keyBytes));
      for (const [i, bytes] of values.entries()) this.#valueBytes[i].add(bytes);
    }
  }
}

/** Counts by classes whose bounds are powers of two. */
class SizeClasses {
  readonly #counts = new Map<number, number>();

  add(bytes: number): void {
    const upTo = bytes === 0 ? 0 : 2 ** Math.ceil(Math.log2(bytes));
    this.#counts.set(upTo, (this.#counts.get(upTo) ?? 0) + 1);
  }

  /** From the smallest class in use to the largest, with the empty ones in between. */
  list(): SizeClass[] {
    const bounds = [...this.#counts.keys()];
    const largest = Math.max(...bounds);
    const list: SizeClass[] = [];
    for (let upTo = Math.min(...bounds); upTo <= largest; upTo = upTo === 0 ? 1 : upTo * 2) {
      list.push({ upTo, count: this.#counts.get(upTo) ?? 0 });
    }
    return list;
  }
}

function bytesIn({ memory }: RowSource, at: Parameters<typeof lengthAt>[1], column: PlacedColumn): number {
  if (isLong(column)) return memory.words[at + column.offset / 4 + FIELD_LENGTH] & LENGTH_MASK;
  return isVariable(column) ? lengthAt(memory, at, column) : column.maxBytes;
}
