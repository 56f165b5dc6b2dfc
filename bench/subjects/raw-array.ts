/**
 * Typed arrays over shared memory and nothing else: no keys, no types, no locks; a row is found by its number. Whatever
 * a table in shared memory costs beyond that is the cost of keys and guarantees.
 */
import { freshKeys } from '../../src/bench/fresh-keys.js';
import { type BenchRow, type RowSubject, rowOf } from '../../src/bench/row-subject.js';

const LABEL_BYTES = 20;

export function openRawArray(keys: readonly string[]): RowSubject {
  const counts = new Int32Array(new SharedArrayBuffer(4 * keys.length));
  const scores = new Float64Array(new SharedArrayBuffer(8 * keys.length));
  const labels = Buffer.from(new SharedArrayBuffer(LABEL_BYTES * keys.length));
  const write = (number: number, { count, score, label }: BenchRow): void => {
    counts[number] = count;
    scores[number] = score;
    labels.write(label, number * LABEL_BYTES, 'latin1');
  };
  for (let number = 0; number < keys.length; number++) write(number, rowOf(number));
  /** Row numbers of the next slice, because rows are found by number, not by key. */
  let numbers: readonly number[] = [];
  return {
    name: 'typed array',
    keysOf(asked) {
      numbers = asked;
      return freshKeys(asked);
    },
    slices: {
      'get column': () => {
        let sum = 0;
        for (let i = 0; i < numbers.length; i++) sum += counts[numbers[i]];
        return sum;
      },
      'get row': () => {
        let sum = 0;
        for (let i = 0; i < numbers.length; i++) {
          const number = numbers[i];
          const start = number * LABEL_BYTES;
          row = {
            count: counts[number],
            score: scores[number],
            label: labels.toString('latin1', start, start + LABEL_BYTES),
          };
          sum += row.count + row.label.length;
        }
        return sum;
      },
      set: () => {
        for (let i = 0; i < numbers.length; i++) write(numbers[i], rowOf(i));
        return numbers.length;
      },
      increment: () => {
        let sum = 0;
        for (let i = 0; i < numbers.length; i++) sum += Atomics.add(counts, numbers[i], 1) + 1;
        return sum;
      },
      'delete + insert': () => {
        for (let i = 0; i < numbers.length; i++) {
          counts[numbers[i]] = 0;
          write(numbers[i], rowOf(i));
        }
        return numbers.length;
      },
    },
    close: () => undefined,
  };
}

/** The last row read. Exported, so that the compiler cannot remove the rows. */
export let row: BenchRow | undefined;
