/** The corruption proof detects mutations of the compiled package. */
import t from 'tap';
import { needsOwnShm } from '../fixtures/own-shm.js';
import { runCorruption } from './corruption/run-corruption.js';
import { createMutant } from './mutant.js';

/** Mutations are tested with the same cases every time. */
const SEED = 1;
const CASES = 10_000;

t.test('the proof detects a spare that is not checked before it is written', { skip: needsOwnShm }, async (t) => {
  process.env.SHMTABLE_PROOF_SUBJECT = createMutant(t, [
    { file: 'table/hot/lock.js', search: 'number <= 0 || number > rowSlices', replace: 'false' },
    { file: 'table/hot/lock.js', search: 'words[row + slice.SLICE_OWNER] !== id', replace: 'false' },
  ]);
  t.teardown(() => delete process.env.SHMTABLE_PROOF_SUBJECT);
  const { failures } = await runCorruption(SEED, CASES, 1);
  t.ok(failures.length > 0, failures[0]?.failure.problem.split('\n')[0]);
});

t.test('the proof detects a key length that is not checked', { skip: needsOwnShm }, async (t) => {
  process.env.SHMTABLE_PROOF_SUBJECT = createMutant(t, [
    {
      file: 'table/changes/change-feed.js',
      search: 'keyBytes > 0 && keyBytes <= this.#memory.layout.schema.maxKeyBytes ? keyBytes : 0',
      replace: 'keyBytes',
    },
  ]);
  t.teardown(() => delete process.env.SHMTABLE_PROOF_SUBJECT);
  const { failures, completed } = await runCorruption(SEED, CASES, 1);
  t.ok(failures.length > 0 || !completed, failures[0]?.failure.problem ?? 'it hung');
});

t.test('the proof detects damaged JSON that is parsed without protection', { skip: needsOwnShm }, async (t) => {
  process.env.SHMTABLE_PROOF_SUBJECT = createMutant(t, [
    {
      file: 'table/hot/long-fields.js',
      search: 'hasDamage();\n            return null;',
      replace: 'JSON.parse(text);',
    },
  ]);
  t.teardown(() => delete process.env.SHMTABLE_PROOF_SUBJECT);
  const { failures } = await runCorruption(SEED, CASES, 1);
  t.ok(failures.length > 0, failures[0]?.failure.problem.split('\n')[0]);
});
