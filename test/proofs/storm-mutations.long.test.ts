/** The storm detects a mutation of the compiled package. */
import t from 'tap';
import { createMutant } from './mutant.js';
import { Storm } from './storm/storm.js';

/** The time within which a mutation must be detected. */
const MISTAKE_MS = 6_000;
/** The same for a storm in which the table is altered: a few times a second. */
const ALTERED_MISTAKE_MS = 20_000;

process.env.SHMTABLE_NAMESPACE = `storm-mutations-${process.pid}`;

t.test('the proof detects that locks are taken from live processes', async (t) => {
  process.env.SHMTABLE_PROOF_SUBJECT = createMutant(t, [
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

t.test('the proof detects that a writer does not look whether the table is being altered', async (t) => {
  process.env.SHMTABLE_PROOF_SUBJECT = createMutant(t, [
    {
      file: 'table/hot/lock.js',
      search: 'if (loadAcquire(words, STATE) !== READY)',
      replace: 'if (false)',
    },
  ]);
  t.teardown(() => delete process.env.SHMTABLE_PROOF_SUBJECT);
  const outcome = await new Storm('altered').run(ALTERED_MISTAKE_MS).catch((error) => String(error));
  t.type(outcome, 'string', String(outcome).slice(0, 500));
});
