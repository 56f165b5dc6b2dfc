import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { runCorruption } from './corruption/run-corruption.js';
import { runKills } from './kill/run-kills.js';
import { runHistory } from './linearizability/run-histories.js';
import { runModels } from './model/run-models.js';
import { killWorkers } from './service/worker-kills.js';
import { Storm } from './storm/storm.js';
import { STORM_KINDS } from './storm/storm-table.js';

/*
 * All proofs in full: `npm run proof [-- --minutes 10] [--seed N] [--only
 * kill|storm|linearizability|corruption|model|service]`.
 *
 * With `--sample`, a seeded part of the recoveries' kill points and of the corruption, fewer histories, and only the
 * small models: what CI runs, in minutes.
 *
 * Prints what was tried and, alone on the last line, `N passed, N failed`, where kill points, histories, cases, models,
 * storms and services are counted. Exits 1 when anything failed.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    minutes: { type: 'string', default: '1' },
    only: { type: 'string' },
    sample: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const RUNS = Math.min(availableParallelism(), 4);
const HISTORIES = values.sample ? 6 : 20;
const HISTORY_OPERATIONS = 10_000;
const CASES = values.sample ? 12_000 : 100_000;
const SERVICE_KILLS = 15;
const RECOVERY_POINTS = values.sample ? 2 : 'all';

let passed = 0;
let failed = 0;

function count(succeeded: number, failures: readonly unknown[]): void {
  passed += succeeded;
  failed += failures.length;
  for (const failure of failures)
    console.log(`FAILED ${typeof failure === 'string' ? failure : JSON.stringify(failure)}`);
}

async function kill(): Promise<string> {
  let [points, recoveryPoints, operations] = [0, 0, 0];
  const runs = Array.from({ length: RUNS }, (_, i) =>
    runKills({ seed: seed + i, share: 1, recovery: RECOVERY_POINTS, slice: `${i}/${RUNS}` }, (outcome) => {
      operations++;
      points += outcome.points;
      // Some scenes of pools, such as "fixed: open", store nothing.
      if (outcome.points === 0 && !/^\w+: /.test(outcome.name)) count(0, [`${outcome.name} was never killed`]);
      recoveryPoints += outcome.recoveryPoints;
      count(outcome.points + outcome.recoveryPoints - outcome.failures.length, outcome.failures);
    }),
  );
  await Promise.all(runs);
  return `${points} kill points of ${operations} operations, and ${recoveryPoints} of their recoveries`;
}

async function storm(): Promise<string> {
  const reports: string[] = [];
  for (const kind of STORM_KINDS) {
    const report = await new Storm(kind).run(Number(values.minutes) * 60_000);
    count(1, []);
    reports.push(`${kind}: ${JSON.stringify(report)}`);
  }
  return reports.join(', ');
}

async function linearizability(): Promise<string> {
  let [operations, overlapping, interrupted] = [0, 0, 0];
  for (let round = 0; round < HISTORIES; round++) {
    const report = await runHistory(round, HISTORY_OPERATIONS, { hasLong: round % 2 === 1 });
    operations += report.operations;
    overlapping += report.overlapping;
    interrupted += report.interrupted;
    count(report.violations.length === 0 ? 1 : 0, report.violations);
  }
  return `${HISTORIES} histories of ${operations} operations, ${overlapping} overlapping, ${interrupted} interrupted by death`;
}

async function corruption(): Promise<string> {
  const share = Math.ceil(CASES / RUNS);
  const reports = await Promise.all(Array.from({ length: RUNS }, (_, i) => runCorruption(seed + i * 7, share)));
  for (const { failures, completed } of reports) count(share - failures.length, completed ? failures : ['it hung']);
  return `${share * RUNS} cases: ${reports.map(({ codes }) => JSON.stringify(codes)).join(' ')}`;
}

async function model(): Promise<string> {
  const outcomes = runModels({ short: values.sample });
  count(
    outcomes.filter(({ problem }) => problem === undefined).length,
    outcomes.filter(({ problem }) => problem !== undefined),
  );
  return outcomes.map(({ name, states }) => `${name}: ${states} states`).join('; ');
}

async function service(): Promise<string> {
  const ends: (() => Promise<void>)[] = [];
  try {
    const { problems, lost, broken, ...report } = await killWorkers(
      { teardown: (end) => ends.push(end) },
      SERVICE_KILLS,
    );
    const failures = [...problems, ...lost, ...broken];
    count(failures.length === 0 ? 1 : 0, failures);
    return `${report.answers} responses, ${report.resets} connections reset by ${SERVICE_KILLS} killed workers`;
  } finally {
    for (const end of ends) await end();
  }
}

async function main(): Promise<void> {
  process.env.SHMTABLE_NAMESPACE = `proofs-${process.pid}`;
  console.log(`seed ${seed}`);
  for (const proof of [kill, storm, linearizability, corruption, model, service]) {
    if ((values.only ?? proof.name) !== proof.name) continue;
    const start = performance.now();
    let summary: string;
    try {
      summary = await proof();
    } catch (error) {
      count(0, [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
      summary = 'ended early';
    }
    console.log(`${proof.name} (${((performance.now() - start) / 1000).toFixed(0)} s): ${summary}`);
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

await main();
