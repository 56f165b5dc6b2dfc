import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { problemsOf, steps } from './steps.js';

const source = fileURLToPath(new URL('../../../../test/proofs/order/relacy/main.cpp', import.meta.url));
const RELACY = '/usr/include/relacy/relacy.hpp';
/** Without them relacy's own `operator delete` would not be used for everything that its `operator new` returned. */
const OPTIONS = ['-std=gnu++17', '-O0', '-w', '-fno-sized-deallocation'];

/** How much relacy explores: see `main.cpp`. */
interface Effort {
  readonly switches: number;
  readonly random: number;
}

export interface OrderReport {
  /** Runs that ended as they must: scenarios and steps that hold, and those without one order, which do not. */
  readonly passed: number;
  readonly problems: readonly string[];
  readonly executions: number;
}

/** Checks the orders of memory: the steps by the model of arm64, the scenarios by relacy. */
export function checkOrders(effort: Effort): OrderReport {
  const stepProblems = steps.flatMap(problemsOf);
  const stepRuns = steps.reduce((sum, { orders }) => sum + 1 + orders.length, 0);
  const { passed, problems, executions } = exploreScenarios(effort);
  return { passed: passed + stepRuns - stepProblems.length, problems: [...stepProblems, ...problems], executions };
}

function exploreScenarios({ switches, random }: Effort): OrderReport {
  if (!existsSync(RELACY)) return failed(`${RELACY} is missing: install the Debian package "relacy-dev"`);
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-order-'));
  try {
    const program = join(folder, 'order');
    execFileSync('g++', [...OPTIONS, '-o', program, source]);
    const { stdout, status } = spawnSync(program, [`${switches}`, `${random}`], {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    return status === 0 ? reportOf(stdout) : failed(`relacy ended with ${status}: ${stdout}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function failed(problem: string): OrderReport {
  return { passed: 0, problems: [problem], executions: 0 };
}

function reportOf(output: string): OrderReport {
  const lines = output.matchAll(/^(held|failed) \| (.+) \| (.+) \| (\d+)$/gm);
  let [passed, executions] = [0, 0];
  const problems: string[] = [];
  for (const [, result, scenario, order, count] of lines) {
    executions += Number(count);
    const mustHold = order === '-';
    if ((result === 'held') === mustHold) passed++;
    else problems.push(mustHold ? `"${scenario}" does not hold: ${output}` : `"${scenario}" holds without "${order}"`);
  }
  if (passed + problems.length === 0) problems.push(`relacy ran no scenario: ${output}`);
  return { passed, problems, executions };
}
