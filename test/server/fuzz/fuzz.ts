/*
 * `npm run test:fuzz -- [--requests 20000] [--seed N]`: runs the fuzzer alone. Prints how often each operation
 * responded with each status, the failures, and on the last line `N passed, N failed`, where N counts requests.
 */
import { parseArgs } from 'node:util';
import { runFuzz } from './run-fuzz.js';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});

const seed = Number(values.seed);
console.log(`seed ${seed}`);
const started = performance.now();
const { requests, failures, neverSeen, statuses } = await runFuzz({ seed, requests: Number(values.requests) });
for (const [operation, counts] of statuses) {
  const shown = [...counts].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
  console.log(`${operation.padEnd(18)} ${shown.join(', ')}`);
}
for (const failure of failures) console.log(`FAILED ${failure}`);
for (const missing of neverSeen) console.log(`FAILED ${missing} never occurred`);
console.log(`${requests} requests in ${((performance.now() - started) / 1000).toFixed(0)} s`);
const failed = failures.length + neverSeen.length;
console.log(`${requests - failures.length} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
