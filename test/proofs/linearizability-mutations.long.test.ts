/** The check of linearizability detects mutations of the compiled package. */
import t, { type Test } from 'tap';
import { runHistory } from './linearizability/run-histories.js';
import { createMutant } from './mutant.js';

const OPERATIONS = 2_000;
/** Number of histories within which a mutation must be detected. */
const ATTEMPTS = 20;

process.env.SHMTABLE_NAMESPACE = `history-mutations-${process.pid}`;

t.test('the proof detects a compareAndSet that does not check whether the row has changed', async (t) => {
  process.env.SHMTABLE_PROOF_SUBJECT = createMutant(t, [
    {
      file: 'table/hot/write.js',
      search: 'memory.revisionAt(rowWord(old)) !== ifRevision)\n            return',
      replace: 'false)\n            return',
    },
    // A pause between reading and writing, in which other processes run.
    {
      file: 'table/conditional-writes.js',
      search: 'const outcome = write(entry.revision);',
      replace: 'for (let i = 0; i < 20_000; i++); const outcome = write(entry.revision);',
    },
  ]);
  const found = await firstViolation(t);
  t.ok(found !== undefined, String(found));
});

t.test('the proof detects a read that mixes numbers of several revisions', async (t) => {
  process.env.SHMTABLE_PROOF_SUBJECT = createMutant(t, [
    { file: 'table/hot/lookup.js', search: 'const PASSES = 3;', replace: 'const PASSES = 0;' },
    // A pause between one number and the next, without a second check of either.
    {
      file: 'table/row-copy.js',
      search: 'if (!numbers.equals(this.#numbers))',
      replace: 'for (let i = 0; i < 100_000; i++); this.#numbers.set(numbers.subarray(24), 24); if (false)',
    },
    {
      file: 'table/row-copy.js',
      search: 'return loadAfter(words, at + ROW_EPOCH) === epoch &&',
      replace: 'return true ||',
    },
  ]);
  const found = await firstViolation(t);
  t.equal(found, 'entry');
});

t.test('the proof detects blocks that are freed before the version advances', async (t) => {
  process.env.SHMTABLE_PROOF_SUBJECT = createMutant(t, [
    {
      file: 'table/hot/write.js',
      search: 'commit(home);\n        if (heap !== undefined)\n            freeReplaced(old);',
      replace: 'freeReplaced(old); commit(home);',
    },
  ]);
  // A reader that finds the version unchanged reports damage, which ends its process, or returns a mixture.
  const found = await firstViolation(t, { hasLong: true }).catch((error) => String(error));
  t.match(found, /^(get|entry|take)$|ended with 1/);
});

/** The name of the first operation that no order explains. A single history may happen to have no suitable overlap. */
async function firstViolation(t: Test, options = {}): Promise<string | undefined> {
  t.teardown(() => delete process.env.SHMTABLE_PROOF_SUBJECT);
  for (let round = 0; round < ATTEMPTS; round++) {
    const { violations } = await runHistory(round, OPERATIONS, options);
    if (violations.length > 0) return violations[0].operation.name;
  }
  return undefined;
}
