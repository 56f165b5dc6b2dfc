/** Several processes that use one table and get their next jobs at the same moment. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Table } from '../table/table.js';
import { freshKey } from './fresh-keys.js';
import type { BenchTable, Job, JobResult } from './peer-jobs.js';
import { benchColumns, rowOf } from './row-subject.js';

const PEER_PROCESS = fileURLToPath(new URL('./peer-process.js', import.meta.url));

export class Peers {
  readonly #table: BenchTable;
  readonly #children: readonly ChildProcess[];

  /** A full table, and processes that use it. The table ends with them, however they end. */
  constructor(rows: number, peers: number) {
    const name = `bench-${process.pid}`;
    this.#table = Table.create({ name, capacity: rows, columns: benchColumns, backend: 'anonymous' });
    for (let i = 0; i < rows; i++) this.#table.set(freshKey(i), rowOf(i));
    this.#children = Array.from({ length: peers }, () =>
      fork(PEER_PROCESS, [name], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }),
    );
  }

  /** Lets the first process do the first job while the second does the second, and so on; the others are idle. */
  run(jobs: readonly Job[]): Promise<JobResult[]> {
    return Promise.all(jobs.map((job, i) => resultOf(this.#children[i], job)));
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.disconnect();
        await ended;
      }),
    );
    this.#table.destroy();
  }
}

/** Operations per second of all processes together. */
export function ratePerSecond(results: readonly JobResult[]): number {
  return results.reduce((sum, { operations, elapsedMs }) => sum + operations / elapsedMs, 0) * 1000;
}

function resultOf(child: ChildProcess, job: Job): Promise<JobResult> {
  return new Promise((resolve, reject) => {
    const failed = (): void => reject(new Error(`a process of the benchmark ended during '${job.kind}'`));
    child.once('exit', failed);
    child.once('message', (result: JobResult) => {
      child.off('exit', failed);
      resolve(result);
    });
    child.send(job);
  });
}
