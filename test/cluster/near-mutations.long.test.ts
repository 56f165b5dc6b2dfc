/** The checks of near caches detect each rule that is left out; with all rules, and the same delays, they find nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type RedisCluster, startCluster } from '../fixtures/redis-servers.js';
import { overCopy } from '../proofs/cluster/subject-of.js';
import type { Replacement } from '../proofs/mutant.js';
import { MAX_STALE_MS, TwoHosts } from './two-hosts.js';

t.setTimeout(240_000);

let cluster: RedisCluster;

t.test('a cluster', async () => {
  cluster = await startCluster();
  t.teardown(() => cluster.stop());
});

const PAUSE = 'await new Promise((resolve) => setTimeout(resolve, 6));';

/** Between the holding of a place and the question, and between the answer and the storing of the row. */
const DELAY: Replacement = {
  file: 'cluster/near-table.js',
  search: 'reply = await owner.run(READ, wire, []);',
  replace: `${PAUSE} reply = await owner.run(READ, wire, []); ${PAUSE}`,
};

/** Runs both hosts over a copy of the package, and returns how many violations were found. */
async function violations(t: Test, replacements: readonly Replacement[], disturb?: (hosts: TwoHosts) => Promise<void>) {
  return overCopy(t, replacements, async () => {
    const hosts = await TwoHosts.start(t, cluster, `mutant-${process.pid}-${count++}`);
    await hosts.hitsAgain();
    await (disturb?.(hosts) ?? sleep(2_500));
    const { here, there } = await hosts.reports();
    return {
      staleHere: here.reduce((sum, { stale }) => sum + stale, 0),
      backward: [...here, ...there].reduce((sum, { backward }) => sum + backward, 0),
      longestMs: Math.max(...there.map(({ longestStaleMs }) => longestStaleMs)),
    };
  });
}

let count = 0;

t.test('without a mutation, and with late fills, nothing is found', { timeout: 60_000 }, async (t) => {
  const found = await violations(t, [DELAY]);
  t.equal(found.staleHere, 0);
  t.equal(found.backward, 0);
  t.ok(found.longestMs <= MAX_STALE_MS, `at most ${found.longestMs.toFixed()} ms`);
});

t.test('rows that are stored although an invalidation has come meanwhile', { timeout: 60_000 }, async (t) => {
  const found = await violations(t, [
    DELAY,
    {
      file: 'cluster/near-table.js',
      search: `lease.own.engine.write('update', key, row, options).outcome === 'updated'`,
      replace: `lease.own.engine.write('put', key, row, { ttl: null }).outcome !== ''`,
    },
  ]);
  t.ok(found.staleHere > 0 || found.longestMs > MAX_STALE_MS, JSON.stringify(found));
});

t.test('rows that stay although their host has written them', { timeout: 60_000 }, async (t) => {
  const found = await violations(t, [
    {
      file: 'cluster/near-table.js',
      search: 'answered(key, revision) {',
      replace: 'answered(key, revision) { return;',
    },
  ]);
  t.ok(found.staleHere > 0, JSON.stringify(found));
});

t.test('rows that are trusted without proof', { timeout: 60_000 }, async (t) => {
  const found = await violations(
    t,
    [
      {
        file: 'cluster/near-rows.js',
        search: '&& now < doubles[(at >>> 1) + PROVEN] + maxStaleMs',
        replace: '',
      },
    ],
    async (hosts) => {
      hosts.feeds[1].kill('SIGSTOP');
      await sleep(MAX_STALE_MS + 1_000);
      hosts.feeds[1].kill('SIGCONT');
    },
  );
  t.ok(found.longestMs > MAX_STALE_MS, JSON.stringify(found));
});

t.test('invalidations that are not applied', { timeout: 60_000 }, async (t) => {
  const found = await violations(t, [{ file: 'cluster/feed.js', search: 'store.writer.remove(text);', replace: ';' }]);
  t.ok(found.longestMs > MAX_STALE_MS, JSON.stringify(found));
});
