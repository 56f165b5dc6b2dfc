import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Table } from '../../../src/index.js';
import { findViolation, type Violation } from './checker.js';
import { HistoryLog } from './history-log.js';
import { HISTORY_KEYS, type HistoryTable, historyOptions, perform } from './row-history.js';
import { type RowOperation, rowModel } from './row-model.js';

const PROCESSES = 4;
const program = fileURLToPath(new URL('../../fixtures/proof-history.js', import.meta.url));

export interface HistoryReport {
  operations: number;
  overlapping: number;
  interrupted: number;
  /** How often the table was altered meanwhile. */
  alterations: number;
  violations: Violation<RowOperation>[];
}

/**
 * Checks, row by row, a history made by four concurrent processes, of which two are killed in the middle, followed by
 * reads of every row. `hasLong`: the rows have values in blocks, which must always be those of one write. `isAltered`:
 * the table is altered throughout.
 */
export async function runHistory(
  round: number,
  operations: number,
  { hasLong = false, isAltered = false } = {},
): Promise<HistoryReport> {
  const name = `history-${process.pid}-${round}`;
  const table: HistoryTable = Table.create(historyOptions(name, hasLong));
  const logs = Array.from({ length: PROCESSES + 1 }, (_, i) => HistoryLog.create(`${name}-log-${i}`, operations));
  const processes = logs.slice(1).map((_, i) => start(name, `${name}-log-${i + 1}`, round * PROCESSES + i));
  try {
    while (!logs.slice(1).every((log) => log.isReady)) await sleep(1);
    for (const log of logs) log.start();
    const killed = killSome(processes, logs);
    const alterations = isAltered ? await alterUntilEnd(table, processes) : 0;
    await killed;
    for (const { ended } of processes) {
      const outcome = await ended;
      assert(outcome === 0 || outcome === 'SIGKILL', `a process of the history ended with ${outcome}`);
    }
    readAll(table, logs[0]);
    assert.deepEqual(table.verify(), { ok: true, problems: [] });
    return { ...checkHistories(logs), alterations };
  } finally {
    for (const { child } of processes) child.kill('SIGKILL');
    for (const log of logs) log.destroy();
    table.destroy();
  }
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<number | string | null>;
}

function start(...args: (string | number)[]): Running {
  const child = spawn(process.execPath, [program, ...args.map(String)], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise<number | string | null>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  return { child, ended };
}

/** Kills two of the processes, each after a random share of its history. */
async function killSome(processes: readonly Running[], logs: readonly HistoryLog[]): Promise<void> {
  await Promise.all(
    processes.slice(0, 2).map(async ({ child }, i) => {
      const share = Math.random();
      while (child.exitCode === null && logs[i + 1].recorded < share * logs[i + 1].capacity) await sleep(1);
      child.kill('SIGKILL');
    }),
  );
}

/** Alters the table until all processes have ended, and returns how often. */
async function alterUntilEnd({ name, capacity }: HistoryTable, processes: readonly Running[]): Promise<number> {
  let alterations = 0;
  while (processes.some(({ child }) => child.exitCode === null && child.signalCode === null)) {
    Table.alter(name, { capacity: capacity + (++alterations % 3) * capacity, lockTimeoutMs: 10_000 });
    await sleep(1);
  }
  return alterations;
}

/** The final state is part of the history. */
function readAll(table: HistoryTable, log: HistoryLog): void {
  for (const [i, key] of HISTORY_KEYS.entries()) log.record(i, 'get', 0, 0, () => perform(table, key, 'get', 0, 0));
}

function checkHistories(logs: readonly HistoryLog[]): Omit<HistoryReport, 'alterations'> {
  const histories: RowOperation[][] = HISTORY_KEYS.map(() => []);
  for (const log of logs) log.read(histories);
  const report: Omit<HistoryReport, 'alterations'> = { operations: 0, overlapping: 0, interrupted: 0, violations: [] };
  for (const history of histories) {
    report.operations += history.length;
    report.overlapping += countOverlapping(history);
    report.interrupted += history.filter((operation) => operation.return === Number.POSITIVE_INFINITY).length;
    const violation = findViolation(history, rowModel);
    if (violation !== undefined) report.violations.push(violation);
  }
  return report;
}

/** Operations that were called before an earlier one had returned: without overlap, the check would prove nothing. */
function countOverlapping(history: readonly RowOperation[]): number {
  const calls = history.toSorted((a, b) => a.call - b.call);
  let latest = 0;
  let overlapping = 0;
  for (const operation of calls) {
    if (operation.call <= latest) overlapping++;
    if (operation.return !== Number.POSITIVE_INFINITY) latest = Math.max(latest, operation.return);
  }
  return overlapping;
}
