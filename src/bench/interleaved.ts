/**
 * Measures subjects side by side. In every round every subject runs one slice of each operation, in an order that
 * changes from round to round, so that whatever else the machine does meets all of them alike. A ratio is taken
 * within a round, from slices that ran next to each other over the same keys; the median is taken over the rounds.
 */
import { freshKey, freshKeys, randomNumbers } from './fresh-keys.js';
import { type Spread, spreadOf } from './spread.js';

/**
 * Does one thing with each key and returns a sum over what it met. The same keys give the same sum in every subject:
 * the run fails where they differ.
 *
 * A subject runs the whole loop over the keys of a slice itself. One loop shared by all subjects would call them
 * through a place in the code that has seen several functions: none could be inlined, and the fastest would lose most.
 */
export type Slice = (keys: readonly string[]) => number | Promise<number>;

export interface Subject<Operation extends string = string> {
  readonly name: string;
  /** What it cannot do is left out; what changes rows is not, or its rows would come to differ from the others'. */
  readonly slices: Partial<Readonly<Record<Operation, Slice>>>;
  /** The keys that its slices get for these numbers; a new string for each when there is no such method. */
  keysOf?(numbers: readonly number[]): readonly string[];
  close(): void | Promise<void>;
}

/** Makes a subject with room for `keys.length` rows, the i-th of them under `keys[i]`. */
export type OpenSubject<Operation extends string = string> = (
  keys: readonly string[],
) => Subject<Operation> | Promise<Subject<Operation>>;

interface Workload<Operation extends string = string> {
  readonly operations: readonly Operation[];
  /** Those of the operations that get keys which no subject has. */
  readonly absent?: readonly Operation[];
  /** Rows in each subject, 1 or more. */
  readonly keys: number;
  /** Measured rounds, 1 or more; a few more run before them to warm up. */
  readonly rounds: number;
  /** Operations of a slice, 1 or more. */
  readonly sliceOperations: number;
}

/** How one subject did one operation. */
export interface Measurement<Operation extends string = string> {
  readonly operation: Operation;
  readonly subject: string;
  /** Nanoseconds an operation, of each round. */
  readonly roundsNs: readonly number[];
}

/** Operations before the measured ones: the optimising compiler is done by then. */
const WARM_UP_OPERATIONS = 20_000;
/** In so many rounds at least, for what else has to settle, and at most. */
const MIN_WARM_UP_ROUNDS = 5;
const MAX_WARM_UP_ROUNDS = 40;

/** Measures all subjects in all operations that they can do. */
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

/** How many times as fast one is as another that ran in the same rounds: 2 took half as long. */
export function speedBeside(one: Measurement, other: Measurement): Spread {
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
    // Making the keys left garbage that nobody's slice should pay for.
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
