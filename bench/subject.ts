/**
 * What the benchmark measures: a store of rows under string keys, and what it does with them.
 *
 * A subject runs the whole loop over the keys of a slice itself. One loop shared by all subjects would call them
 * through a place in the code that has seen several functions: none could be inlined, and the fastest would lose most.
 */

/** The row of every measurement: int32, float64, and a string of 20 characters. */
export interface BenchRow {
  count: number;
  score: number;
  label: string;
}

export const OPERATIONS = ['get column', 'get row', 'set', 'increment', 'delete + insert'] as const;
export type Operation = (typeof OPERATIONS)[number];

/**
 * Does one thing to the row of each key, all of which exist, and returns a sum over what it met. The same keys give
 * the same sum in every subject: the run fails where they differ.
 *
 * - `get column`: the sum of `count`
 * - `get row`: the sum of `count` and of the label's lengths, from rows that belong to the caller
 * - `set`: writes `rowOf(position)` under the key; the number of keys
 * - `increment`: adds 1 to `count`; the sum of the new values
 * - `delete + insert`: removes the row and writes `rowOf(position)` anew; the number of rows removed
 */
export type Slice = (keys: readonly string[]) => number | Promise<number>;

export interface Subject {
  readonly name: string;
  /** What it cannot do is left out; what changes rows is not, or its rows would come to differ from the others'. */
  readonly slices: Partial<Readonly<Record<Operation, Slice>>>;
  close(): void | Promise<void>;
}

/** Makes a subject with room for `keys.length` rows, `rowOf(i)` under `keys[i]`. */
export type OpenSubject = (keys: readonly string[]) => Subject | Promise<Subject>;

/** The row that is written at a position of a slice. */
export function rowOf(position: number): BenchRow {
  return { count: position & 0xffff, score: position / 3, label: LABELS[position & (LABELS.length - 1)] };
}

const LABELS = Array.from({ length: 256 }, (_, i) => `label-${String(i).padStart(14, '0')}`);
