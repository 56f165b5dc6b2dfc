/**
 * Two hosts, each with servers of its own, between which packets vanish: what a host that is cut off from the majority
 * reads. The hosts are network namespaces, and this process is the router between them.
 */
import '../fixtures/in-own-net.js';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { bootTimeMs } from '../../src/memory/index.js';
import { eventually, within } from '../fixtures/deadline.js';
import { addHost, connectHosts } from '../fixtures/own-net.js';
import { NODE_TIMEOUT_MS, type RedisCluster, startCluster } from '../fixtures/redis-servers.js';
import { MAX_STALE_MS, TwoHosts } from './two-hosts.js';

t.setTimeout(240_000);

let cluster: RedisCluster;
let hosts: TwoHosts;

t.test('two hosts and a cluster', async () => {
  connectHosts(true);
  const [most, few] = [await addHost(t, 1), await addHost(t, 2)];
  // The writer's host has two of three primaries, and the replica of the other one's.
  cluster = await startCluster({ places: [most, most, few, few, few, most] });
  t.teardown(() => cluster.stop());
  const places = [
    { url: cluster.primaries[0].url, before: most.before },
    { url: cluster.primaries[2].url, before: few.before },
  ];
  hosts = await TwoHosts.start(t, cluster, `partition-${process.pid}`, places);
  await hosts.hitsAgain();
});

t.test('packets vanish for less than the servers take to notice: the rows are known again as they were', async (t) => {
  connectHosts(false);
  await sleep(1_200);
  connectHosts(true);
  t.comment(`hits again after ${(await hosts.hitsAgain()).toFixed()} ms`);
  await hosts.assertSound(t, 'a short cut');
});

for (const allow of ['no', 'yes']) {
  t.test(`a host on the side of the minority; cluster-allow-reads-when-down ${allow}`, async (t) => {
    for (const node of cluster.nodes) await node.command('CONFIG', 'SET', 'cluster-allow-reads-when-down', allow);
    const [, reader] = hosts.readers;
    const lone = cluster.primaries[2];
    // What is acknowledged and not replicated yet would be lost.
    hosts.writer.send('pause');
    await sleep(300);
    connectHosts(false);
    const cutAt = bootTimeMs();
    hosts.writer.send('resume');
    await isPrimary(5);
    // Its rows change on the other side now, and it knows.
    const state = await cut(() => lone.command('CLUSTER', 'INFO'));
    t.match(state, /cluster_state:fail/);
    await sleep(MAX_STALE_MS + 1_000);
    const { hitAt } = await reader.report();
    await sleep(500);
    const later = await reader.report();
    t.equal(later.hitAt, hitAt, 'no hit in the minority');
    const lastMs = hitAt - cutAt;
    t.ok(lastMs <= NODE_TIMEOUT_MS + MAX_STALE_MS + 1_000, `the last hit was ${lastMs.toFixed()} ms after the cut`);
    t.ok(later.longestStaleHitMs <= MAX_STALE_MS, `hits at most ${later.longestStaleHitMs.toFixed()} ms old`);
    const answer = await lone.command('HGET', 'x', 'y').then(String, String);
    t.comment(`the lone primary says ${answer}`);
    connectHosts(true);
    t.comment(`hits again after ${(await hosts.hitsAgain(30_000)).toFixed()} ms`);
    const { here, there } = await hosts.reports();
    for (const report of [...here, ...there]) {
      t.ok(report.longestStaleHitMs <= MAX_STALE_MS, `hits at most ${report.longestStaleHitMs.toFixed()} ms old`);
    }
    t.equal(
      here.reduce((sum, { stale }) => sum + stale, 0),
      0,
      "nothing stale on the writer's host",
    );
    await becomePrimary(2);
  });
}

async function cut(ask: () => Promise<unknown>): Promise<string> {
  let state = '';
  const asking = (async () => {
    while (!state.includes('cluster_state:fail')) {
      state = String(await ask());
      await sleep(20);
    }
  })();
  await eventually('the minority knows', () => state.includes('cluster_state:fail'));
  await asking;
  return state;
}

/** A failover is refused until the server follows the one that has replaced it. */
async function becomePrimary(index: number): Promise<void> {
  const whole = cluster.nodes[index];
  const becoming = (async () => {
    while (!String(await whole.command('ROLE')).startsWith('master')) {
      await whole.command('CLUSTER', 'FAILOVER').catch(() => {});
      await sleep(500);
    }
  })();
  await within(60_000, 'it is a primary again', becoming);
}

async function isPrimary(index: number): Promise<void> {
  let isOne = false;
  const asking = (async () => {
    while (!isOne) {
      isOne = String(await cluster.nodes[index].command('ROLE')).startsWith('master');
      await sleep(20);
    }
  })();
  await eventually('a replica is a primary', () => isOne, 30_000);
  await asking;
}
