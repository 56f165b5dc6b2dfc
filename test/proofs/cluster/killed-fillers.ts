import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bootTimeMs } from '../../../src/memory/index.js';
import { removeNear, type Scope } from '../../cluster/two-hosts.js';
import { within } from '../../fixtures/deadline.js';
import { startRedis } from '../../fixtures/redis-servers.js';
import type { Replacement } from '../mutant.js';
import type { ClusterReport } from './run-cluster.js';
import { overCopy } from './subject-of.js';

const FILLER = fileURLToPath(new URL('../../fixtures/cluster-filler.js', import.meta.url));
/** Places that a process holds when it dies. */
const PLACES = 10;
/** For how long a place is held, and how late a look at it may be. */
const LEASE_MS = 500;
const SLACK_MS = 250;

/** The process dies when it holds all places, before it asks for the rows or after it was told and before it stores them. */
const DEATHS: readonly Replacement[] = ['before', 'after'].map((when) => ({
  file: 'cluster/near-table.js',
  search: when === 'before' ? 'const sentMs = bootTimeMs();' : 'const found = rows.decodeRead(key, reply);',
  replace: `if (process.env.FILLER_DIES === '${when}') {
    globalThis.held = (globalThis.held ?? 0) + 1;
    if (globalThis.held === ${PLACES}) process.kill(process.pid, 'SIGKILL');
    await new Promise(() => {});
  }
  ${when === 'before' ? 'const sentMs = bootTimeMs();' : 'const found = rows.decodeRead(key, reply);'}`,
}));

/**
 * Kills processes that hold places for rows which they read. Others, which look all the time, never find such a place,
 * and can store the row once its time is over.
 */
export async function killFillers(
  scope: Scope,
  places: number,
  mutations: readonly Replacement[] = [],
): Promise<ClusterReport> {
  const namespace = `fillers-${process.pid}`;
  const server = await startRedis();
  scope.teardown(() => server.stop());
  scope.teardown(() => removeNear(namespace));
  const problems: string[] = [];
  let longestMs = 0;
  const kills = Math.ceil(places / PLACES);
  await overCopy(scope, [...DEATHS, ...mutations], async (folder) => {
    const entry = pathToFileURL(join(folder, 'cluster/index.js')).href;
    const { ClusterTable }: typeof import('../../../src/cluster/index.js') = await import(entry);
    const table = await ClusterTable.connect({
      name: 'filled',
      namespace,
      columns: { n: 'uint32' },
      cluster: { nodes: [server.url], timeoutMs: 30_000 },
      near: { capacity: 10_000 },
    });
    scope.teardown(() => table.close());
    const isKnown = (key: number): boolean => {
      const row = table.peek(`k${key}`);
      if (row !== undefined && row.n !== key + 1) problems.push(`k${key} is ${row.n}`);
      return row !== undefined;
    };
    const known = async (key: number): Promise<void> => {
      while (!isKnown(key)) {
        const row = await table.get(`k${key}`);
        if (row?.n !== key + 1) problems.push(`k${key} is ${row?.n}`);
        await sleep(5);
      }
    };
    await table.set('k0', { n: 1 });
    await within(20_000, 'a row is known', known(0));

    const killOne = async (process_: number): Promise<void> => {
      const keys = Array.from({ length: PLACES }, (_, i) => 1 + process_ * PLACES + i);
      await table.setMany(keys.map((key) => [`k${key}`, { n: key + 1 }]));
      const child = spawn(process.execPath, [FILLER, server.url, namespace, String(keys[0]), String(PLACES)], {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: { ...process.env, FILLER_DIES: process_ % 2 === 0 ? 'before' : 'after' },
      });
      const ended = once(child, 'exit');
      let isOver = false;
      void ended.then(() => {
        isOver = true;
      });
      while (!isOver) {
        for (const key of keys) if (isKnown(key)) problems.push(`k${key} is known although nobody has read it`);
        await sleep(3);
      }
      const [, signal] = await ended;
      const diedAt = bootTimeMs();
      if (signal !== 'SIGKILL') {
        problems.push('a reader could not hold its places');
        return;
      }
      // How late this process is when it looks: a busy machine must not fail the proof.
      let lateMs = 0;
      const late = setInterval(() => {
        const now = bootTimeMs();
        lateMs = Math.max(lateMs, now - latest);
        latest = now;
      }, 5);
      let latest = diedAt;
      await within(20_000, 'the rows are known', Promise.all(keys.map(known))).catch((error) =>
        problems.push(String(error)),
      );
      clearInterval(late);
      const tookMs = bootTimeMs() - diedAt;
      longestMs = Math.max(longestMs, tookMs);
      if (tookMs > LEASE_MS + SLACK_MS + 3 * lateMs) problems.push(`known again after ${tookMs.toFixed()} ms`);
    };
    // Two at a time, as most of the time is a wait.
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < kills && problems.length < 5) await killOne(next++);
    };
    await Promise.all([work(), work()]);
  });
  return {
    summary: `${kills} processes killed that held ${kills * PLACES} places; known again after ${longestMs.toFixed()} ms at most`,
    problems,
  };
}
