/**
 * The feed of a host: how many invalidations one thread applies per second, how many messages a server sends per second of
 * processor time, and how soon a killed feed is replaced.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Figure } from '../../src/bench/figure.js';
import { freshKey } from '../../src/bench/fresh-keys.js';
import { type Effort, isTrial, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { spreadOf } from '../../src/bench/spread.js';
import { STANDBY_BYTE } from '../../src/cluster/feed-layout.js';
import type { FeedMemory } from '../../src/cluster/feed-memory.js';
import { feedOf, NearProcess } from '../clusters/near-processes.js';
import { inGroups, RowCluster, wireKey } from '../clusters/row-cluster.js';
import { subscribeHosts } from '../clusters/tracking-hosts.js';
import { processorTimeUs } from '../servers/processor-time.js';

/** A feed that is stopped for this long is not given up. */
const LONG_STALE_MS = 60_000;
const STALE_MS = 1_000;
const HOSTS = 50;
const POLL_MS = 1;
/** A thread that stands by has loaded its modules by then. */
const STANDING_BY_MS = 1_000;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const keys = rowsFor(effort, rows);
  const rounds = isTrial(effort) ? 1 : Math.min(5, effort.rounds);
  const cluster = await RowCluster.start(keys);
  try {
    // A server keeps what a stopped feed does not read; by default up to 32 MB.
    for (const node of cluster.servers.nodes)
      await node.command('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 0 0 0');
    return {
      figures: [
        ...(await applying(cluster, rounds)),
        ...(await sending(cluster, rounds)),
        await takingOver(cluster, rounds),
      ],
    };
  } finally {
    await cluster.stop();
  }
}

/** Stops the feed while every row is written, and measures how long it takes to catch up: then nothing else is at work. */
async function applying(cluster: RowCluster, rounds: number): Promise<Figure[]> {
  const bare = await cluster.bare();
  const host = await NearProcess.start(cluster, LONG_STALE_MS, cluster.rows);
  const feed = feedOf(cluster);
  const rates = { here: [] as number[], absent: [] as number[] };
  try {
    for (let round = 0; round < rounds; round++) {
      for (const kind of ['here', 'absent'] as const) {
        if (kind === 'here') await host.warm();
        host.signal('SIGSTOP');
        const before = feed.stats.invalidations;
        await inGroups(cluster.rows, (i) => bare.hSet(wireKey(freshKey(i)), 'count', round));
        const startedAt = performance.now();
        host.signal('SIGCONT');
        while (feed.stats.invalidations - before < cluster.rows) await sleep(POLL_MS);
        rates[kind].push((cluster.rows * 1000) / (performance.now() - startedAt));
      }
    }
  } finally {
    feed.close();
    await host.kill();
  }
  const figure = (what: string, values: readonly number[]): Figure => ({
    what: `a feed applies invalidations in one thread, of rows that its host ${what}`,
    unit: 'per second',
    value: spreadOf(values),
    target: { atLeast: 300_000 },
  });
  return [figure('has', rates.here), figure('has not', rates.absent)];
}

/** Processor time of a server that tells many hosts of writes, without that of the writes. */
async function sending(cluster: RowCluster, rounds: number): Promise<Figure[]> {
  const bare = await cluster.bare();
  const { primaries } = cluster.servers;
  const used = (): number => primaries.reduce((sum, { pid }) => sum + processorTimeUs(pid), 0);
  const writesOf = (atOnce: number): number => Math.min(cluster.rows, 2_000 * Math.min(atOnce, 10));
  const cost = async (atOnce: number): Promise<number> => {
    const before = used();
    const writes = writesOf(atOnce);
    await inGroups(writes, (i) => bare.hSet(wireKey(freshKey(i)), 'count', i), atOnce);
    return used() - before;
  };
  const rates = new Map([1, 64].map((atOnce) => [atOnce, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [atOnce, values] of rates) {
      const alone = await cost(atOnce);
      const hosts = await subscribeHosts(primaries, wireKey(''), HOSTS);
      const told = await cost(atOnce);
      for (const host of hosts) host.destroy();
      values.push((writesOf(atOnce) * HOSTS * 1e6) / Math.max(1, told - alone));
    }
  }
  return [...rates].map(([atOnce, values]) => ({
    what: `a server tells ${HOSTS} hosts of writes, ${atOnce} at a time, per second of its processor time`,
    unit: 'per second',
    value: spreadOf(values),
  }));
}

/** Time from SIGKILL of the process that runs the feed until that of another process has begun. */
async function takingOver(cluster: RowCluster, rounds: number): Promise<Figure> {
  let running = await NearProcess.start(cluster, STALE_MS, 0);
  const feed = feedOf(cluster);
  const locks = feed.openByteLocks();
  const times: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const next = await NearProcess.start(cluster, STALE_MS, 0);
      while (!locks.isLocked(STANDBY_BYTE)) await sleep(POLL_MS);
      await sleep(STANDING_BY_MS);
      times.push(await takeover(running, feed));
      running = next;
    }
  } finally {
    locks.close();
    feed.close();
    await running.kill();
  }
  return {
    what: 'a feed is replaced after SIGKILL of its process',
    unit: 'ms',
    value: spreadOf(times),
    target: { below: 200 },
  };
}

async function takeover(running: NearProcess, feed: FeedMemory): Promise<number> {
  const before = feed.stats.takeovers;
  const killing = running.kill();
  while (feed.stats.takeovers === before) await sleep(POLL_MS);
  const took = performance.now();
  return took - (await killing);
}
