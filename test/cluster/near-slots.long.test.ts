/** What a near cache makes of a slot that is taken from its primary with no word about the rows in it. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { ClusterTable } from '../../src/cluster/index.js';
import { slotOf } from '../../src/cluster/slots.js';
import { eventually, within } from '../fixtures/deadline.js';
import { type RedisNode, startCluster } from '../fixtures/redis-servers.js';
import { removeNear } from './two-hosts.js';

t.setTimeout(60_000);

const namespace = `slots-${process.pid}`;
t.teardown(() => removeNear(namespace));

/** Makes a server the owner of a slot, without its rows: the one that had it removes them, and Redis 7.0 does not say so. */
async function takeSlot(slot: number, from: RedisNode, to: RedisNode, all: readonly RedisNode[]): Promise<void> {
  const [fromId, toId] = [String(await from.command('CLUSTER', 'MYID')), String(await to.command('CLUSTER', 'MYID'))];
  await to.command('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', fromId);
  await to.command('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId);
  const haveHeard = async (): Promise<void> => {
    for (const node of all) {
      for (;;) {
        const slots = (await node.command('CLUSTER', 'SLOTS')) as [number, number, [unknown, number]][];
        const owner = slots.find(([first, last]) => first <= slot && slot <= last)?.[2];
        if (owner?.[1] === to.port) break;
        await sleep(20);
      }
    }
  };
  await within(20_000, 'every server knows the new owner', haveHeard());
}

t.test('a slot that leaves its primary without its rows, and returns: they are not known again', async (t) => {
  const cluster = await startCluster({ replicas: false });
  t.teardown(() => cluster.stop());
  const table = await ClusterTable.connect({
    name: 'moved',
    namespace,
    columns: { n: 'uint32' },
    cluster: { nodes: cluster.urls, timeoutMs: 20_000 },
    near: { capacity: 100 },
  });
  t.teardown(() => table.close());
  const known = async (key: string): Promise<void> => {
    for (; table.peek(key) === undefined; await sleep(5)) await table.get(key);
  };
  await table.set('k', { n: 1 });
  await within(20_000, 'the row is known', known('k'));
  const slot = slotOf(Buffer.from(`shm:${namespace}:moved:k`));
  const home = cluster.ownerOf(slot);
  const away = cluster.primaries.find((node) => node !== home) as RedisNode;

  await takeSlot(slot, home, away, cluster.primaries);
  await eventually('the row is not known', () => table.peek('k') === undefined);
  await takeSlot(slot, away, home, cluster.primaries);
  t.equal(await home.command('EXISTS', `shm:${namespace}:moved:k`), 0, 'the row is gone');
  // Another row of the slot tells that the feed has heard of the return.
  let key = 0;
  while (slotOf(Buffer.from(`shm:${namespace}:moved:${key}`)) !== slot) key++;
  await table.set(String(key), { n: 2 });
  await within(20_000, 'rows of the slot are known', known(String(key)));
  t.equal(table.peek('k'), undefined);
});
