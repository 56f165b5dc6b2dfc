import t from 'tap';
import { Storm } from './storm/storm.js';

/** In `npm run proof` the storm lasts a minute, with some hundred kills. */
const KILLS = 5;
const MAX_MS = 60_000;

process.env.SHMTABLE_NAMESPACE = `storm-${process.pid}`;

for (const hasLong of [false, true]) {
  const values = hasLong ? 'long values' : 'short values';
  t.test(
    `a table of ${values} is intact after a storm of writers that are killed, stopped and terminated`,
    async (t) => {
      const report = await new Storm({ hasLong }).run(MAX_MS, KILLS);
      t.ok(report.kills === KILLS && report.operations > 0, JSON.stringify(report));
    },
  );
}
