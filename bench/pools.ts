/**
 * Nanoseconds that the operations of each pool take, in one process and in two at the same pool at the same time.
 *
 *   node dist/bench/pools.js [--rounds 21] [--operations 100000]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spreadOf } from '../src/bench/spread.js';
import { printTable } from '../src/cli/output.js';
import { Segment } from '../src/pools/index.js';
import { poolSubjects } from './pools/subjects.js';

const POOL_PROCESS = fileURLToPath(new URL('./pools/pool-process.js', import.meta.url));
const WARM_UP_ROUNDS = 3;

function nsOf(child: ChildProcess, operations: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('a process of the benchmark has ended'));
    child.once('exit', ended);
    child.once('message', (ns: number) => {
      child.off('exit', ended);
      resolve(ns);
    });
    child.send(operations);
  });
}

/** Nanoseconds an operation: alone, and in each of two processes at once; a number for each round. */
async function measure(number: number, rounds: number, operations: number): Promise<{ one: number[]; two: number[] }> {
  const subject = poolSubjects[number];
  const name = `bench-pool-${process.pid}`;
  const segment = Segment.create({ name, size: subject.bytes });
  const children: ChildProcess[] = [];
  const measured = { one: [] as number[], two: [] as number[] };
  try {
    subject.create(segment);
    for (let i = 0; i < 2; i++) children.push(fork(POOL_PROCESS, [String(number), name], { execArgv: [] }));
    for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
      const alone = await nsOf(children[round & 1], operations);
      const together = await Promise.all(children.map((child) => nsOf(child, operations)));
      if (round < 0) continue;
      measured.one.push(alone);
      measured.two.push((together[0] + together[1]) / 2);
    }
  } finally {
    for (const child of children) child.kill();
    segment.unlink();
    segment.close();
  }
  return measured;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '21' }, operations: { type: 'string', default: '100000' } },
  });
  const lines = [['OPERATION', '1 process ns', '2 processes ns each']];
  for (const [number, { name }] of poolSubjects.entries()) {
    const { one, two } = await measure(number, Number(values.rounds), Number(values.operations));
    lines.push([name, spreadOf(one).median.toFixed(0), spreadOf(two).median.toFixed(0)]);
  }
  printTable(lines);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
