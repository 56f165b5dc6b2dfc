/**
 * Measures subjects side by side. In every round every subject runs one slice of each operation, in an order that
 * changes from round to round, so that whatever else the machine does meets all of them alike. A ratio is taken
 * within a round, from slices that ran next to each other over the same keys; the median is taken over the rounds.
 */
import { freshKey, freshKeys, randomNumbers } from './fresh-keys.js';
import { type Spread, spreadOf } from './spread.js';
import { OPERATIONS, type OpenSubject, type Operation, type Subject } from './subject.js';

export interface Workload {
  /** Rows in each subject, 1 or more. */
  readonly keys: number;
  /** Measured rounds, 1 or more; a few more run before them to warm up. */
  readonly rounds: number;
  /** Operations of a slice, 1 or more. */
  readonly sliceOperations: number;
}

/** How one subject did one operation. */
export interface Measurement {
  readonly keys: number;
  readonly operation: Operation;
  readonly subject: string;
  readonly nsPerOperation: Spread;
  /** Times the baseline's speed: 2 took half as long as the first subject, in the same rounds. */
  readonly ratio: Spread;
}

/** Rounds before the measured ones: the optimising compiler is done by then. */
const WARM_UP_ROUNDS = 5;

/** Measures all subjects; the first one, which must do every operation, is the baseline. */
export async function measureInterleaved(
  openSubjects: readonly OpenSubject[],
  workload: Workload,
): Promise<Measurement[]> {
  const { keys, rounds } = workload;
  const numbers = Array.from({ length: keys }, (_, number) => number);
  const subjects: Subject[] = [];
  try {
    for (const open of openSubjects) subjects.push(await open(numbers.map(freshKey)));
    const times = new Map(OPERATIONS.map((operation) => [operation, new Map<Subject, number[]>()]));
    const random = randomNumbers(keys, keys);
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
      for (const [operation, bySubject] of times) {
        const able = subjects.filter((subject) => operation in subject.slices);
        const slice = random(workload.sliceOperations);
        const measured = await runSlices(rotated(able, round + WARM_UP_ROUNDS), operation, slice);
        if (round < 0) continue;
        for (const [subject, ns] of measured) bySubject.set(subject, [...(bySubject.get(subject) ?? []), ns]);
      }
    }
    return [...times].flatMap(([operation, bySubject]) => summarise(keys, operation, subjects, bySubject));
  } finally {
    for (const subject of subjects) await subject.close();
  }
}

/** Nanoseconds per operation of every subject over the same keys. Throws when their sums differ. */
async function runSlices(
  subjects: readonly Subject[],
  operation: Operation,
  numbers: readonly number[],
): Promise<Map<Subject, number>> {
  const measured = new Map<Subject, number>();
  const sums = new Map<string, number>();
  for (const subject of subjects) {
    const run = subject.slices[operation];
    if (run === undefined) continue;
    const keys = freshKeys(numbers);
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

function summarise(
  keys: number,
  operation: Operation,
  subjects: readonly Subject[],
  bySubject: ReadonlyMap<Subject, readonly number[]>,
): Measurement[] {
  const base = bySubject.get(subjects[0]) ?? [];
  return subjects.flatMap((subject) => {
    const samples = bySubject.get(subject);
    if (samples === undefined) return [];
    const ratios = samples.map((ns, round) => base[round] / ns);
    return { keys, operation, subject: subject.name, nsPerOperation: spreadOf(samples), ratio: spreadOf(ratios) };
  });
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
