import t from 'tap';
import { makeMutant } from './mutant.js';
import { Storm } from './storm/storm.js';

/** `npm run proof` lets the storm last a minute. */
const STORM_MS = 3_000;
/** The time within which a mistake must show. */
const MISTAKE_MS = 6_000;

process.env.SHMTABLE_NAMESPACE = `storm-${process.pid}`;

t.test('a storm of writers, killed, stopped and ended in the middle', async (t) => {
  const report = await new Storm().run(STORM_MS);
  t.ok(report.kills > 0 && report.operations > 0, JSON.stringify(report));
});

t.test('noticed: locks are taken from the living', async (t) => {
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
