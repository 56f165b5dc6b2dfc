import t from 'tap';
import { mutations } from './kill/mutations.js';
import { runKills } from './kill/run-kills.js';
import { makeMutant } from './mutant.js';

/*
 * Each mutation is a mistake that somebody could make. The proof must notice it: in the very package that passes
 * without it, changed in one place.
 */
async function failuresOf(folder: string, operation: string): Promise<string[]> {
  const failures: string[] = [];
  await runKills({ seed: 1, share: 1, recovery: 1, failures: 1, only: operation, subject: folder }, (outcome) => {
    failures.push(...outcome.failures);
  });
  return failures;
}

t.test('the copy without a mistake passes', async (t) => {
  t.same(await failuresOf(makeMutant(t, []), 'set, new'), []);
});

for (const mutation of mutations) {
  t.test(`noticed: ${mutation.name}`, async (t) => {
    const failures = await failuresOf(makeMutant(t, [mutation]), mutation.operation);
    t.ok(failures.length > 0, failures[0]);
  });
}
