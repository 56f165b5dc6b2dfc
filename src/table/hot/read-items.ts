import type { WordIndex } from '../layout/units.js';
import type { Columns, Row } from '../types.js';

/** What iteration makes of the row at a word. */
export interface ItemReaders<C extends Columns> {
  readonly readKey: (row: WordIndex) => { key: string };
  readonly readKeyAndRow: (row: WordIndex) => { key: string; row: Row<C> };
}

/** What reads the rows that iteration goes through. */
export function makeItemReaders<C extends Columns>(
  keyAt: (row: WordIndex) => string,
  read: (row: WordIndex) => Row<C>,
): ItemReaders<C> {
  return {
    readKey: (row) => ({ key: keyAt(row) }),
    readKeyAndRow: (row) => ({ key: keyAt(row), row: read(row) }),
  };
}
