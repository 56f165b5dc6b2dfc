import { setTimeout as sleep } from 'node:timers/promises';
import { moveSlot } from '../../cluster/move-slot.js';
import { type Scope, TwoHosts } from '../../cluster/two-hosts.js';
import { startCluster } from '../../fixtures/redis-servers.js';
import type { ClusterReport } from './run-cluster.js';

/** Both hosts without any fault for this long, and then while this many slots move from one primary to another and back. */
export async function checkHosts(scope: Scope, ms: number, slots: number): Promise<ClusterReport> {
  const cluster = await startCluster();
  scope.teardown(() => cluster.stop());
  const hosts = await TwoHosts.start(scope, cluster, `hosts-${process.pid}`);
  await hosts.hitsAgain();
  await sleep(ms);
  const quiet = await hosts.examine();
  const [first, second] = cluster.primaries;
  for (const [from, to] of [
    [first, second],
    [second, first],
  ]) {
    for (let slot = 0; slot < slots; slot++) await moveSlot(cluster, slot, from, to);
  }
  await hosts.hitsAgain();
  const moved = await hosts.examine();
  return {
    summary: `${ms / 1_000} s without a fault: ${quiet.summary}; and ${2 * slots} moves of slots: ${moved.summary}`,
    problems: [...quiet.problems, ...moved.problems],
  };
}
