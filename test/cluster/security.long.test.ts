/** TLS, and the least rights that the user of the servers needs: those that the documentation lists. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ClusterTable } from '../../src/cluster/index.js';
import { within } from '../fixtures/deadline.js';
import { startCluster, startRedis } from '../fixtures/redis-servers.js';
import { createTlsFiles } from '../fixtures/tls-files.js';
import { removeNear } from './two-hosts.js';

t.setTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), 'shmtable-tls-'));
t.teardown(() => rmSync(folder, { recursive: true }));

const columns = { hits: 'int64', ratio: 'float64', name: 'string(60)' } as const;
const guide = readFileSync(fileURLToPath(new URL('../../../docs/cluster.md', import.meta.url)), 'utf8');

/** The rights in the guide's example of a user: everything after the password. */
function documentedRights(namespace: string): string[] {
  const [, rights] = /ACL SETUSER shmtable on >PASSWORD ([^`]+)/.exec(guide) ?? [];
  if (rights === undefined) throw new Error('docs/cluster.md shows no user');
  return rights.replaceAll('\\\n', ' ').replaceAll('shop', namespace).trim().split(/\s+/);
}

t.test('over TLS, as a user with the rights that the guide lists and no others', async (t) => {
  const tls = createTlsFiles(folder, 'server');
  const cluster = await startCluster({
    replicas: false,
    tls,
    settings: { 'tls-cluster': 'yes' },
  });
  t.teardown(() => cluster.stop());
  for (const node of cluster.primaries) {
    await node.command('ACL', 'SETUSER', 'shmtable', 'on', '>secret', ...documentedRights('guarded'));
    await node.command('ACL', 'SETUSER', 'stranger', 'on', '>secret', '~other:*', '+@all');
  }
  const options = { name: 'rows', columns, namespace: 'guarded' };
  const connection = {
    nodes: cluster.urls,
    username: 'shmtable',
    password: 'secret',
    tls: { ca: tls.ca },
    timeoutMs: 20_000,
  };
  const table = await ClusterTable.connect({ ...options, cluster: connection });
  t.teardown(() => table.close());
  await table.set('k', { hits: 5, name: 'x' }, { ttl: 100_000 });
  await table.put('k', { hits: 5 }, { ttl: null });
  await table.insert('l', { ratio: 0.5 });
  await table.update('l', { ratio: 0.25 }, { ttl: 100_000 });
  await table.increment('k', 'hits');
  await table.increment('k', 'ratio', 0.1);
  await table.compareAndSet('k', { hits: 6 }, { name: 'y' });
  await table.compareAndDelete('k', { hits: 7 });
  await table.expire('l', 50_000);
  await table.modify('l', () => ({ name: 'z' }));
  t.equal(await table.has('k'), true);
  t.match(await table.entry('k'), { row: { hits: 6n, ratio: 0.1, name: 'y' } });
  t.match(await table.take('l'), { name: 'z' });
  t.equal(await table.count(), 1);
  t.equal(await table.delete('k'), true);
  await table.set('m', {});
  t.equal(await table.clear(), 1);
  const wider = { ...columns, more: 'text' } as const;
  const next = await ClusterTable.connect({ ...options, columns: wider, onMismatch: 'alter', cluster: connection });
  await next.close();
  const close = { ...options, columns: wider, cluster: connection, near: { capacity: 100 } };
  const near = await ClusterTable.connect(close);
  t.teardown(() => removeNear('guarded'));
  t.teardown(() => near.close());
  await near.set('k', { hits: 1 });
  const known = async (): Promise<void> => {
    while (near.peek('k') === undefined) {
      await near.get('k');
      await sleep(5);
    }
  };
  await within(20_000, 'the near cache works', known());
  const refused = { code: 'ERR_PERMISSION' };
  await t.rejects(
    ClusterTable.connect({ ...options, namespace: 'forbidden', cluster: connection }),
    refused,
    'other rows',
  );
  await t.rejects(
    ClusterTable.connect({ ...options, cluster: { ...connection, username: 'stranger' } }),
    refused,
    'another user',
  );
  await t.rejects(
    ClusterTable.connect({ ...options, cluster: { ...connection, password: 'wrong', timeoutMs: 10_000 } }),
    refused,
    'a wrong password',
  );
  const { tls: _, ...distrustful } = connection;
  await t.rejects(
    ClusterTable.connect({ ...options, cluster: { ...distrustful, timeoutMs: 10_000 } }),
    { code: 'ERR_CLUSTER_UNAVAILABLE', message: /certificate/ },
    'an unknown authority',
  );
});

t.test(
  'if the user lacks a right that only the near cache needs, reads work, and the statistics say why',
  async (t) => {
    const server = await startRedis();
    t.teardown(() => server.stop());
    t.teardown(() => removeNear('feedless'));
    for (const [i, right] of ['+client|tracking', '+subscribe', '&shm:feedless:*'].entries()) {
      const username = `without${i}`;
      const connect = () =>
        ClusterTable.connect({
          name: 'rows',
          columns,
          namespace: 'feedless',
          cluster: { nodes: [server.url], username, password: 'secret', timeoutMs: 20_000 },
          near: { capacity: 100 },
        });
      const all = documentedRights('feedless');
      await server.command('ACL', 'SETUSER', username, 'on', '>secret', ...all);
      // Connecting creates the table, for which it needs to write.
      await (await connect()).close();
      await server.command('ACL', 'SETUSER', username, 'reset', 'on', '>secret', ...all.filter((one) => one !== right));
      const table = await connect();
      t.teardown(() => table.close());
      const told = async (): Promise<void> => {
        while (table.stats().near?.problem === null || table.stats().near?.grants !== 0) {
          await table.get('k');
          await sleep(10);
        }
      };
      await within(10_000, `a problem without ${right}`, told());
      t.match(table.stats().near, { grants: 0, problem: /a right is missing/ }, right);
      t.equal(table.peek('k'), undefined);
      await server.command('ACL', 'SETUSER', username, ...all);
      const known = async (): Promise<void> => {
        await table.increment('k', 'hits');
        for (; table.peek('k') === undefined; await sleep(5)) await table.get('k');
      };
      await within(20_000, `with ${right}, a row is known`, known());
      t.equal(table.stats().near?.problem, null);
    }
  },
);
