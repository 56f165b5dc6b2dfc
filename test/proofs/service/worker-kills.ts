import { Table } from '../../../src/table/table.js';
import { eventually, within } from '../../fixtures/deadline.js';
import { type Owner, startService } from '../../fixtures/server-process.js';
import { LOAD_COLUMNS, type LoadReport, ServiceLoad } from '../../fixtures/service-load.js';

const CONNECTIONS = 64;
/** With 64 connections, a few requests on each. */
const ANSWERS_BETWEEN = 1000;
const PATIENCE_MS = 60_000;

export interface WorkerKillReport extends LoadReport {
  /** Rows that do not have the contents of their last acknowledged write. */
  readonly lost: readonly string[];
  /** Invariants that the table violates at the end. */
  readonly broken: readonly string[];
}

/**
 * A service with two workers under mixed load from 64 connections, half of them new for each request. Workers are
 * killed repeatedly, each time after the previous one has been replaced and clients are being served.
 */
export async function killWorkers(owner: Owner, kills: number): Promise<WorkerKillReport> {
  const config = { tables: { load: { capacity: 1000, columns: LOAD_COLUMNS } } };
  const { service, port } = await startService(owner, { config });
  using table = Table.open('load', { namespace: service.namespace, columns: LOAD_COLUMNS });
  const common = { port, table: 'load', connections: CONNECTIONS / 2 };
  const loads = [
    new ServiceLoad({ ...common, keys: 'kept', keepAlive: true }),
    new ServiceLoad({ ...common, keys: 'new', keepAlive: false }),
  ];
  const answersOf = (): number => loads.reduce((sum, { answers }) => sum + answers, 0);
  /** Waits until clients have been served for a while by the workers that are running now. */
  const served = async (): Promise<void> => {
    const wanted = answersOf() + ANSWERS_BETWEEN;
    await eventually('requests get responses', () => answersOf() >= wanted, PATIENCE_MS);
  };
  for (let kill = 0; kill < kills; kill++) {
    await served();
    const from = service.log.length;
    process.kill(service.workers[0], 'SIGKILL');
    await within(
      PATIENCE_MS,
      'a replacement for the worker',
      service.logged(({ msg }) => msg === 'worker replaced', from),
    );
  }
  await served();
  const reports = await Promise.all(loads.map((load) => load.stop()));
  return {
    answers: answersOf(),
    resets: reports.reduce((sum, { resets }) => sum + resets, 0),
    problems: reports.flatMap(({ problems }) => problems),
    lost: loads.flatMap((load) => load.lost(table)),
    broken: table.verify().problems,
  };
}
