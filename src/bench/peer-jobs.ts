/**
 * The jobs of a peer, one of several processes that use the same table: what it does, for how long, and what it
 * reports.
 */
import { sleep } from '../memory/index.js';
import type { Table } from '../table/table.js';
import { freshKeys, randomNumbers } from './fresh-keys.js';
import { type benchColumns, rowOf } from './row-subject.js';
import { quantile } from './spread.js';

export type BenchTable = Table<typeof benchColumns>;

/** A range of rows, by key number. */
interface KeyRange {
  readonly firstKey: number;
  readonly keys: number;
}

export type Job = KeyRange & { readonly windowMs: number } & (
    | { readonly kind: 'read' | 'write' }
    /**
     * Reads or writes, timed in groups: of 1 for the tail, of more where reading the clock would cost as much as an
     * operation.
     */
    | { readonly kind: 'timed read' | 'timed write'; readonly group: number }
    /** Writes at a constant rate, and sleeps in between. */
    | { readonly kind: 'paced write'; readonly rowsPerSecond: number }
  );

export interface JobResult {
  readonly operations: number;
  readonly elapsedMs: number;
  /** For timed jobs: nanoseconds of one operation. */
  readonly latencyNs?: Latency;
}

export interface Latency {
  readonly median: number;
  readonly p999: number;
  readonly maximum: number;
}

const SLICE_OPERATIONS = 1_000;
/**
 * Number of different slices of keys, which are used in turn: a process that is creating keys would not put load on the
 * table.
 */
const SLICES = 64;
/** Maximum number of timings in a window. */
const MAX_TIMINGS = 1 << 20;
const TIMINGS_OF_NOTHING = 10_000;

export function runJob(table: BenchTable, job: Job): JobResult {
  switch (job.kind) {
    case 'read':
      return runSlices(job, (keys) => readSlice(table, keys));
    case 'write':
      return runSlices(job, (keys) => writeSlice(table, keys));
    case 'timed read':
      return runTimed(job, (keys) => readSlice(table, keys));
    case 'timed write':
      return runTimed(job, (keys) => writeSlice(table, keys));
    case 'paced write':
      return runPaced(table, job, job.rowsPerSecond);
  }
}

/** A sum over everything read. Exported, so that the compiler cannot remove the reads. */
export let sumRead = 0;

/** Both functions return the number of operations. */
function readSlice(table: BenchTable, keys: readonly string[]): number {
  let sum = 0;
  for (let i = 0; i < keys.length; i++) sum += table.get(keys[i], 'count') ?? 0;
  sumRead += sum;
  return keys.length;
}

function writeSlice(table: BenchTable, keys: readonly string[]): number {
  for (let i = 0; i < keys.length; i++) table.set(keys[i], rowOf(i));
  return keys.length;
}

type KeySlice = (keys: readonly string[]) => number;

function runSlices({ windowMs, ...range }: Job, slice: KeySlice): JobResult {
  const nextKeys = keySource(range, SLICE_OPERATIONS);
  const start = performance.now();
  let operations = 0;
  let elapsedMs = 0;
  while (elapsedMs < windowMs) {
    operations += slice(nextKeys());
    elapsedMs = performance.now() - start;
  }
  return { operations, elapsedMs };
}

function runTimed({ windowMs, group, ...range }: Job & { group: number }, slice: KeySlice): JobResult {
  const nextKeys = keySource(range, group);
  const timings = new Float64Array(MAX_TIMINGS);
  const start = performance.now();
  let taken = 0;
  let now = start;
  while (now < start + windowMs && taken < timings.length) {
    const keys = nextKeys();
    const begin = performance.now();
    slice(keys);
    now = performance.now();
    timings[taken++] = now - begin;
  }
  const sorted = timings.subarray(0, taken).sort();
  const clockMs = timeOfNothing();
  const at = (fraction: number): number => (Math.max(0, quantile(sorted, fraction) - clockMs) * 1e6) / group;
  return {
    operations: taken * group,
    elapsedMs: now - start,
    latencyNs: { median: at(0.5), p999: at(0.999), maximum: at(1) },
  };
}

/** Milliseconds between two reads of the clock. */
function timeOfNothing(): number {
  const timings = new Float64Array(TIMINGS_OF_NOTHING);
  for (let i = 0; i < timings.length; i++) {
    const start = performance.now();
    timings[i] = performance.now() - start;
  }
  return quantile(timings.sort(), 0.5);
}

function runPaced(table: BenchTable, { windowMs, ...range }: Job, rowsPerSecond: number): JobResult {
  const nextKeys = keySource(range, 1);
  const start = performance.now();
  let operations = 0;
  let elapsedMs = 0;
  while (elapsedMs < windowMs) {
    const due = Math.floor((elapsedMs * rowsPerSecond) / 1000);
    while (operations < due) operations += writeSlice(table, nextKeys());
    sleep(1);
    elapsedMs = performance.now() - start;
  }
  return { operations, elapsedMs };
}

/** Slices of keys, by range and size: created once, before the job's time begins. */
const created = new Map<string, readonly (readonly string[])[]>();

function keySource({ firstKey, keys }: KeyRange, sliceKeys: number): () => readonly string[] {
  const name = `${firstKey} ${keys} ${sliceKeys}`;
  const slices = created.get(name) ?? createSlices({ firstKey, keys }, sliceKeys);
  created.set(name, slices);
  let next = 0;
  return () => slices[next++ % slices.length];
}

function createSlices({ firstKey, keys }: KeyRange, sliceKeys: number): string[][] {
  const random = randomNumbers(process.pid, keys);
  const slices = (SLICES * SLICE_OPERATIONS) / sliceKeys;
  return Array.from({ length: slices }, () => freshKeys(random(sliceKeys).map((number) => firstKey + number)));
}
