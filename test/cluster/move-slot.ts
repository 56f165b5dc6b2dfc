import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisCluster, RedisNode } from '../fixtures/redis-servers.js';

/** Moves a slot as `redis-cli --cluster reshard` does. */
export async function moveSlot(
  cluster: RedisCluster,
  slot: number,
  from: RedisNode,
  to: RedisNode,
  pauseMs = 0,
): Promise<void> {
  await epochsAgree(cluster);
  const [fromId, toId] = [String(await from.command('CLUSTER', 'MYID')), String(await to.command('CLUSTER', 'MYID'))];
  await to.command('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', fromId);
  await from.command('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', toId);
  for (;;) {
    const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', String(slot), '3')) as string[];
    if (keys.length === 0) break;
    await from.command('MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys);
    await sleep(pauseMs);
  }
  await to.command('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId);
  await from.command('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId);
  for (const node of cluster.primaries) await node.command('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId);
}

/**
 * Waits until all primaries know of the latest epoch. A new owner takes an epoch above all that it knows: if the old owner has
 * a later one, what that one said before the move takes the slot from the new owner again.
 */
async function epochsAgree(cluster: RedisCluster): Promise<void> {
  for (;;) {
    const told = await Promise.all(cluster.primaries.map((node) => node.command('CLUSTER', 'INFO')));
    const epochs = told.map((text) => /cluster_current_epoch:(\d+)/.exec(String(text))?.[1]);
    if (new Set(epochs).size === 1) return;
    await sleep(5);
  }
}
