import { FIELD_LENGTH, LENGTH_MASK } from './layout/heap.js';
import { isLong, type PlacedColumn, ROW_HASH } from './layout/row.js';
import type { BucketNumber, WordIndex } from './layout/units.js';
import type { Reader } from './reader.js';
import type { RowReading, RowSource } from './row-source.js';
import type { Columns } from './types.js';

/**
 * A row with more bytes of long values than this is not read together with its chain, but when the caller gets to it.
 */
const READ_AHEAD_BYTES = 64 * 1024;

/** A row of a chain; without a value when it is to be read by itself. */
interface ChainRow<T> {
  readonly key: string;
  readonly hash: number;
  /** Bytes of the long values that would be read. */
  readonly bytes: number;
  readonly value: T | undefined;
}

/** Reads chains in which rows may have long values. */
export class LongRowReading<C extends Columns, T> {
  readonly #reader: Reader<C>;
  readonly #reading: RowReading<ChainRow<T>>;
  /** The key of the row that is read whatever its length; while it is set, no other row is read. */
  #only: string | undefined;

  /** `columns` are those that `make` reads. Rows whose keys do not begin with `prefix` have no value. */
  constructor(
    reader: Reader<C>,
    columns: readonly PlacedColumn[],
    prefix: string,
    make: (source: RowSource<C>) => (row: WordIndex, key: string) => T,
  ) {
    const fields = columns.filter(isLong).map(({ offset }) => offset / 4 + FIELD_LENGTH);
    this.#reader = reader;
    this.#reading = reader.reading((source) => {
      const read = make(source);
      const { words } = source.memory;
      return (at) => {
        const key = source.keyAt(at);
        let bytes = 0;
        for (const field of fields) bytes += words[at + field] & LENGTH_MASK;
        const isRead =
          this.#only === undefined ? bytes <= READ_AHEAD_BYTES && key.startsWith(prefix) : key === this.#only;
        return { key, hash: words[at + ROW_HASH], bytes, value: isRead ? read(at, key) : undefined };
      };
    });
  }

  chain(bucket: BucketNumber): ChainRow<T>[] {
    this.#only = undefined;
    return this.#reader.chain(bucket, this.#reading);
  }

  /**
   * The rows of a chain, one after the other. `proceed` is called before a row that is read by itself, because the
   * caller may have closed the table meanwhile, and may throw.
   */
  *rows(bucket: BucketNumber, proceed: () => void): Generator<{ readonly key: string; readonly value: T }> {
    for (const { key, value } of this.chain(bucket)) {
      if (value !== undefined) {
        yield { key, value };
        continue;
      }
      proceed();
      const own = this.rowOf(bucket, key);
      if (own !== undefined) yield { key, value: own };
    }
  }

  /** The current row of a key in this bucket's chain; undefined when it no longer exists. */
  rowOf(bucket: BucketNumber, key: string): T | undefined {
    this.#only = key;
    return this.#reader.chain(bucket, this.#reading).find((row) => row.key === key)?.value;
  }
}
