import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { runCluster } from './cluster/run-cluster.js';
import { runCorruption } from './corruption/run-corruption.js';
import { runKills } from './kill/run-kills.js';
import { runHistory } from './linearizability/run-histories.js';
import { runModels } from './model/run-models.js';
import { checkOrders } from './order/run-order.js';
import { killWorkers } from './service/worker-kills.js';
import { Storm } from './storm/storm.js';
import { STORM_KINDS } from './storm/storm-table.js';

/*
 * All proofs in full: `npm run proof [-- --minutes 10] [--seed N] [--only
 * kill|storm|linearizability|corruption|model|order|service|cluster]`.
 *
 * With `--sample`, seeded parts of the kill points, of their recoveries' and of the corruption, shorter storms,
 * fewer histories, only the small models, and fewer executions of the scenarios of memory order: what CI runs, in minutes.
 *
 * Prints what was tried and, alone on the last line, `N passed, N failed`, where kill points, histories, cases, models,
 * orders, storms, services and scenarios of a cluster are counted. Exits 1 when anything failed.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    minutes: { type: 'string' },
    only: { type: 'string' },
    sample: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const RUNS = Math.min(availableParallelism(), 4);
const HISTORIES = values.sample ? 6 : 20;
const HISTORY_OPERATIONS = 10_000;
const CASES = values.sample ? 8_000 : 100_000;
const SERVICE_KILLS = 15;
/** Of each kind of storm. */
const STORM_MINUTES = Number(values.minutes ?? (values.sample ? 0.3 : 1));
const ORDER_EFFORT = values.sample ? { switches: 3, random: 5_000 } : { switches: 4, random: 100_000 };
const KILL_SHARE = values.sample ? 0.4 : 1;
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
    runKills({ seed: seed + i, share: KILL_SHARE, recovery: RECOVERY_POINTS, slice: `${i}/${RUNS}` }, (outcome) => {
      operations++;
      points += outcome.points;
      // Some scenes of pools, such as "fixed: open", store nothing, and half of few points may be none.
      if (!values.sample && outcome.points === 0 && !/^\w+: /.test(outcome.name))
        count(0, [`${outcome.name} was never killed`]);
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
    const report = await new Storm(kind).run(STORM_MINUTES * 60_000);
    count(1, []);
    reports.push(`${kind}: ${JSON.stringify(report)}`);
  }
  return reports.join(', ');
}

async function linearizability(): Promise<string> {
  let [operations, overlapping, interrupted, alterations] = [0, 0, 0, 0];
  for (let round = 0; round < HISTORIES; round++) {
    const report = await runHistory(round, HISTORY_OPERATIONS, {
      hasLong: round % 2 === 1,
      isAltered: round % 3 === 2,
    });
    alterations += report.alterations;
    operations += report.operations;
    overlapping += report.overlapping;
    interrupted += report.interrupted;
    count(report.violations.length === 0 ? 1 : 0, report.violations);
  }
  return `${HISTORIES} histories of ${operations} operations, ${overlapping} overlapping, ${interrupted} interrupted by death, ${alterations} alterations`;
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

async function order(): Promise<string> {
  const { passed: held, problems, executions } = checkOrders(ORDER_EFFORT);
  count(held, problems);
  return `${held} scenarios and steps, with and without each order; ${executions} executions`;
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

async function cluster(): Promise<string> {
  let scenarios = 0;
  await runCluster({ isSample: values.sample, seed }, (name, { summary, problems }) => {
    count(problems.length === 0 ? 1 : 0, problems);
    scenarios++;
    console.log(`- ${name}: ${summary}`);
  });
  return `${scenarios} scenarios`;
}

async function main(): Promise<void> {
  process.env.SHMTABLE_NAMESPACE = `proofs-${process.pid}`;
  console.log(`seed ${seed}`);
  for (const proof of [kill, storm, linearizability, corruption, model, order, service, cluster]) {
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

// Servers that were started end with the process.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

await main();
