/** Two processes that write concurrently, different rows and the same one, compared with one process that writes. */
import { shown } from '../figure.js';
import type { Job, JobResult } from '../peer-jobs.js';
import { Peers, ratePerSecond } from '../peers.js';
import { measureScenarios } from '../scenarios.js';
import { type Effort, rowsFor, type SectionResult } from '../section.js';
import { spreadOf } from '../spread.js';

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const { windowMs } = effort;
  const keys = rowsFor(effort, rows);
  const half = Math.floor(keys / 2);
  const lower: Job = { kind: 'write', firstKey: 0, keys: half, windowMs };
  const upper: Job = { kind: 'write', firstKey: half, keys: half, windowMs };
  const sameRow = { firstKey: 0, keys: 1, windowMs };
  const same: Job = { kind: 'write', ...sameRow };
  const timed: Job = { kind: 'timed write', group: 1, ...sameRow };
  const peers = new Peers(keys, 2);
  try {
    const [one, different, oneRow, bothOneRow, waits] = await measureScenarios(peers, effort, [
      [lower],
      [lower, upper],
      [same],
      [same, same],
      [timed, timed],
    ]);
    const ratios = (both: JobResult[][], alone: JobResult[][]) =>
      spreadOf(both.map((results, round) => ratePerSecond(results) / ratePerSecond(alone[round])));
    return {
      figures: [
        {
          what: 'set different rows by 2 processes, in total',
          comparedWith: 'one process',
          unit: 'x',
          value: ratios(different, one),
          target: { atLeast: 1.7 },
        },
        {
          what: 'set the same row by 2 processes, in total',
          comparedWith: 'one process',
          unit: 'x',
          value: ratios(bothOneRow, oneRow),
          target: { atLeast: 0.5 },
          note: describeWaits(waits, bothOneRow),
        },
      ],
    };
  } finally {
    await peers.close();
  }
}

/** How long a write took, and how evenly the two processes got their turns. */
function describeWaits(timed: readonly JobResult[][], untimed: readonly JobResult[][]): string {
  const latencies = timed.flat().flatMap(({ latencyNs }) => latencyNs ?? []);
  const of = (figure: 'median' | 'p999' | 'maximum') => shown(spreadOf(latencies.map((each) => each[figure])).median);
  const shares = untimed.map(([a, b]) => Math.min(a.operations, b.operations) / Math.max(a.operations, b.operations));
  return (
    `a set took ${of('median')} ns in the median, ${of('p999')} ns at p99.9, at most ${of('maximum')} ns; ` +
    `the process with fewer turns had ${shown(spreadOf(shares).median)} times as many as the other`
  );
}
