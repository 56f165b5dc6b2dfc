/** Two processes that read concurrently, alone and while a third one writes, compared with one process that reads. */
import type { Figure } from '../figure.js';
import type { Job } from '../peer-jobs.js';
import { Peers, ratePerSecond } from '../peers.js';
import { measureScenarios } from '../scenarios.js';
import { type Effort, rowsFor, type SectionResult } from '../section.js';
import { spreadOf } from '../spread.js';

const ROWS_PER_SECOND = 20_000;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const all = { firstKey: 0, keys: rowsFor(effort, rows), windowMs: effort.windowMs };
  const read: Job = { kind: 'read', ...all };
  const peers = new Peers(all.keys, 3);
  try {
    const [one, two, whileWriting] = await measureScenarios(peers, effort, [
      [read],
      [read, read],
      [read, read, { kind: 'paced write', rowsPerSecond: ROWS_PER_SECOND, ...all }],
    ]);
    const comparedWith = 'one process';
    const oneRate = one.map(ratePerSecond);
    const ratios = (rates: number[]) => spreadOf(rates.map((rate, round) => rate / oneRate[round]));
    const figures: Figure[] = [
      {
        what: 'get column by 2 processes, in total',
        comparedWith,
        unit: 'x',
        value: ratios(two.map(ratePerSecond)),
        target: { atLeast: 1.8 },
      },
      {
        what: `get column by 2 processes while a third writes ${ROWS_PER_SECOND.toLocaleString('en')} rows/s, in total`,
        comparedWith,
        unit: 'x',
        value: ratios(whileWriting.map((results) => ratePerSecond(results.slice(0, 2)))),
        target: { atLeast: 1.6 },
      },
    ];
    return { figures };
  } finally {
    await peers.close();
  }
}
