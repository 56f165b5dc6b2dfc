import type { WordIndex } from '../layout/units.js';
import type { Columns, Row } from '../types.js';

/** What iteration reads from the row at a word. */
export interface ItemReaders<C extends Columns> {
  readonly readKey: (row: WordIndex) => { key: string };
  readonly readKeyAndRow: (row: WordIndex) => { key: string; row: Row<C> };
}

/** Creates the readers of the rows that iteration visits. */
export function makeItemReaders<C extends Columns>(
  keyAt: (row: WordIndex) => string,
  read: (row: WordIndex) => Row<C>,
): ItemReaders<C> {
  return {
    readKey: (row) => ({ key: keyAt(row) }),
    readKeyAndRow: (row) => ({ key: keyAt(row), row: read(row) }),
  };
}
