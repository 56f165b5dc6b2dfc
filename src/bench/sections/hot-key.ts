/** Reads of the very row that another process sets in a tight loop. */
import { shown } from '../figure.js';
import type { Job } from '../peer-jobs.js';
import { Peers } from '../peers.js';
import { measureScenarios } from '../scenarios.js';
import { type Effort, rowsFor, type SectionResult } from '../section.js';
import { spreadOf } from '../spread.js';

/** Reads to a look at the clock, which costs as much as a read. */
const GROUP = 10;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const one = { firstKey: 0, keys: 1, windowMs: effort.windowMs };
  const read: Job = { kind: 'timed read', group: GROUP, ...one };
  const peers = new Peers(rowsFor(effort, rows), 2);
  try {
    const [alone, disturbed] = await measureScenarios(peers, effort, [[read], [read, { kind: 'write', ...one }]]);
    const medians = (results: typeof alone) => results.map(([{ latencyNs }]) => latencyNs?.median ?? Number.NaN);
    const undisturbedNs = medians(alone);
    const disturbedNs = medians(disturbed);
    const longest = Math.max(...disturbed.map(([{ latencyNs }]) => latencyNs?.maximum ?? 0));
    return {
      figures: [
        {
          what: 'median get column of the row that another process sets in a loop',
          beside: 'undisturbed',
          unit: 'x',
          value: spreadOf(disturbedNs.map((ns, round) => ns / undisturbedNs[round])),
          target: { below: 5 },
          ns: spreadOf(disturbedNs),
          besideNs: spreadOf(undisturbedNs),
          note: `in units of its time, so less is better; the slowest ${GROUP} of all took ${shown(longest)} ns each`,
        },
      ],
    };
  } finally {
    await peers.close();
  }
}
