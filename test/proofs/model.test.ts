import t from 'tap';
import { canRunModels, runModels } from './model/run-models.js';

// Some forty models, each compiled by itself.
t.setTimeout(220_000);

t.test('models of the protocol hold, and do not hold without its rules', async (t) => {
  if (!canRunModels()) {
    t.pass('models', { skip: 'spin and gcc are missing: install the Debian packages "spin" and "gcc"' });
    return;
  }
  for (const { name, states, problem } of runModels({ short: true })) {
    t.equal(problem, undefined, `${name}: ${states} states`);
  }
});
