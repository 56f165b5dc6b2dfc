import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterTable } from '../../../src/cluster/index.js';
import { Agent, MAX_STALE_MS, removeNear, type Scope, TIMEOUT_MS } from '../../cluster/two-hosts.js';
import { ClusterCheck } from '../../fixtures/cluster-check.js';
import { within } from '../../fixtures/deadline.js';
import { startRedis } from '../../fixtures/redis-servers.js';
import type { ClusterReport } from './run-cluster.js';

const MEBIBYTE = 2 ** 20;
/** What a server keeps for a subscriber unless it is told otherwise. */
const LIMIT = 32 * MEBIBYTE;
/** One batch of writes, after which the server looks whether a client is over its limit. */
const BATCH = 1_000;
const KEYS = 20_000;

/**
 * Stops the process with the feed while this many rows are written: the server keeps no more for it than for any
 * subscriber, and gives it up. When it goes on, nothing that it knew is trusted, and what is read is right.
 */
export async function writeToStoppedFeed(scope: Scope, writes: number): Promise<ClusterReport> {
  const namespace = `unread-${process.pid}`;
  const server = await startRedis();
  scope.teardown(() => server.stop());
  const checkName = `${namespace}-check`;
  const check = ClusterCheck.create(checkName);
  scope.teardown(() => check.destroy());
  scope.teardown(() => removeNear(namespace));
  const limits = [String(MAX_STALE_MS), String(TIMEOUT_MS)];
  const feed = new Agent(['idle', '0', server.url, checkName, namespace, ...limits]);
  scope.teardown(() => feed.end());
  await feed.ready();
  const table = await ClusterTable.connect({
    name: 'checked',
    namespace,
    columns: { n: 'uint32', text: 'string(20)' },
    cluster: { nodes: [server.url], timeoutMs: 30_000 },
    near: { capacity: 1_000, maxStaleMs: MAX_STALE_MS },
  });
  scope.teardown(() => table.close());
  const problems: string[] = [];
  const known = async (): Promise<void> => {
    for (; table.peek('k') === undefined; await sleep(5)) await table.get('k');
  };
  await table.set('k', { n: 1 });
  await within(20_000, 'the row is known', known());

  feed.kill('SIGSTOP');
  const prefix = `shm:${namespace}:checked`;
  let [most, wasThere, wasGone] = [0, false, false];
  const began = performance.now();
  for (let written = 0; written < writes; written += BATCH) {
    await Promise.all(
      Array.from({ length: BATCH }, (_, i) =>
        server.command('HSET', `${prefix}:a-key-of-about-40-bytes-${(written + i) % KEYS}`, 'revision', '1'),
      ),
    );
    const clients = String(await server.command('CLIENT', 'LIST', 'TYPE', 'pubsub'));
    const kept = [...clients.matchAll(/ tot-mem=(\d+)/g)].map(([, bytes]) => Number(bytes));
    if (kept.length > 0) wasThere = true;
    else if (wasThere) wasGone = true;
    most = Math.max(most, ...kept);
  }
  const seconds = (performance.now() - began) / 1_000;
  await server.command('HSET', `${prefix}:k`, 'n', '2', 'revision', '9007199254740000');
  if (most > LIMIT + 4 * MEBIBYTE) problems.push(`the server kept ${(most / MEBIBYTE).toFixed(1)} MiB for the feed`);
  if (!wasGone) problems.push(`the server did not give the feed up; it kept ${(most / MEBIBYTE).toFixed(1)} MiB`);
  if (table.peek('k') !== undefined) problems.push('a row is trusted although the feed stands still');
  feed.kill('SIGCONT');
  await within(20_000, 'the row is known again', known());
  if (table.peek('k')?.n !== 2) problems.push(`the row is ${table.peek('k')?.n}`);
  if ((table.stats().near?.revokedGrants ?? 0) === 0) problems.push('no grant was revoked');
  return {
    summary: `${writes} writes in ${seconds.toFixed()} s, at most ${(most / MEBIBYTE).toFixed(1)} MiB kept for the stopped feed`,
    problems,
  };
}
