import type { RowMemory } from './layout/row-memory.js';
import type { WordIndex } from './layout/units.js';
import type { RowCodec } from './row-codec.js';
import type { Columns } from './types.js';

/** Where rows are read from: the memory of a table, or a copy of one row. A row is given by its first word. */
export interface RowSource<C extends Columns = Columns> {
  readonly memory: RowMemory;
  readonly codec: Pick<RowCodec<C>, 'read' | 'readers' | 'stored' | 'damage' | 'long'>;
  readonly keyAt: (row: WordIndex) => string;
  readonly revisionAt: (row: WordIndex) => number;
  /** Table time in milliseconds, 0 for never. */
  readonly expiresAt: (row: WordIndex) => number;
}

/**
 * Creates a function that reads a row. It may run on a row that is half overwritten; its result is then discarded. It
 * must not throw.
 */
export type RowReader<C extends Columns, T> = (source: RowSource<C>) => (row: WordIndex) => T;

/** One way of reading rows, both in place and from the reader's copy. */
export interface RowReading<T> {
  readonly inPlace: (row: WordIndex) => T;
  /** Reads the row that was copied last. */
  readonly copied: () => T;
}
