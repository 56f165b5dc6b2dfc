/**
 * Measures subjects side by side. In every round every subject runs one slice of each operation, in an order that
 * changes from round to round, so that other load on the machine affects all of them alike. A ratio is computed within
 * a round, from slices that ran next to each other over the same keys; the result is the median over the rounds.
 */
import { freshKey, freshKeys, randomNumbers } from './fresh-keys.js';
import { type Spread, spreadOf } from './spread.js';

/**
 * Executes one operation on each key and returns a sum of the results. The same keys give the same sum in every
 * subject; if the sums differ, the run fails.
 *
 * A subject runs the whole loop over the keys of a slice itself. In a loop shared by all subjects, the call would have
 * seen several functions: none could be inlined, and the fastest subject would lose most.
 */
export type Slice = (keys: readonly string[]) => number | Promise<number>;

export interface Subject<Operation extends string = string> {
  readonly name: string;
  /**
   * A subject may lack operations, but only those that change no rows: otherwise its rows would differ from those of
   * the others.
   */
  readonly slices: Partial<Readonly<Record<Operation, Slice>>>;
  /** The keys of its slices for these key numbers; without this method, a new string for each. */
  keysOf?(numbers: readonly number[]): readonly string[];
  close(): void | Promise<void>;
}

/** Opens a subject with `keys.length` rows, the i-th of them under `keys[i]`. */
export type OpenSubject<Operation extends string = string> = (
  keys: readonly string[],
) => Subject<Operation> | Promise<Subject<Operation>>;

interface Workload<Operation extends string = string> {
  readonly operations: readonly Operation[];
  /** The operations that get keys without rows. */
  readonly absent?: readonly Operation[];
  /** Rows in each subject, 1 or more. */
  readonly keys: number;
  /** Measured rounds, 1 or more; a few more run before them to warm up. */
  readonly rounds: number;
  /** Operations of a slice, 1 or more. */
  readonly sliceOperations: number;
}

/** The measurement of one subject in one operation. */
export interface Measurement<Operation extends string = string> {
  readonly operation: Operation;
  readonly subject: string;
  /** Nanoseconds per operation, for each round. */
  readonly roundsNs: readonly number[];
}

/** Operations before the measured ones, after which the optimising compiler is done. */
const WARM_UP_OPERATIONS = 20_000;
/** Minimum and maximum number of warm-up rounds; the minimum lets everything else settle, too. */
const MIN_WARM_UP_ROUNDS = 5;
const MAX_WARM_UP_ROUNDS = 40;

/** Measures all subjects in all operations that they have. */
export async function measureInterleaved<Operation extends string>(
  openSubjects: readonly OpenSubject<Operation>[],
  workload: Workload<Operation>,
): Promise<Measurement<Operation>[]> {
  const { keys, rounds, operations, absent = [] } = workload;
  const warmUp = warmUpRounds(workload);
  const numbers = Array.from({ length: keys }, (_, number) => number);
  const subjects: Subject<Operation>[] = [];
  try {
    for (const open of openSubjects) subjects.push(await open(numbers.map(freshKey)));
    const measurements = operations.flatMap((operation) =>
      subjects
        .filter((subject) => operation in subject.slices)
        .map((subject) => ({ operation, subject, roundsNs: [] as number[] })),
    );
    const random = randomNumbers(keys, keys);
    for (let round = -warmUp; round < rounds; round++) {
      for (const operation of operations) {
        const able = measurements.filter((measurement) => measurement.operation === operation);
        const shift = absent.includes(operation) ? keys : 0;
        const slice = random(workload.sliceOperations).map((number) => number + shift);
        const times = await runSlices(
          rotated(able, round + warmUp).map(({ subject }) => subject),
          operation,
          slice,
        );
        if (round < 0) continue;
        for (const { subject, roundsNs } of able) roundsNs.push(times.get(subject) ?? Number.NaN);
      }
    }
    return measurements.map(({ operation, subject, roundsNs }) => ({ operation, subject: subject.name, roundsNs }));
  } finally {
    for (const subject of subjects) await subject.close();
  }
}

function warmUpRounds({ sliceOperations }: Workload): number {
  const rounds = Math.ceil(WARM_UP_OPERATIONS / sliceOperations);
  return Math.min(Math.max(rounds, MIN_WARM_UP_ROUNDS), MAX_WARM_UP_ROUNDS);
}

/** How many times as fast one subject was as another in the same rounds: 2 if it took half as long. */
export function relativeSpeed(one: Measurement, other: Measurement): Spread {
  return spreadOf(one.roundsNs.map((ns, round) => other.roundsNs[round] / ns));
}

/** Nanoseconds per operation of every subject over the same keys. Throws when their sums differ. */
async function runSlices<Operation extends string>(
  subjects: readonly Subject<Operation>[],
  operation: Operation,
  numbers: readonly number[],
): Promise<Map<Subject<Operation>, number>> {
  const measured = new Map<Subject<Operation>, number>();
  const sums = new Map<string, number>();
  for (const subject of subjects) {
    const run = subject.slices[operation];
    if (run === undefined) continue;
    const keys = subject.keysOf?.(numbers) ?? freshKeys(numbers);
    // No slice should pay for the garbage that creating the keys has left.
    globalThis.gc?.({ type: 'minor', execution: 'sync' });
    const start = process.hrtime.bigint();
    const sum = await run(keys);
    const elapsedNs = Number(process.hrtime.bigint() - start);
    measured.set(subject, elapsedNs / keys.length);
    sums.set(subject.name, sum);
  }
  if (new Set(sums.values()).size > 1) {
    const shown = [...sums].map(([name, sum]) => `${name}: ${sum}`).join(', ');
    throw new Error(`the subjects disagree about ${operation}: ${shown}`);
  }
  return measured;
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
