/** What a host keeps of a table in a cluster: when a row is known here, and when not. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { GRANTS, LAST_GRANT } from '../../src/cluster/feed-layout.js';
import { clusterId, FeedMemory, feedName } from '../../src/cluster/feed-memory.js';
import { ClusterTable, type NearOptions } from '../../src/cluster/index.js';
import { parseClusterOptions } from '../../src/cluster/options.js';
import { slotOf, tagOfSlot } from '../../src/cluster/slots.js';
import { Table } from '../../src/index.js';
import { within } from '../fixtures/deadline.js';
import { type RedisCluster, startCluster, startRedis } from '../fixtures/redis-servers.js';
import { createMutant } from '../proofs/mutant.js';
import { moveSlot } from './move-slot.js';
import { removeNear } from './two-hosts.js';

t.setTimeout(240_000);

const columns = { hits: 'uint32', name: 'string(60)', more: 'json', page: 'text' } as const;
const namespace = `near-${process.pid}`;
const near = { capacity: 1_000, maxStaleMs: 1_000 };
t.teardown(() => removeNear(namespace));

let cluster: RedisCluster;
t.test('a cluster', async () => {
  cluster = await startCluster();
  t.teardown(() => cluster.stop());
});

type Subject = ClusterTable<typeof columns>;

async function open(
  t: Test,
  name: string,
  options: Partial<NearOptions> | false = {},
  nodes = cluster.urls,
): Promise<Subject> {
  const connection = { nodes, timeoutMs: 20_000 };
  const kept = options === false ? false : { ...near, ...options };
  const table = await ClusterTable.connect({ name, columns, namespace, cluster: connection, near: kept });
  t.teardown(() => table.close());
  return table;
}

/** Gets a row until this host knows it. */
async function known(table: Subject, key: string): Promise<void> {
  const find = async (): Promise<void> => {
    while (table.peek(key) === undefined) {
      await table.get(key);
      await sleep(5);
    }
  };
  await within(20_000, `${key} is known here`, find());
}

/** Waits until this host does not know a row any more; the row is not read meanwhile. */
async function forgotten(table: Subject, key: string, ms = 20_000): Promise<number> {
  const began = performance.now();
  const wait = async (): Promise<void> => {
    while (table.peek(key) !== undefined) await sleep(2);
  };
  await within(ms, `${key} is not known here`, wait());
  return performance.now() - began;
}

t.test('a row is known after it was read, and not after it was written', async (t) => {
  const table = await open(t, 'known');
  const elsewhere = await open(t, 'known', false);
  t.equal(table.peek('k'), undefined, 'not known is not absent');
  await table.set('k', { hits: 1, more: [1, { a: null }], page: 'p'.repeat(5_000) });
  await known(table, 'k');
  t.same(table.peek('k'), { hits: 1, name: '', more: [1, { a: null }], page: 'p'.repeat(5_000) });
  t.same(table.peekEntry('k'), await elsewhere.entry('k'));
  t.equal(await table.get('k', 'hits'), 1);
  t.equal(await table.has('k'), true);
  t.equal(await table.ttl('k'), Number.POSITIVE_INFINITY);
  const { hits = 0 } = table.stats().near ?? {};
  await table.get('k');
  t.equal(table.stats().near?.hits, hits + 1);
  await table.increment('k', 'hits');
  t.equal(table.peek('k'), undefined, 'its own write');
  t.equal((await table.get('k'))?.hits, 2);
  await known(table, 'k');
  await elsewhere.set('k', { hits: 7 });
  t.equal((await table.get('k', { fresh: true }))?.hits, 7, 'fresh');
  t.not(table.peek('k')?.hits, 2, 'what was read at the primary is never followed by something older');
  await known(table, 'k');
  await elsewhere.delete('k');
  await forgotten(table, 'k');
  t.equal(await table.get('k'), undefined);
  await t.rejects(table.get('k', 'nothing' as 'hits'), { code: 'ERR_COLUMN_UNKNOWN' });
  t.throws(() => table.peek(''), { code: 'ERR_KEY_INVALID' });
});

t.test('a lifetime ends here as in the cluster, though nobody asks', async (t) => {
  const table = await open(t, 'expiring');
  await table.set('k', { hits: 1 }, { ttl: 10_000 });
  await known(table, 'k');
  const left = await table.ttl('k');
  t.ok(left !== undefined && left <= 10_000 && left > 1_000);
  // The server is not asked, so it tells nobody; its own cycle is switched off.
  for (const node of cluster.primaries) await node.command('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
  let outlived = 0;
  let hits = 0;
  for (let i = 0; i < 5; i++) {
    await table.expire('k', 400);
    const end = performance.now() + 400;
    await table.get('k');
    for (let now = performance.now(); now < end + 300; now = performance.now()) {
      if (table.peek('k') === undefined) await sleep(1);
      else if (now > end) outlived++;
      else hits++;
    }
    await table.set('k', { hits: 1 }, { ttl: null });
  }
  t.equal(outlived, 0);
  t.ok(hits > 0, `${hits} hits before`);
  for (const node of cluster.primaries) await node.command('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
  const short = await open(t, 'aging', { maxAgeMs: 300 });
  await short.set('k', { hits: 1 });
  await known(short, 'k');
  await forgotten(short, 'k', 5_000);
  t.pass('a row without a lifetime is read again after maxAgeMs');
});

t.test('everything is removed at once: nothing is known any more', async (t) => {
  const table = await open(t, 'flushed');
  await table.set('k', { hits: 1 });
  await known(table, 'k');
  for (const node of cluster.primaries) await node.command('FLUSHALL');
  const took = await forgotten(table, 'k', 5_000);
  t.ok(took < near.maxStaleMs + 500, `${took.toFixed()} ms`);
  t.equal(await table.get('k'), undefined);
});

/** Gives a slot to another server, which has none of its keys. The owner drops them, and Redis 7.0 tells nobody. */
async function takeOver(t: Test, table: Subject): Promise<string> {
  const key = `{${tagOfSlot(500)}}`;
  t.equal(slotOf(Buffer.from(`shm:${namespace}:${table.name}:${key}`)), 500);
  await table.set(key, { hits: 1 });
  await known(table, key);
  const [from, to] = cluster.primaries;
  const toId = String(await to.command('CLUSTER', 'MYID'));
  // The new owner's claim has the higher epoch, so the old one drops the slot with its keys when it hears of it.
  await to.command('CLUSTER', 'ADDSLOTS', '500').catch(() => {});
  await to.command('CLUSTER', 'SETSLOT', '500', 'IMPORTING', String(await from.command('CLUSTER', 'MYID')));
  await to.command('CLUSTER', 'SETSLOT', '500', 'NODE', toId);
  await to.command('CLUSTER', 'BUMPEPOCH');
  return key;
}

t.test('a slot that goes elsewhere without its keys: its rows are not known any more', async (t) => {
  const table = await open(t, 'taken');
  const key = await takeOver(t, table);
  const took = await forgotten(table, key, 10_000);
  t.ok(took < near.maxStaleMs + 2_500, `${took.toFixed()} ms`);
  t.equal(await table.get(key), undefined);
  await moveSlot(cluster, 500, cluster.primaries[1], cluster.primaries[0]);
});

t.test('without the map of slots that row would stay', async (t) => {
  const version = String(await cluster.nodes[0].command('INFO', 'server')).match(/redis_version:(\d+\.\d+)/)?.[1];
  // Later servers send an invalidation.
  if (version !== '7.0' || process.env.SERVER_COMMAND !== undefined) return;
  const folder = createMutant(t, [
    {
      file: 'cluster/near-rows.js',
      search: 'words[SLOTS_WORD + slot] !== grant',
      replace: 'false',
    },
  ]);
  const mutant: typeof import('../../src/cluster/index.js') = await import(join(folder, 'cluster/index.js'));
  const connection = { nodes: cluster.urls, timeoutMs: 20_000 };
  const table = await mutant.ClusterTable.connect({ name: 'mapless', columns, namespace, cluster: connection, near });
  t.teardown(() => table.close());
  const key = await takeOver(t, table as Subject);
  await sleep(4_000);
  t.match(table.peek(key), { hits: 1 }, 'it is served though the cluster has none');
  await moveSlot(cluster, 500, cluster.primaries[1], cluster.primaries[0]);
});

t.test('tables of one namespace share a feed; one that is opened later is covered too', async (t) => {
  const first = await open(t, 'first');
  await first.set('k', { hits: 1 });
  await known(first, 'k');
  const takeovers = first.stats().near?.takeovers;
  const second = await open(t, 'second');
  await second.set('k', { hits: 2 });
  await known(second, 'k');
  await known(first, 'k');
  const elsewhere = await open(t, 'second', false);
  await elsewhere.set('k', { hits: 3 });
  await forgotten(second, 'k');
  t.equal(first.peek('k')?.hits, 1, 'the other table keeps its row');
  t.equal(second.stats().near?.takeovers, takeovers);
});

t.test('rows that do not fit, and a near table that is destroyed, only make reads slower', async (t) => {
  const table = await open(t, 'small', { heap: { bytes: 4_096, blockBytes: 64 } });
  await table.set('long', { page: 'x'.repeat(100_000) });
  await table.set('short', { hits: 1 });
  await known(table, 'short');
  t.equal((await table.get('long'))?.page.length, 100_000);
  t.equal(table.peek('long'), undefined);
  for (const { name } of Table.list({ namespace })) if (name.endsWith('.small')) Table.destroy(name, { namespace });
  t.equal(table.peek('short'), undefined);
  t.equal((await table.get('short'))?.hits, 1);
  t.equal((await table.increment('short', 'hits')).value, 2);
});

t.test('a place that a killed reader held can be filled again', async (t) => {
  const table = await open(t, 'leased');
  await table.set('k', { hits: 1 });
  await known(table, 'k');
  await table.set('k', { hits: 2 });
  // As such a reader leaves it.
  const [{ name }] = Table.list({ namespace }).filter(({ name }) => name.endsWith('.leased'));
  const store = Table.open(name, { namespace });
  t.teardown(() => store.close());
  t.same(store.columns, columns, 'the hidden columns are hidden');
  t.equal(store.insert('k', {}, { ttl: 500 }), true);
  t.equal(table.peek('k'), undefined, 'a held place is no row');
  t.equal((await table.get('k'))?.hits, 2);
  await known(table, 'k');
  t.equal(table.peek('k')?.hits, 2);
});

t.test('a primary that is cut off from the others, and answers reads all the same, proves nothing', async (t) => {
  const [lone] = cluster.primaries;
  await lone.command('CONFIG', 'SET', 'cluster-allow-reads-when-down', 'yes');
  const table = await open(t, 'cut-off');
  const key = `{${tagOfSlot(100)}}`;
  await table.set(key, { hits: 1 });
  await known(table, key);
  const others = cluster.nodes.filter((node) => node !== lone);
  for (const { pid } of others) process.kill(pid, 'SIGSTOP');
  try {
    const state = async (): Promise<void> => {
      while (String(await lone.command('CLUSTER', 'INFO')).includes('cluster_state:ok')) await sleep(10);
    };
    await within(20_000, 'it knows that it is cut off', state());
    await sleep(near.maxStaleMs);
    t.equal(await lone.command('HGET', `shm:${namespace}:cut-off:${key}`, 'hits'), '1', 'it answers');
    t.equal(table.peek(key), undefined);
  } finally {
    for (const { pid } of others) process.kill(pid, 'SIGCONT');
    await lone.command('CONFIG', 'SET', 'cluster-allow-reads-when-down', 'no');
  }
  const again = async (): Promise<void> => {
    while ((await table.get(key).catch(() => undefined)) === undefined || table.peek(key) === undefined)
      await sleep(20);
  };
  await within(20_000, 'the row is known again', again());
});

t.test('a row that the server evicts is not known any more', async (t) => {
  const server = await startRedis({ settings: { 'maxmemory-policy': 'allkeys-random' } });
  t.teardown(() => server.stop());
  const table = await open(t, 'evicted', {}, [server.url]);
  await table.set('k', { hits: 1 });
  await known(table, 'k');
  const used = Number(/used_memory:(\d+)/.exec(String(await server.command('INFO', 'memory')))?.[1]);
  await server.command('CONFIG', 'SET', 'maxmemory', String(used + 100_000));
  const wire = `shm:${namespace}:evicted:k`;
  for (let i = 0; (await server.command('EXISTS', wire)) === 1; i++) {
    await server.command('SET', `filler${i}`, 'x'.repeat(10_000));
  }
  const took = await forgotten(table, 'k', 5_000);
  t.ok(took < near.maxStaleMs, `${took.toFixed()} ms`);
});

t.test('a grant is never trusted again, whatever number of others follows it', async (t) => {
  const name = feedName(namespace, 'grants');
  const memory = FeedMemory.openOrCreate(name);
  t.teardown(() => memory.close());
  t.teardown(() => memory.destroy());
  const first = memory.grant([1, 2], [5]);
  t.equal(memory.covers(first, [1, 2], 5), true);
  t.equal(memory.covers(first, [1, 2], 6), false);
  const numbers = new Set([first]);
  for (let i = 0; i < 3_000; i++) numbers.add(memory.grant([1, 2], [5]));
  t.equal(numbers.size, 3_001);
  t.equal(memory.isGranted(first), false);
  t.equal(memory.covers(first, [1, 2], 5), false);
});

t.test('a row of an old grant stays unknown when a later grant takes the same place', async (t) => {
  const server = await startRedis();
  t.teardown(() => server.stop());
  const table = await open(t, 'wrapped', {}, [server.url]);
  await table.set('k', { hits: 1 });
  await known(table, 'k');
  const { connection } = parseClusterOptions({ name: 'x', columns, cluster: { nodes: [server.url] } });
  const memory = FeedMemory.openIfThere(feedName(namespace, clusterId(connection)));
  if (memory === undefined) throw new Error('no feed');
  t.teardown(() => memory.close());
  const first = memory.grantOf(0);
  t.equal(first, Atomics.load(memory.words, LAST_GRANT), 'the only grant');
  // As if 1,023 others had been given.
  Atomics.store(memory.words, LAST_GRANT, first + GRANTS - 1);
  await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
  const granted = async (): Promise<void> => {
    while (memory.grantOf(0) !== first + GRANTS || memory.stats.provenMs > 500) {
      if (memory.grantOf(0) !== first && table.peek('k') !== undefined) t.fail('trusted again');
      await sleep(1);
    }
  };
  await within(20_000, 'another grant', granted());
  t.equal(memory.isGranted(first), false);
  t.equal(table.peek('k'), undefined);
  await known(table, 'k');
});
