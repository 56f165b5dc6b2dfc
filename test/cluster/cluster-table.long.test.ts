/** A table in a cluster: where its operations go, what fails when a server does not answer, and what a scan finds. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { clusterRowsOf } from '../../src/cluster/cluster-table.js';
import { ClusterTable } from '../../src/cluster/index.js';
import { SLOTS, slotOf, tagOfSlot } from '../../src/cluster/slots.js';
import { eventually } from '../fixtures/deadline.js';
import { type RedisCluster, type RedisNode, startCluster, startRedis } from '../fixtures/redis-servers.js';
import { moveSlot } from './move-slot.js';

const columns = { user: 'int64', hits: 'uint32', name: 'string(60)', more: 'json' } as const;
const PATIENT_MS = 20_000;

t.setTimeout(240_000);

let cluster: RedisCluster;
t.before(async () => {
  cluster = await startCluster();
});
t.teardown(() => cluster.stop());

const connect = (name: string, timeoutMs = PATIENT_MS) =>
  ClusterTable.connect({ name, columns, namespace: 'tests', cluster: { nodes: cluster.urls.slice(0, 1), timeoutMs } });

const slotOfRow = (table: string, key: string): number => slotOf(Buffer.from(`shm:tests:${table}:${key}`));

/** Keys in some slot of this primary. */
function keysOf(table: string, node: RedisNode, count: number): string[] {
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i++) {
    if (cluster.ownerOf(slotOfRow(table, `k${i}`)) === node) keys.push(`k${i}`);
  }
  return keys;
}

const move = (slot: number, from: RedisNode, to: RedisNode, pauseMs = 0) => moveSlot(cluster, slot, from, to, pauseMs);

t.test('finds all servers through one and sends every row to the owner of its slot', async (t) => {
  const table = await connect('routed');
  t.teardown(() => table.close());
  await table.setMany(Array.from({ length: 300 }, (_, i) => [`k${i}`, { hits: i }]));
  for (const node of cluster.primaries) {
    for (const key of keysOf('routed', node, 3)) {
      t.equal(await node.command('HGET', `shm:tests:routed:${key}`, 'hits'), key.slice(1), key);
    }
  }
  t.same(table.stats(), { primaries: 3, connected: 3, unknownOutcomes: 0 });
  const rows = await table.getMany(Array.from({ length: 301 }, (_, i) => `k${i}`));
  t.equal(rows.filter((row, i) => row?.hits === i).length, 300);
  t.equal(rows[300], undefined);
});

t.test('the slot of a key is the one that the servers compute', async (t) => {
  for (const key of ['a', 'shm:x:y:{z}q', '{}a', 'a{b', 'a}b{c}', 'ключ', '{a}{b}', 'x'.repeat(300)]) {
    t.equal(slotOf(Buffer.from(key)), await cluster.nodes[0].command('CLUSTER', 'KEYSLOT', key), key);
  }
  t.ok(Array.from({ length: SLOTS }, (_, slot) => slot).every((slot) => slotOf(Buffer.from(tagOfSlot(slot))) === slot));
});

t.test('writes report revision and creation; conditions and modification see them', async (t) => {
  const table = await connect('written');
  t.teardown(() => table.close());
  const first = await table.set('k', { hits: 1, more: { a: [1] } });
  t.equal(first.created, true);
  const second = await table.update('k', { hits: 2 });
  t.ok(second !== false && second.revision > first.revision);
  t.equal(await table.compareAndSet('k', { revision: first.revision }, { hits: 3 }), false);
  t.match(await table.compareAndSet('k', { hits: 2, more: { a: [1] } }, { hits: 3 }), { created: false });
  t.equal(await table.insert('k', {}), false);
  t.equal(await table.update('none', {}), false);
  t.same(await table.modify('k', (row) => ({ hits: (row?.hits ?? 0) + 1 })), {
    user: 0n,
    hits: 4,
    name: '',
    more: { a: [1] },
  });
  const sum = await table.increment('k', 'user', 2n ** 62n);
  t.equal(sum.value, 2n ** 62n);
  t.equal((await table.entry('k'))?.revision, sum.revision);
  await table.set('k', { name: 'x' }, { ttl: 100_000 });
  const left = await table.ttl('k');
  t.ok(left !== undefined && left > 90_000 && left <= 100_000);
  t.equal(typeof (await table.entry('k'))?.expiresAt, 'number');
  t.match(await table.expire('k', null), { created: false });
  t.equal(await table.ttl('k'), Number.POSITIVE_INFINITY);
  t.equal(await table.delete('k'), true);
  t.equal(await table.get('k', 'hits'), undefined);
  t.equal(await table.expire('k', 5), false);
});

t.test(
  'what the service needs is reported in the same trip: outcome, revision, expiry and the whole row',
  async (t) => {
    const table = await connect('reported');
    t.teardown(() => table.close());
    const rows = clusterRowsOf(table);
    t.match(await rows.write('update', 'k', { hits: 1 }), { outcome: 'absent', revision: 0 });
    const first = await rows.write('put', 'k', { hits: 1, more: [1] }, { ttl: 100_000, report: 'row' });
    t.match(first, { outcome: 'inserted', row: { user: 0n, hits: 1, name: '', more: '[1]' } });
    t.ok(typeof first.expiresAt === 'number' && Math.abs(first.expiresAt - Date.now() - 100_000) < 5_000);
    t.match(await rows.write('set', 'k', { hits: 2 }, { ifRevision: 1 }), {
      outcome: 'mismatch',
      revision: first.revision,
    });
    t.match(await rows.write('insert', 'k', {}), { outcome: 'present', revision: first.revision });
    const later = await rows.write('set', 'k', {}, { expiresAt: null, report: 'expiry', ifRevision: first.revision });
    t.match(later, { outcome: 'updated', expiresAt: null });
    t.match(await rows.increment('k', 'hits', 1, { ifRevision: 1 }), { outcome: 'mismatch', revision: later.revision });
    t.match(await rows.remove('k', { ifRevision: 1 }), { outcome: 'mismatch' });
    t.match(await rows.remove('k', { ifRevision: later.revision }), { outcome: 'deleted' });
  },
);

t.test('increments and modifications of several handles add up', async (t) => {
  const tables = await Promise.all(Array.from({ length: 4 }, () => connect('sums')));
  t.teardown(() => Promise.all(tables.map((table) => table.close())));
  await Promise.all(
    tables.map(async (table) => {
      for (let i = 0; i < 50; i++) {
        await table.increment('k', 'hits', 3);
        await table.modify('k', (row) => ({ user: (row?.user ?? 0n) + 1n }));
      }
    }),
  );
  t.match(await tables[0].get('k'), { hits: 600, user: 200n });
});

t.test('follows slots that move, during the move and after it', async (t) => {
  const table = await connect('moved');
  t.teardown(() => table.close());
  const [from, to] = cluster.primaries;
  const keys = Array.from({ length: 9 }, (_, i) => `{${tagOfSlot(100)}}${i}`);
  t.equal(slotOfRow('moved', keys[0]), 100);
  await table.setMany(keys.map((key) => [key, { hits: 0 }]));
  let moving = true;
  const move100 = move(100, from, to, 20).finally(() => {
    moving = false;
  });
  let rounds = 0;
  while (moving) {
    for (const key of keys) await table.increment(key, 'hits');
    rounds++;
  }
  await move100;
  for (const key of keys) t.match(await table.get(key), { hits: rounds }, key);
  t.equal(await to.command('HGET', `shm:tests:moved:${keys[0]}`, 'hits'), String(rounds));
  await move(100, to, from);
  t.match(await table.get(keys[0]), { hits: rounds });
});

t.test(
  'scan, count and clear find every row once, also while slots move in both directions',
  { timeout: 200_000 },
  async (t) => {
    const table = await connect('scanned');
    t.teardown(() => table.close());
    const [a, b, c] = cluster.primaries;
    const slots = [10, 20, 30, 16_000, 16_010, 16_020];
    const moved = slots.flatMap((slot) => Array.from({ length: 20 }, (_, i) => `{${tagOfSlot(slot)}}${i}`));
    const others = Array.from({ length: 400 }, (_, i) => `p${i}`);
    const keys = [...moved, ...others];
    await table.setMany(keys.map((key) => [key, { name: key }]));
    let isOver = false;
    const moving = (async () => {
      while (!isOver) {
        await move(10, a, c);
        await move(16_000, c, a);
        await move(20, a, b, 5);
        await move(16_010, c, b, 5);
        await move(10, c, a);
        await move(16_000, a, c);
        await move(20, b, a, 5);
        await move(16_010, b, c, 5);
      }
    })();
    for (let round = 0; round < 2; round++) {
      const found: string[] = [];
      for await (const { key, row } of table.scan()) {
        found.push(key);
        if (row.name !== key) t.fail(`row of ${key}`);
      }
      t.same(found.sort(), [...keys].sort(), 'rows by iteration');
      const paged: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page: Awaited<ReturnType<typeof table.scan<'hits'>>> = await table.scan({
          limit: 37,
          columns: ['hits'],
          ...(cursor === undefined ? {} : { cursor }),
        });
        t.ok(page.entries.length <= 37);
        paged.push(...page.entries.map(({ key }) => key));
        cursor = page.cursor;
      }
      t.same(paged.sort(), [...keys].sort(), 'rows by pages');
      t.equal(await table.count(), keys.length);
      t.equal(await table.count({ prefix: 'p' }), others.length);
    }
    t.equal(await table.deletePrefix('p1'), others.filter((key) => key.startsWith('p1')).length);
    const neighbour = await connect('neighbour');
    t.teardown(() => neighbour.close());
    await neighbour.set('stays', {});
    await table.clear();
    t.equal(await table.count(), 0);
    t.equal(await neighbour.count(), 1, 'another table in the same slots');
    isOver = true;
    await moving;
    t.equal(await table.count(), 0, 'nothing was on its way');
    await t.rejects(async () => table.scan({ cursor: 'x' }), { code: 'ERR_ARGUMENT' });
    await t.rejects(async () => table.scan({ limit: 0 }), { code: 'ERR_ARGUMENT' });
  },
);

t.test('a server that stands still: writes are of unknown outcome, reads unavailable, and nothing hangs', async (t) => {
  const table = await connect('stopped', 500);
  t.teardown(() => table.close());
  const [node] = cluster.primaries;
  const [key] = keysOf('stopped', node, 1);
  await table.set(key, { hits: 1 });
  process.kill(node.pid, 'SIGSTOP');
  const started = performance.now();
  try {
    const [write, read] = await Promise.allSettled([table.increment(key, 'hits'), table.get(key)]);
    t.match(write, { reason: { code: 'ERR_OUTCOME_UNKNOWN' } });
    t.match(read, { reason: { code: 'ERR_CLUSTER_UNAVAILABLE' } });
    t.ok(performance.now() - started < 1_500);
    t.equal(table.stats().unknownOutcomes, 1);
    await t.rejects(table.set(key, {}), { code: 'ERR_CLUSTER_UNAVAILABLE' }, 'the connection has been given up');
  } finally {
    process.kill(node.pid, 'SIGCONT');
  }
  let hits: number | undefined;
  const back = (async () => {
    while (hits === undefined) hits = await table.get(key, 'hits').catch(() => undefined);
  })();
  await eventually('it answers again', () => hits !== undefined);
  await back;
  t.equal(hits, 2, 'the write was executed after all');
});

t.test('a lost connection is made again', async (t) => {
  const table = await connect('killed');
  t.teardown(() => table.close());
  for (let i = 0; i < 3; i++) {
    for (const node of cluster.primaries) await node.command('CLIENT', 'KILL', 'TYPE', 'normal');
    let done = false;
    const trying = (async () => {
      while (!done) {
        done = await table.set('k', { hits: i }).then(
          () => true,
          (error) => {
            if (!/^ERR_(CLUSTER_UNAVAILABLE|OUTCOME_UNKNOWN)$/.test(error.code)) throw error;
            return false;
          },
        );
      }
    })();
    await eventually('a write succeeds', () => done);
    await trying;
  }
  t.match(await table.get('k'), { hits: 2 });
});

t.test('a replica takes over: the table goes on by itself, with higher revisions', { timeout: 60_000 }, async (t) => {
  const table = await connect('taken-over', 1_000);
  t.teardown(() => table.close());
  const node = cluster.primaries[2];
  const [key] = keysOf('taken-over', node, 1);
  const [, gone] = keysOf('taken-over', node, 2);
  const before = await table.set(key, { hits: 1 });
  const deleted = await table.set(gone, { hits: 1 });
  await table.delete(gone);
  await node.command('WAIT', '1', '5000');
  process.kill(node.pid, 'SIGSTOP');
  let after: { revision: number } | undefined;
  let unexpected: unknown;
  const trying = (async () => {
    while (after === undefined && unexpected === undefined) {
      try {
        after = await table.set(key, { name: 'later' });
      } catch (error) {
        const { code } = error as { code: string };
        if (!/^ERR_(CLUSTER_UNAVAILABLE|OUTCOME_UNKNOWN)$/.test(code)) unexpected = error;
        await sleep(20);
      }
    }
  })();
  await eventually('a write succeeds', () => after !== undefined || unexpected !== undefined, 30_000);
  await trying;
  t.equal(unexpected, undefined);
  t.ok(after !== undefined && after.revision > before.revision);
  t.match(await table.get(key), { hits: 1, name: 'later' });
  const again = await table.insert(gone, {});
  t.ok(again !== false && again.revision > deleted.revision, 'deleted before, inserted after');
  process.kill(node.pid, 'SIGCONT');
});

t.test('schemas: the same opens, another is refused, and columns can be added', async (t) => {
  const cluster1 = { nodes: cluster.urls, timeoutMs: PATIENT_MS };
  const options = { name: 'schemas', namespace: 'tests', cluster: cluster1 };
  const old = await ClusterTable.connect({ ...options, columns: { a: 'int32', b: 'string(9)' } });
  t.teardown(() => old.close());
  await old.set('k', { a: 5, b: 'x' });
  const refused = { code: 'ERR_SCHEMA_MISMATCH' };
  await t.rejects(ClusterTable.connect({ ...options, columns: { a: 'int32' } }), refused);
  await t.rejects(ClusterTable.connect({ ...options, columns: { a: 'int64', b: 'string(9)' } }), refused);
  await t.rejects(
    ClusterTable.connect({ ...options, maxKeyBytes: 9, columns: { a: 'int32', b: 'string(9)' } }),
    refused,
  );
  await t.rejects(
    ClusterTable.connect({ ...options, columns: { a: 'int64' }, onMismatch: 'alter' }),
    refused,
    'a type never changes',
  );
  const wide = { a: 'int32', b: 'string(9)', c: 'float64', d: 'json' } as const;
  const next = await ClusterTable.connect({ ...options, columns: wide, onMismatch: 'alter' });
  t.teardown(() => next.close());
  t.same(await next.get('k'), { a: 5, b: 'x', c: 0, d: null });
  await next.set('k', { c: 0.5 });
  t.same(await old.get('k'), { a: 5, b: 'x' }, 'the old program goes on');
  const again = await ClusterTable.connect({
    ...options,
    columns: { a: 'int32', b: 'string(9)' },
    onMismatch: 'alter',
  });
  t.teardown(() => again.close());
  await again.put('k', { a: 1 });
  t.same(await next.get('k'), { a: 1, b: '', c: 0, d: null }, 'a whole row replaces the columns of others too');
});

t.test('a server alone is used without a cluster', async (t) => {
  const server = await startRedis();
  t.teardown(() => server.stop());
  const table = await ClusterTable.connect({
    name: 'alone',
    columns,
    cluster: { nodes: [server.url], timeoutMs: PATIENT_MS },
  });
  t.teardown(() => table.close());
  const keys = Array.from({ length: 2_500 }, (_, i) => `k${i}*[?\\`);
  await table.setMany(keys.map((key, hits) => [key, { hits }]));
  const found = new Set<string>();
  for await (const { key } of table.scan({ prefix: 'k' })) found.add(key);
  t.equal(found.size, keys.length);
  const paged = new Set<string>();
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: { entries: { key: string }[]; cursor: string | null } = await table.scan({
      limit: 300,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const { key } of page.entries) paged.add(key);
    cursor = page.cursor;
  }
  t.equal(paged.size, keys.length);
  t.equal(await table.deletePrefix('k24'), 11 + 100);
  t.equal(await table.clear(), keys.length - 111);
});

t.test('what only a table in shared memory can do is refused, with what to do instead', async (t) => {
  const table = await connect('refused');
  const unsupported = { code: 'ERR_BACKEND_UNSUPPORTED' };
  t.throws(() => table.size, unsupported);
  t.throws(() => table.snapshot(), unsupported);
  t.throws(() => table.watch(), unsupported);
  t.throws(() => table.verify(), unsupported);
  const options = { name: 'refused', columns, cluster: { nodes: cluster.urls } };
  for (const more of [{ capacity: 5 }, { evict: 'lru' }, { changes: 1 }, { backend: 'posix' }, { hugePages: true }]) {
    await t.rejects(ClusterTable.connect({ ...options, ...more }), unsupported, Object.keys(more)[0]);
  }
  const argument = { code: 'ERR_ARGUMENT' };
  await t.rejects(ClusterTable.connect({ ...options, nmae: 'x' } as never), argument);
  await t.rejects(ClusterTable.connect({ ...options, cluster: { nodes: [] } }), argument);
  await t.rejects(ClusterTable.connect({ ...options, cluster: { nodes: ['http://x'] } }), argument);
  const { message } = await ClusterTable.connect({ ...options, cluster: { nodes: ['redis://u:secret@x/y'] } }).then(
    () => new Error('connected'),
    (error) => error,
  );
  t.notMatch(message, /secret/);
  await table.close();
  await table.close();
  await t.rejects(table.get('k'), { code: 'ERR_TABLE_CLOSED' });
  await t.rejects(
    ClusterTable.connect({ ...options, cluster: { nodes: ['redis://127.0.0.1:1'], timeoutMs: 500 } }),
    { code: 'ERR_CLUSTER_UNAVAILABLE' },
    'no server there',
  );
});
