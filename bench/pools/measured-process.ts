import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A process that runs operations on request. */
export interface MeasuredProcess {
  /** Nanoseconds per operation. */
  run(operations: number): Promise<number>;
  stop(): void;
}

const POOL_PROCESS = fileURLToPath(new URL('./pool-process.js', import.meta.url));
const MALLOC_SOURCE = fileURLToPath(new URL('../../../bench/pools/malloc-loop.cc', import.meta.url));

/** A process that uses the pool in a segment; `number` is the number of its subject. */
export function startPoolProcess(number: number, segment: string): MeasuredProcess {
  const child = fork(POOL_PROCESS, [String(number), segment], { execArgv: [] });
  return {
    run: (operations) =>
      answerOf(child, (resolve) => {
        child.once('message', resolve);
        child.send(operations);
      }),
    stop: () => child.kill(),
  };
}

/** The C++ loop of malloc and free, compiled by g++ with -O2; undefined if g++ is not installed. */
export function compileMallocLoop(): { start(): MeasuredProcess; remove(): void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-malloc-'));
  const program = join(folder, 'malloc-loop');
  const remove = (): void => rmSync(folder, { recursive: true });
  try {
    execFileSync('g++', ['-O2', '-o', program, MALLOC_SOURCE], { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    remove();
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  return { start: () => startMallocLoop(program), remove };
}

function startMallocLoop(program: string): MeasuredProcess {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  return {
    run: (operations) =>
      answerOf(child, (resolve) => {
        lines.once('line', (line) => resolve(Number(line)));
        child.stdin.write(`${operations}\n`);
      }),
    stop: () => child.kill(),
  };
}

/** Resolves like `ask`; rejects if the process ends first. */
function answerOf(child: ChildProcess, ask: (resolve: (ns: number) => void) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('a process of the benchmark has ended'));
    child.once('exit', ended);
    ask((ns) => {
      child.off('exit', ended);
      resolve(ns);
    });
  });
}
