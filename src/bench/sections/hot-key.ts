/** Reads of a row that another process sets in a tight loop. */
import { shown } from '../figure.js';
import type { Job } from '../peer-jobs.js';
import { Peers } from '../peers.js';
import { measureScenarios } from '../scenarios.js';
import { type Effort, rowsFor, type SectionResult } from '../section.js';
import { spreadOf } from '../spread.js';

/** Reads between two reads of the clock, which costs as much as a read of a row. */
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
          comparedWith: 'undisturbed',
          unit: 'x',
          value: spreadOf(disturbedNs.map((ns, round) => ns / undisturbedNs[round])),
          target: { below: 5 },
          ns: spreadOf(disturbedNs),
          comparedNs: spreadOf(undisturbedNs),
          note: `in multiples of the undisturbed time, so less is better; the slowest ${GROUP} reads took ${shown(longest)} ns each`,
        },
      ],
    };
  } finally {
    await peers.close();
  }
}
