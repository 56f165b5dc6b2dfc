/** The operations of the benchmark on rows with string keys, and these rows. */
import type { OpenSubject, Subject } from './interleaved.js';

/** The row of every measurement: int32, float64, and a string of 20 characters. */
export interface BenchRow {
  count: number;
  score: number;
  label: string;
}

/** The same as the columns of a table. */
export const benchColumns = { count: 'int32', score: 'float64', label: 'string(20)' } as const;

/**
 * - `get column`: the sum of `count`
 * - `get row`: the sum of `count` and of the label's lengths, from rows that belong to the caller
 * - `missing key`: looks up keys without rows; the number of those that have one
 * - `set`: writes `rowOf(position)` under the key; the number of keys
 * - `increment`: adds 1 to `count`; the sum of the new values
 * - `delete + insert`: removes the row and writes `rowOf(position)` again; the number of rows removed
 */
export const OPERATIONS = ['get column', 'get row', 'missing key', 'set', 'increment', 'delete + insert'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** The operations that get keys without rows. */
export const ABSENT: readonly Operation[] = ['missing key'];

export type RowSubject = Subject<Operation>;
/** Opens a subject with `rowOf(i)` under `keys[i]`. */
export type OpenRowSubject = OpenSubject<Operation>;

/**
 * Opens a subject that may not be available: if it is not, a subject without operations, and `leftOut` gets the reason.
 */
export function orLeaveOut<O extends string>(name: string, open: OpenSubject<O>, leftOut: string[]): OpenSubject<O> {
  return async (keys) => {
    try {
      return await open(keys);
    } catch (error) {
      leftOut.push(`${name}: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
      return { name, slices: {}, close: () => undefined };
    }
  };
}

/** The row that is written at a position of a slice. */
export function rowOf(position: number): BenchRow {
  return { count: position & 0xffff, score: position / 3, label: LABELS[position & (LABELS.length - 1)] };
}

/** Flat strings, like those parsed from JSON or read from a socket, and not concatenations. */
const LABELS: readonly string[] = JSON.parse(
  JSON.stringify(Array.from({ length: 256 }, (_, i) => `label-${String(i).padStart(14, '0')}`)),
);
