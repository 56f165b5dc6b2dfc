/** What the benchmark does with rows under string keys, and which rows. */
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
 * - `absent key`: asks for keys that are not there; the number of those that are
 * - `set`: writes `rowOf(position)` under the key; the number of keys
 * - `increment`: adds 1 to `count`; the sum of the new values
 * - `delete + insert`: removes the row and writes `rowOf(position)` anew; the number of rows removed
 */
export const OPERATIONS = ['get column', 'get row', 'absent key', 'set', 'increment', 'delete + insert'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** The operations that get keys which are not there. */
export const ABSENT: readonly Operation[] = ['absent key'];

export type RowSubject = Subject<Operation>;
/** Opens a subject with `rowOf(i)` under `keys[i]`. */
export type OpenRowSubject = OpenSubject<Operation>;

/** Opens a subject that may not be had here: one that does nothing when it cannot, and `leftOut` gets the reason. */
export function orLeaveOut(name: string, open: OpenRowSubject, leftOut: string[]): OpenRowSubject {
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

/** Each as one flat piece of memory, as they come out of JSON or off a socket, and not put together of two. */
const LABELS: readonly string[] = JSON.parse(
  JSON.stringify(Array.from({ length: 256 }, (_, i) => `label-${String(i).padStart(14, '0')}`)),
);
