/**
 * Nanoseconds per operation of each pool, in one process and in each of two that use the same pool at the same time,
 * compared with a C++ loop of malloc and free; and the cost of creating a FixedPool, for different numbers of slices.
 *
 *   node dist/bench/pools.js [--rounds 21] [--operations 100000]
 */
import { parseArgs } from 'node:util';
import { spreadOf } from '../src/bench/spread.js';
import { printTable } from '../src/cli/output.js';
import { FixedPool, Segment } from '../src/pools/index.js';
import { compileMallocLoop, type MeasuredProcess, startPoolProcess } from './pools/measured-process.js';
import { poolSubjects } from './pools/subjects.js';

const WARM_UP_ROUNDS = 3;
/** malloc and free are quick, so they run this many times the usual number of operations. */
const MALLOC_TIMES = 20;
const CREATED_SLICES = [10_000, 100_000, 1_000_000];
const CREATED_SLICE_BYTES = 128;

interface Workload {
  readonly rounds: number;
  readonly operations: number;
}

/** Nanoseconds per operation: alone, and in each of two concurrent processes; medians over the rounds. */
async function measure(
  start: () => MeasuredProcess,
  { rounds, operations }: Workload,
  renew: () => void = () => {},
): Promise<[string, string]> {
  const processes = [start(), start()];
  const measured = { one: [] as number[], two: [] as number[] };
  try {
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
      renew();
      const alone = await processes[round & 1].run(operations);
      renew();
      const together = await Promise.all(processes.map((measured) => measured.run(operations)));
      if (round < 0) continue;
      measured.one.push(alone);
      measured.two.push((together[0] + together[1]) / 2);
    }
  } finally {
    for (const started of processes) started.stop();
  }
  const shown = (ns: readonly number[]): string => spreadOf(ns).median.toFixed(1);
  return [shown(measured.one), shown(measured.two)];
}

async function measurePool(number: number, workload: Workload): Promise<[string, string]> {
  const subject = poolSubjects[number];
  const { rounds, operations } = workload;
  const segment = Segment.create({ name: `bench-pool-${process.pid}`, size: subject.bytes });
  try {
    subject.create(segment);
    return await measure(
      () => startPoolProcess(number, segment.name),
      { rounds, operations: operations * (subject.times ?? 1) },
      () => subject.renew?.(segment),
    );
  } finally {
    segment.unlink();
    segment.close();
  }
}

async function measureMalloc(workload: Workload): Promise<[string, string]> {
  const loop = compileMallocLoop();
  if (loop === undefined) return ['no g++ here', ''];
  try {
    const { rounds, operations } = workload;
    return await measure(() => loop.start(), { rounds, operations: operations * MALLOC_TIMES });
  } finally {
    loop.remove();
  }
}

/** Milliseconds to reserve the memory, and to create the pool in it; medians over the rounds. */
function measureCreation(slices: number, rounds: number): string[] {
  const [reserved, created]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const size = FixedPool.bytesFor(slices, CREATED_SLICE_BYTES);
    const segment = Segment.create({ name: `bench-pool-${process.pid}`, size });
    const ready = performance.now();
    FixedPool.create(segment, { slices, sliceBytes: CREATED_SLICE_BYTES });
    created.push(performance.now() - ready);
    reserved.push(ready - start);
    segment.unlink();
    segment.close();
  }
  return [String(slices), spreadOf(reserved).median.toFixed(2), spreadOf(created).median.toFixed(4)];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '21' }, operations: { type: 'string', default: '100000' } },
  });
  const workload = { rounds: Number(values.rounds), operations: Number(values.operations) };
  const lines = [['OPERATION', '1 process ns', '2 processes ns each']];
  for (const [number, { name }] of poolSubjects.entries()) lines.push([name, ...(await measurePool(number, workload))]);
  lines.push(['malloc + free of 128 B, C++', ...(await measureMalloc(workload))]);
  printTable(lines);
  console.log();
  printTable([
    [`SLICES of ${CREATED_SLICE_BYTES} B`, 'reserve memory ms', 'create FixedPool ms'],
    ...CREATED_SLICES.map((slices) => measureCreation(slices, Math.min(workload.rounds, 9))),
  ]);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
