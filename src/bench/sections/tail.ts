/** The slowest reads while two processes write as fast as they can. */
import { shown } from '../figure.js';
import type { Job, JobResult, Latency } from '../peer-jobs.js';
import { Peers } from '../peers.js';
import { measureScenarios } from '../scenarios.js';
import { type Effort, rowsFor, type SectionResult } from '../section.js';
import { spreadOf } from '../spread.js';

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const all = { firstKey: 0, keys: rowsFor(effort, rows), windowMs: effort.windowMs };
  const read: Job = { kind: 'timed read', group: 1, ...all };
  const write: Job = { kind: 'write', ...all };
  const peers = new Peers(all.keys, 3);
  try {
    const [alone, amongWriters] = await measureScenarios(peers, effort, [[read], [read, write, write]]);
    const undisturbed = alone.map(latencyOfFirst);
    const disturbed = amongWriters.map(latencyOfFirst);
    const tail = (latencies: Latency[]) => spreadOf(latencies.map(({ median, p999 }) => p999 / median));
    const median = (latencies: Latency[]) => spreadOf(latencies.map((latency) => latency.median));
    return {
      figures: [
        {
          what: 'p99.9 of get column while 2 processes write at full speed',
          comparedWith: 'its median',
          unit: 'x',
          value: tail(disturbed),
          target: { below: 20 },
          comparedNs: median(disturbed),
          note: `alone, p99.9 is ${shown(tail(undisturbed).median)} times a median of ${shown(median(undisturbed).median)} ns`,
        },
      ],
    };
  } finally {
    await peers.close();
  }
}

function latencyOfFirst([{ latencyNs }]: readonly JobResult[]): Latency {
  if (latencyNs === undefined) throw new Error('the job was not timed');
  return latencyNs;
}
