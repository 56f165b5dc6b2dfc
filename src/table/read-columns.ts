import type { WordIndex } from './layout/units.js';
import type { RowCodec } from './row-codec.js';

/** Some columns of the row at a word. */
export function readColumns<T>(readers: RowCodec['readers'], columns: readonly string[], at: WordIndex): T {
  const row: Record<string, unknown> = {};
  for (const name of columns) row[name] = readers[name]?.(at);
  return row as T;
}
