/** The keys that a feed writes to see whether changes are announced are nobody's rows, and disturb nobody. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { ClusterTable } from '../../src/cluster/index.js';
import { within } from '../fixtures/deadline.js';
import { startCluster } from '../fixtures/redis-servers.js';
import { removeNear } from './two-hosts.js';

const namespace = `canary-${process.pid}`;
t.setTimeout(120_000);
t.teardown(() => removeNear(namespace));

type Subject = ClusterTable<{ readonly n: 'int8' }>;

async function scanned(table: Subject): Promise<number> {
  let rows = 0;
  for await (const _ of table.scan()) rows++;
  return rows;
}

t.test('rows are found, counted and removed while such a key exists', async (t) => {
  const cluster = await startCluster({ replicas: false });
  t.teardown(() => cluster.stop());
  const [first] = cluster.primaries;
  const open = async (name: string, near: false | { capacity: number }) => {
    const nodes = cluster.urls;
    const table = await ClusterTable.connect({ name, namespace, columns: { n: 'int8' }, cluster: { nodes }, near });
    t.teardown(() => table.close());
    return table;
  };
  const keysInFirstSlot = async (): Promise<string> =>
    String(await first.command('CLUSTER', 'GETKEYSINSLOT', '0', '9'));
  // The feed's keys live for a second, which is too short for three walks on a slow machine: one for each.
  for (const [name, walk] of [
    ['scanned', scanned],
    ['counted', (table: Subject) => table.count()],
    ['cleared', (table: Subject) => table.clear()],
  ] as const) {
    const table = await open(name, false);
    await table.set('k', { n: 1 });
    await open(name, { capacity: 10 });
    const written = async (): Promise<void> => {
      while (!(await keysInFirstSlot()).includes(`:${name}:`)) await sleep(1);
    };
    await within(20_000, 'the feed has written its key', written());
    t.equal(await walk(table), 1, name);
  }
});
