import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inOwnShm } from '../../fixtures/own-shm.js';
import { preloaded } from '../../fixtures/refused-calls.js';
import type { KillOutcome } from './kill-operation.js';

const program = fileURLToPath(new URL('../../fixtures/proof-kill.js', import.meta.url));

/** The options of a run of `proof-kill`; see there. */
export interface KillRun {
  readonly seed: number;
  /** Share of the kill points to try. */
  readonly share: number;
  /** Kill points of each recovery. */
  readonly recovery: 'all' | number;
  /** Failures after which an operation is abandoned. */
  readonly failures?: number;
  /** Name of the only operation to kill. */
  readonly only?: string;
  /** For parallel runs: `0/2` is the first half of the operations. */
  readonly slice?: string;
  /** Folder of the compiled package, by default this one's. */
  readonly subject?: string;
}

/** Runs `proof-kill` in a separate process, in which no V8 thread runs beside the one that is forked. */
export async function runKills(run: KillRun, report: (outcome: KillOutcome) => void): Promise<void> {
  const { subject, ...options } = run;
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const [command, ...rest] = inOwnShm([process.execPath, '--single-threaded', program, ...args]);
  const child = spawn(command, rest, {
    env: {
      ...process.env,
      ...preloaded(),
      ...(subject === undefined ? {} : { SHMTABLE_PROOF_SUBJECT: subject }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on('exit', (code, signal) => resolve(code ?? signal));
  });
  for await (const line of createInterface({ input: child.stdout })) report(JSON.parse(line));
  const status = await ended;
  if (status !== 0) throw new Error(`proof-kill ended with ${status}: ${errors}`);
  if (errors !== '') process.stderr.write(errors);
}
