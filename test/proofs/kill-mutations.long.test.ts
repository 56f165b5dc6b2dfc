import t from 'tap';
import { needsOwnShm } from '../fixtures/own-shm.js';
import { failuresOf } from './kill/failures-of.js';
import { mutations } from './kill/mutations.js';
import { createMutant } from './mutant.js';

/*
 * Each mutation is a plausible mistake. The proof must detect it in a copy of the package that is changed in one place;
 * without the change the copy passes.
 */
t.test('the copy without a mutation passes', { skip: needsOwnShm }, async (t) => {
  t.same(await failuresOf(createMutant(t, []), 'set, new'), []);
});

for (const mutation of mutations) {
  t.test(`the proof detects: ${mutation.name}`, { skip: needsOwnShm }, async (t) => {
    const failures = await failuresOf(createMutant(t, [mutation]), mutation.operation);
    t.ok(failures.length > 0, failures[0]);
  });
}
