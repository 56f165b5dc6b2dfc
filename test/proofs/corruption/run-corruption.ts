import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inOwnShm } from '../../fixtures/own-shm.js';
import type { CaseFailure } from './corruption-proof.js';

const program = fileURLToPath(new URL('../../fixtures/proof-corruption.js', import.meta.url));
/** A hundred cases take a tenth of a second; a process that reports nothing for this long is killed. */
const SILENCE_MS = 30_000;

export interface CorruptionReport {
  readonly failures: { readonly case: number; readonly failure: CaseFailure }[];
  codes: Record<string, number>;
  /** Whether the process finished: it neither hung nor died. */
  completed: boolean;
}

/**
 * Damages a table `cases` times in a separate process, and reports if that process hangs or dies.
 *
 * @param maxFailures number of failures after which the remaining cases are not tried
 */
export async function runCorruption(
  seed: number,
  cases: number,
  maxFailures = Number.POSITIVE_INFINITY,
): Promise<CorruptionReport> {
  const report: CorruptionReport = { failures: [], codes: {}, completed: false };
  const [command, ...args] = inOwnShm([process.execPath, program, String(seed), String(cases)]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const watchdog = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
  for await (const line of createInterface({ input: child.stdout })) {
    watchdog.refresh();
    if (line === '.') continue;
    const message = JSON.parse(line);
    if ('codes' in message) report.codes = message.codes;
    else report.failures.push(message);
    if (report.failures.length >= maxFailures) child.kill('SIGKILL');
  }
  report.completed = (await ended) === 0;
  clearTimeout(watchdog);
  return report;
}
