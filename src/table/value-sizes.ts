import { FIELD_LENGTH, LENGTH_MASK } from './layout/heap.js';
import { isLong } from './layout/row.js';
import type { TableMemory } from './layout/table-memory.js';
import type { Reader } from './reader.js';
import type { RowScan } from './row-scan.js';
import type { Columns } from './types.js';

/** Upper bounds of the size classes, in bytes; one more class, without a bound, follows the last one. */
const BOUNDS = [0, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 16_777_216];

/** The sizes of a column's values. */
export interface ValueSizes {
  /** Of all values together. */
  bytes: number;
  /** The number of values of each class: more bytes than the previous bound and at most `upTo`; null: no bound. */
  counts: { upTo: number | null; values: number }[];
}

/** The sizes of the values of each long column, by name. O(rows); reads no value. */
export function readValueSizes<C extends Columns>(
  memory: TableMemory,
  reader: Reader<C>,
  scan: RowScan<C>,
): Record<string, ValueSizes> {
  const columns = memory.layout.row.columns.filter(isLong);
  const sizes = columns.map((): ValueSizes => {
    const counts = [...BOUNDS, null].map((upTo) => ({ upTo, values: 0 }));
    return { bytes: 0, counts };
  });
  const reading = reader.reading((source) => (at) => ({
    key: source.keyAt(at),
    lengths: columns.map(({ offset }) => source.memory.words[at + offset / 4 + FIELD_LENGTH] & LENGTH_MASK),
  }));
  for (const chain of scan.chains(reading)) {
    for (const { lengths } of chain) {
      for (const [i, bytes] of lengths.entries()) {
        sizes[i].bytes += bytes;
        const { counts } = sizes[i];
        const found = counts.find(({ upTo }) => upTo === null || bytes <= upTo);
        if (found !== undefined) found.values++;
      }
    }
  }
  return Object.fromEntries(columns.map(({ name }, i) => [name, sizes[i]]));
}
