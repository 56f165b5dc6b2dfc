import t from 'tap';
import { canRunModels, runModels } from './model/run-models.js';
import { sampleSeed } from './sample-seed.js';

const SOUND = 1;
const BROKEN = 2;

/* A few of the short models, others each time; `npm run proof` explores all of them. */
t.test('models of the protocol hold, and fail when a rule is left out', async (t) => {
  if (!canRunModels()) {
    t.pass('models', { skip: 'spin and gcc are missing: install the Debian packages "spin" and "gcc"' });
    return;
  }
  const outcomes = runModels({ short: true, sample: { seed: sampleSeed, sound: SOUND, broken: BROKEN } });
  t.equal(outcomes.length, SOUND + BROKEN, `seed ${sampleSeed}`);
  for (const { name, states, problem } of outcomes) t.equal(problem, undefined, `${name}: ${states} states`);
});
