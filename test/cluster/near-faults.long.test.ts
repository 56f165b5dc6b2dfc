/**
 * Near caches of two hosts beside a writer, through faults of feeds, servers and connections: nothing stale on the
 * writer's host, nothing older than the bound on the other, nothing backward, and hits return by themselves.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { ClusterTable } from '../../src/cluster/index.js';
import { slotOf } from '../../src/cluster/slots.js';
import { bootTimeMs } from '../../src/memory/index.js';
import { eventually, within } from '../fixtures/deadline.js';
import { type RedisCluster, type RedisNode, startCluster } from '../fixtures/redis-servers.js';
import { moveSlot } from './move-slot.js';
import { MAX_STALE_MS, TwoHosts } from './two-hosts.js';

t.setTimeout(240_000);

let cluster: RedisCluster;
let hosts: TwoHosts;
const namespace = `faults-${process.pid}`;

t.test('both hosts find rows', async (test) => {
  cluster = await startCluster();
  t.teardown(() => cluster.stop());
  hosts = await TwoHosts.start(t, cluster, namespace);
  test.comment(`hits after ${(await hosts.hitsAgain()).toFixed()} ms`);
});

/** Runs a fault beside the readers and the writer. */
function fault(what: string, run: () => Promise<void>): void {
  t.test(what, { timeout: 60_000 }, async (t) => {
    await run();
    t.comment(`hits again after ${(await hosts.hitsAgain()).toFixed()} ms`);
    await hosts.assertSound(t, what);
  });
}

fault('no fault', () => sleep(3_000));

t.test(
  'a feed that stands still: no hits after the bound, and warm when it goes on',
  { timeout: 60_000 },
  async (t) => {
    const [, feed] = hosts.feeds;
    const [, reader] = hosts.readers;
    feed.kill('SIGSTOP');
    await sleep(MAX_STALE_MS + 500);
    const first = await reader.report();
    await sleep(1_000);
    const second = await reader.report();
    feed.kill('SIGCONT');
    t.equal(second.hits, first.hits, 'no hit without proof');
    t.ok(second.reads > first.reads, 'the primaries are read');
    await hosts.hitsAgain();
    await hosts.assertSound(t, 'stopped feed');
  },
);

/** A row of the second host that nobody else reads, and a way to write it from elsewhere. */
async function ownRow(t: Test) {
  const options = { name: 'checked', namespace, columns: { n: 'uint32', text: 'string(20)' } } as const;
  const connection = { nodes: [cluster.replicas[2].url], timeoutMs: 20_000 };
  const near = { capacity: 1_000, maxStaleMs: MAX_STALE_MS };
  const here = await ClusterTable.connect({ ...options, cluster: connection, near });
  t.teardown(() => here.close());
  const elsewhere = await ClusterTable.connect({ ...options, cluster: connection });
  t.teardown(() => elsewhere.close());
  const known = async (): Promise<void> => {
    for (; here.peek('own') === undefined; await sleep(5)) await here.get('own').catch(() => {});
  };
  await elsewhere.set('own', { n: 1 });
  await within(20_000, 'the row is known', known());
  return { here, elsewhere, known: () => within(20_000, 'the row is known again', known()) };
}

t.test('a feed that stands still and goes on: rows are known again that nobody has read', async (t) => {
  const { here } = await ownRow(t);
  const fills = here.stats().near?.fills;
  hosts.feeds[1].kill('SIGSTOP');
  await eventually('the row is not trusted', () => here.peek('own') === undefined);
  hosts.feeds[1].kill('SIGCONT');
  await eventually('the row is trusted again', () => here.peek('own')?.n === 1);
  t.equal(here.stats().near?.fills, fills, 'it was not read');
});

t.test('the feed of a host is killed: the process that stands by takes over', { timeout: 60_000 }, async (t) => {
  const [, reader] = hosts.readers;
  const { takeovers } = await reader.report();
  const began = bootTimeMs();
  hosts.feeds[1].kill('SIGKILL');
  const successor = async (): Promise<number> => {
    while ((await reader.report()).takeovers <= takeovers) await sleep(2);
    return bootTimeMs() - began;
  };
  const took = await within(10_000, 'another feed', successor());
  // It polls every 20 ms; the rest is the scheduling of a busy machine.
  t.ok(took < 1_000, `another feed after ${took.toFixed()} ms`);
  await hosts.hitsAgain();
  await hosts.assertSound(t, 'killed feed');
  hosts.feeds[1] = await hosts.start('idle', 1);
});

t.test('the feed is killed and nobody can take over for a while: no hit after the bound', async (t) => {
  // After the test before, the reader has the feed.
  const [, feed] = hosts.readers;
  const [, standby] = hosts.feeds;
  await hosts.successorStandsBy(1);
  const { here, elsewhere, known } = await ownRow(t);
  standby.kill('SIGSTOP');
  const { takeovers } = here.stats().near ?? {};
  feed.kill('SIGKILL');
  await elsewhere.set('own', { n: 2 });
  const written = bootTimeMs();
  let lastHit = 0;
  for (let now = written; now < written + 2_000; now = bootTimeMs()) {
    if (here.peek('own')?.n === 1) lastHit = now - written;
    await sleep(1);
  }
  t.equal(here.stats().near?.takeovers, takeovers, 'nobody has taken over');
  standby.kill('SIGCONT');
  t.ok(lastHit <= MAX_STALE_MS, `the last hit of the old row was after ${lastHit.toFixed()} ms`);
  await known();
  t.equal(here.peek('own')?.n, 2);
  hosts.readers[1] = await hosts.start('reader', 1);
  await hosts.hitsAgain();
  await hosts.assertSound(t, 'killed feed without a successor');
});

t.test('a feed that stands still while much is written: the server gives it up', { timeout: 60_000 }, async (t) => {
  const [feed] = hosts.feeds;
  const limit = 2 ** 20;
  for (const node of cluster.primaries) {
    await node.command('CONFIG', 'SET', 'client-output-buffer-limit', `pubsub ${limit} ${limit} 1`);
  }
  const buffersAt = async (node: (typeof cluster.primaries)[number]): Promise<number[]> => {
    const clients = String(await node.command('CLIENT', 'LIST', 'TYPE', 'pubsub'));
    return [...clients.matchAll(/ omem=(\d+)/g)].map(([, bytes]) => Number(bytes));
  };
  const feeds = new Map(cluster.primaries.map((node) => [node, 0]));
  for (const node of cluster.primaries) feeds.set(node, (await buffersAt(node)).length);
  feed.kill('SIGSTOP');
  let most = 0;
  let isGivenUp = false;
  // Long keys, since the kernel's buffers take the first megabytes.
  const filler = 'x'.repeat(4_000);
  for (let round = 0; round < 12; round++) {
    await Promise.all(
      Array.from({ length: 1_500 }, (_, i) => {
        const key = `shm:${namespace}:checked:${round}-${i}-${filler}`;
        return ownerOf(key).command('HSET', key, 'revision', '1');
      }),
    );
    for (const node of cluster.primaries) {
      const buffers = await buffersAt(node);
      most = Math.max(most, ...buffers);
      if (buffers.length < (feeds.get(node) ?? 0)) isGivenUp = true;
    }
  }
  feed.kill('SIGCONT');
  t.ok(isGivenUp, 'the server has closed the connection of the feed');
  t.ok(most < 4 * limit, `at most ${most} bytes kept`);
  await hosts.hitsAgain();
  await hosts.assertSound(t, 'much was written');
});

fault("the feed's process is busy for five seconds", async () => {
  const before = await hosts.readers[0].report();
  hosts.feeds[0].send('block');
  await sleep(3_000);
  const after = await hosts.readers[0].report();
  if (after.hits - before.hits < 1_000) throw new Error('trust ended');
  await sleep(2_500);
});

fault('all connections of the feeds are ended, three times', async () => {
  for (let i = 0; i < 3; i++) {
    for (const node of cluster.primaries) await node.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await sleep(500);
  }
});

fault('a primary stands still for a while', async () => {
  process.kill(cluster.primaries[0].pid, 'SIGSTOP');
  await sleep(1_200);
  process.kill(cluster.primaries[0].pid, 'SIGCONT');
});

fault('slots move', async () => {
  const [from, to] = cluster.primaries;
  for (let i = 0; i < 48; i++) {
    const slot = Number(await from.command('CLUSTER', 'KEYSLOT', `shm:${namespace}:checked:k${i}`));
    if (cluster.ownerOf(slot) !== from) continue;
    await moveSlot(cluster, slot, from, to);
    await sleep(30);
    await moveSlot(cluster, slot, to, from);
  }
});

fault('a replica takes over in agreement with its primary', async () => {
  await cluster.replicas[0].command('CLUSTER', 'FAILOVER');
  await isPrimary(cluster.replicas[0]);
  await sleep(1_000);
  await cluster.primaries[0].command('CLUSTER', 'FAILOVER');
  await isPrimary(cluster.primaries[0]);
});

fault('a primary stands still until it is replaced, and goes on', async () => {
  const [, , stopped] = cluster.primaries;
  // What is acknowledged and not replicated yet would be lost.
  hosts.writer.send('pause');
  await sleep(300);
  process.kill(stopped.pid, 'SIGSTOP');
  hosts.writer.send('resume');
  await isPrimary(cluster.replicas[2]);
  await sleep(1_500);
  process.kill(stopped.pid, 'SIGCONT');
  await sleep(1_000);
});

fault('a primary is killed', async () => {
  const [, killed] = cluster.primaries;
  hosts.writer.send('pause');
  await sleep(300);
  process.kill(killed.pid, 'SIGKILL');
  hosts.writer.send('resume');
  await isPrimary(cluster.replicas[1]);
  await sleep(500);
});

function ownerOf(key: string): RedisNode {
  return cluster.ownerOf(slotOf(Buffer.from(key)));
}

async function isPrimary(node: RedisNode): Promise<void> {
  let isOne = false;
  const asking = (async () => {
    while (!isOne) {
      isOne = String(await node.command('ROLE')).startsWith('master');
      await sleep(20);
    }
  })();
  await eventually('a replica is a primary', () => isOne, 30_000);
  await asking;
}
