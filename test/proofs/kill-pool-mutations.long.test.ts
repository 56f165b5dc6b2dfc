import t from 'tap';
import { needsOwnShm } from '../fixtures/own-shm.js';
import { failuresOf } from './kill/failures-of.js';
import { poolMutations } from './kill/pool-mutations.js';
import { createMutant } from './mutant.js';

/* The mutations of the pools; kill-mutations.long.test.ts explains their purpose. */
t.test('the copy without a mutation passes', { skip: needsOwnShm }, async (t) => {
  t.same(await failuresOf(createMutant(t, []), 'fixed: alloc'), []);
});

for (const mutation of poolMutations) {
  t.test(`the proof detects: ${mutation.name}`, { skip: needsOwnShm }, async (t) => {
    const failures = await failuresOf(createMutant(t, [mutation]), mutation.operation);
    t.ok(failures.length > 0, failures[0]);
  });
}
