import { setTimeout as pause } from 'node:timers/promises';
import { Table } from '../../../src/table/table.js';
import { type Owner, startService } from '../../fixtures/server-process.js';
import { LOAD_COLUMNS, type LoadReport, ServiceLoad } from '../../fixtures/service-load.js';

const CONNECTIONS = 64;
const KILL_EVERY_MS = 2000;

export interface WorkerKillReport extends LoadReport {
  readonly kills: number;
  /** Rows that are not as their last acknowledged write left them. */
  readonly lost: readonly string[];
  /** Invariants that the table breaks in the end. */
  readonly broken: readonly string[];
}

/**
 * A service of two workers under mixed load from 64 connections, half of them new for each request, of which a worker
 * is killed every two seconds.
 */
export async function killWorkers(owner: Owner, durationMs: number): Promise<WorkerKillReport> {
  const config = { tables: { load: { capacity: 1000, columns: LOAD_COLUMNS } } };
  const { service, port } = await startService(owner, { config });
  using table = Table.open('load', { namespace: service.namespace, columns: LOAD_COLUMNS });
  const common = { port, table: 'load', connections: CONNECTIONS / 2 };
  const loads = [
    new ServiceLoad({ ...common, keys: 'kept', keepAlive: true }),
    new ServiceLoad({ ...common, keys: 'new', keepAlive: false }),
  ];
  const killed = new Set<number>();
  for (let elapsedMs = KILL_EVERY_MS; elapsedMs < durationMs; elapsedMs += KILL_EVERY_MS) {
    await pause(KILL_EVERY_MS);
    // None when the successors of all of them are still starting.
    const victim = service.workers.find((worker) => !killed.has(worker));
    if (victim === undefined) continue;
    process.kill(victim, 'SIGKILL');
    killed.add(victim);
  }
  await pause(KILL_EVERY_MS);
  const reports = await Promise.all(loads.map((load) => load.stop()));
  return {
    kills: killed.size,
    answers: reports.reduce((sum, { answers }) => sum + answers, 0),
    resets: reports.reduce((sum, { resets }) => sum + resets, 0),
    problems: reports.flatMap(({ problems }) => problems),
    lost: loads.flatMap((load) => load.lost(table)),
    broken: table.verify().problems,
  };
}
