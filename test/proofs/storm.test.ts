import t from 'tap';
import { makeMutant } from './mutant.js';
import { Storm } from './storm/storm.js';

/** In `npm run proof` the storm lasts a minute. */
const STORM_MS = 3_000;
/** The time within which a mutation must be detected. */
const MISTAKE_MS = 6_000;

process.env.SHMTABLE_NAMESPACE = `storm-${process.pid}`;

t.test('the table is intact after a storm of writers that are killed, stopped and terminated', async (t) => {
  const report = await new Storm().run(STORM_MS);
  t.ok(report.kills > 0 && report.operations > 0, JSON.stringify(report));
});

t.test('the proof detects that locks are taken from live processes', async (t) => {
  process.env.SHMTABLE_PROOF_SUBJECT = makeMutant(t, [
    {
      file: 'table/participant.js',
      search: 'if (!this.#locks.tryLock(number))\n            return false;',
      replace: '',
    },
  ]);
  t.teardown(() => delete process.env.SHMTABLE_PROOF_SUBJECT);
  const outcome = await new Storm().run(MISTAKE_MS).catch((error) => String(error));
  t.type(outcome, 'string', String(outcome).slice(0, 500));
});
