import { setTimeout as sleep } from 'node:timers/promises';
import { type Scope, TwoHosts } from '../../cluster/two-hosts.js';
import { type RedisNode, startCluster } from '../../fixtures/redis-servers.js';
import { seededRandom } from '../seeded-random.js';
import type { ClusterReport } from './run-cluster.js';

/** Faults between two checks. */
const FAULTS = 12;

/**
 * Faults of feeds, servers and connections at random, also at the same time, beside readers and a writer on two hosts:
 * nothing stale and nothing backward. No acknowledged write is lost: a primary is replaced only in agreement with it.
 */
export async function stormFaults(scope: Scope, rounds: number, seed: number): Promise<ClusterReport> {
  const cluster = await startCluster();
  scope.teardown(() => cluster.stop());
  const hosts = await TwoHosts.start(scope, cluster, `storm-${process.pid}`);
  await hosts.hitsAgain();
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const withRole = async (role: string): Promise<RedisNode[]> => {
    const roles = await Promise.all(cluster.nodes.map((node) => node.command('ROLE')));
    return cluster.nodes.filter((_, i) => String((roles[i] as unknown[])[0]) === role);
  };
  // A server may end the connection over which it is told to end connections.
  const tell = (node: RedisNode, ...command: string[]): Promise<unknown> =>
    node.command(...command).catch(() => undefined);
  const faults: Record<string, () => Promise<void>> = {
    stopFeed: async () => {
      const feed = hosts.feeds[below(2)];
      feed.kill('SIGSTOP');
      await sleep(below(1_800));
      feed.kill('SIGCONT');
    },
    killFeed: async () => {
      const host = below(2);
      hosts.feeds[host].kill('SIGKILL');
      await sleep(100);
      hosts.feeds[host] = await hosts.start('idle', host);
    },
    endFeedConnections: async () => {
      for (const node of cluster.nodes) await tell(node, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
    },
    endConnections: async () => {
      await tell(cluster.nodes[below(cluster.nodes.length)], 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    },
    stopPrimary: async () => {
      const primaries = await withRole('master');
      const { pid } = primaries[below(primaries.length)];
      process.kill(pid, 'SIGSTOP');
      await sleep(below(1_400));
      process.kill(pid, 'SIGCONT');
    },
    failOver: async () => {
      const replicas = await withRole('slave');
      if (replicas.length > 0) await tell(replicas[below(replicas.length)], 'CLUSTER', 'FAILOVER');
      await sleep(500);
    },
  };
  const names = Object.keys(faults);
  const problems: string[] = [];
  let summary = '';
  let longestMs = 0;
  let done: string[] = [];
  for (let round = 0; round < rounds && problems.length === 0; round++) {
    done = [];
    for (let i = 0; i < FAULTS; i++) {
      const name = names[below(names.length)];
      const beside = random() < 0.3 ? faults.endFeedConnections() : undefined;
      await faults[name]();
      await beside;
      await sleep(below(400));
      done.push(name);
    }
    longestMs = Math.max(longestMs, await hosts.hitsAgain(30_000));
    const examined = await hosts.examine();
    problems.push(...examined.problems);
    summary = examined.summary;
  }
  if (problems.length > 0) problems.push(`after ${done.join(' ')}`);
  return {
    summary: `${rounds * FAULTS} faults: ${summary}; hits again after ${longestMs.toFixed()} ms at most`,
    problems,
  };
}
