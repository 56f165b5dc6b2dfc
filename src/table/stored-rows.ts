import type { TableClock } from './expiry/table-clock.js';
import type { Lookup } from './hot/lookup.js';
import type { WordIndex } from './layout/units.js';
import { readColumns } from './read-columns.js';
import type { Reader } from './reader.js';
import { entryReader } from './row-scan.js';
import type { Columns, Entry, Row } from './types.js';

/** Looks up entries with values in their stored form, for code that sends or prints them. */
export class StoredRows<C extends Columns = Columns> {
  readonly #lookup: Lookup<Entry<C>>;
  /**
   * The columns that the current lookup reads; undefined for all. One lookup function serves all selections, so it is
   * compiled only once.
   */
  #columns: readonly string[] | undefined;

  constructor(reader: Reader<C>, clock: TableClock) {
    this.#lookup = reader.lookup((source) => {
      const { read, readers } = source.codec.stored;
      const readChosen = (at: WordIndex): Row<C> =>
        this.#columns === undefined ? read(at) : readColumns<Row<C>>(readers, this.#columns, at);
      return entryReader(source, readChosen, clock);
    });
  }

  /** The entry of a key; of its row only the given columns, which must exist, are read and returned. */
  entry(key: string, columns?: readonly string[]): Entry<C> | undefined {
    this.#columns = columns;
    return this.#lookup(key);
  }
}
