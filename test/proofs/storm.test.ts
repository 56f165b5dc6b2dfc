import t from 'tap';
import { tries } from '../fixtures/tries.js';
import { sampleSeed } from './sample-seed.js';
import { Storm } from './storm/storm.js';
import { STORM_KINDS } from './storm/storm-table.js';

/** In `npm run proof` each storm lasts a minute, with some hundred kills. */
const KILLS = { short: 3, long: 2, evicting: 2, altered: 2 };
const MAX_MS = 60_000;

process.env.SHMTABLE_NAMESPACE = `storm-${process.pid}`;

/** How many kinds of storm one run has, beginning with the kind that the seed selects. */
const KINDS = tries(1, STORM_KINDS.length);

for (const [place, kind] of STORM_KINDS.entries()) {
  if ((place + sampleSeed) % STORM_KINDS.length >= KINDS) continue;
  t.test(`a table is intact after a storm of writers that are killed, stopped and terminated: ${kind}`, async (t) => {
    const report = await new Storm(kind).run(MAX_MS, KILLS[kind]);
    t.ok(report.kills === KILLS[kind] && report.operations > 0, JSON.stringify(report));
  });
}
