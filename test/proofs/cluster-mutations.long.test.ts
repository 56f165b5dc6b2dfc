/** The proofs of tables in a cluster detect mutations of the compiled package. */
import t, { type Test } from 'tap';
import { killFillers } from './cluster/killed-fillers.js';
import { addTogether } from './cluster/lost-updates.js';
import { overCopy } from './cluster/subject-of.js';
import { killFeeds } from './cluster/takeovers.js';
import type { Replacement } from './mutant.js';

t.setTimeout(240_000);

/** Problems that the proof of takeovers finds, with one kill or two. */
async function takeoverProblems(t: Test, replacements: readonly Replacement[]): Promise<string> {
  const { problems } = await killFeeds(t, 2, replacements);
  return problems.join('\n');
}

t.test('grants of the dead feed that stay valid', { timeout: 60_000 }, async (t) => {
  const found = await takeoverProblems(t, [
    { file: 'cluster/feed-memory.js', search: 'i < layout.GRANTS; i++', replace: 'i < 0; i++' },
    {
      file: 'cluster/feed-memory.js',
      search: 'words.fill(0, layout.SLOTS_WORD, layout.SLOTS_WORD + SLOTS);',
      replace: '',
    },
  ]);
  t.match(found, /grants of the dead feed are valid/);
});

t.test('a feed that does not wait until the other one has ended', { timeout: 60_000 }, async (t) => {
  const found = await takeoverProblems(t, [
    {
      file: 'cluster/feed-thread.js',
      search: '!locks.tryLock(FEED_BYTE)',
      replace: '(locks.tryLock(FEED_BYTE), false)',
    },
  ]);
  t.match(found, /beside another/);
});

t.test('a held place that is a row, and one that is held for ever', { timeout: 60_000 }, async (t) => {
  const asRow = await killFillers(t, 20, [
    {
      file: 'cluster/near-rows.js',
      search: 'return now < until(at) && isTrusted(grant(at), slot(at), now) ? read(at) : undefined;',
      replace: 'return read(at);',
    },
  ]);
  t.match(asRow.problems.join('\n'), /is 0/);
  const forEver = await killFillers(t, 20, [
    { file: 'cluster/near-table.js', search: 'const LEASE_MS = 500;', replace: 'const LEASE_MS = 60_000;' },
    { file: 'cluster/near-table.js', search: 'const isNew =', replace: 'if (held.grant === 0) return; const isNew =' },
  ]);
  t.match(forEver.problems.join('\n'), /the rows are known/);
});

t.test('a modification that does not check the revision', { timeout: 60_000 }, async (t) => {
  await overCopy(
    t,
    [{ file: 'cluster/cluster-table.js', search: ', ifRevision: before.revision }', replace: ' }' }],
    async () => {
      const { problems } = await addTogether(t, 100);
      t.match(problems.join('\n'), /^modified is/);
    },
  );
});
