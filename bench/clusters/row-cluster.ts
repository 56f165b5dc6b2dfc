/** A cluster of three primaries and three replicas with the rows of the benchmark, and clients of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createCluster } from '@redis/client';
import { beforeEnd } from '../../src/bench/before-end.js';
import { freshKey } from '../../src/bench/fresh-keys.js';
import { benchColumns, rowOf } from '../../src/bench/row-subject.js';
import { ClusterTable, type ClusterTableStats } from '../../src/cluster/index.js';
import { Segment } from '../../src/memory/segment.js';
import type { Columns } from '../../src/table/types.js';
import { type RedisCluster, startCluster } from '../../test/fixtures/redis-servers.js';

export type BenchClusterTable = ClusterTable<typeof benchColumns>;
type Near = { readonly capacity: number; readonly maxStaleMs?: number } | false;
type BareCluster = ReturnType<typeof createBare>;

export const NAMESPACE = `bench-${process.pid}`;
const TABLE = 'rows';
const PREFIX = `shm:${NAMESPACE}:${TABLE}:`;
/** Commands under way while rows are loaded. */
const AT_ONCE = 2_000;
/** Long enough that a busy machine does not end the trust in what was read. */
const MAX_STALE_MS = 10_000;
const MAX_AGE_MS = 3_600_000;

export class RowCluster {
  readonly servers: RedisCluster;
  readonly rows: number;
  readonly #closing: (() => unknown)[] = [];
  readonly #removeNear: () => void;

  private constructor(servers: RedisCluster, rows: number) {
    this.servers = servers;
    this.rows = rows;
    this.#removeNear = beforeEnd(removeNear);
  }

  /** Starts it and writes `rowOf(i)` under `freshKey(i)`. Throws if the servers are not installed. */
  static async start(rows: number, settings: Readonly<Record<string, string>> = {}): Promise<RowCluster> {
    const cluster = new RowCluster(await startCluster({ settings }), rows);
    try {
      const bare = await cluster.bare();
      await inGroups(rows, async (i) => {
        const { count, score, label } = rowOf(i);
        const fields = ['count', String(count), 'score', String(score), 'label', label, 'revision', String(i + 1)];
        await bare.hSet(wireKey(freshKey(i)), fields);
      });
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get nodes(): string[] {
    return this.servers.urls;
  }

  /** The table, with a near cache or without. */
  async table(near: Near): Promise<BenchClusterTable> {
    const table = await ClusterTable.connect(this.options(near));
    this.#closing.push(() => table.close());
    return table;
  }

  /** The options of the table, for another process. */
  options(near: Near) {
    return {
      name: TABLE,
      namespace: NAMESPACE,
      columns: benchColumns,
      cluster: { nodes: this.nodes, timeoutMs: 20_000 },
      near: near === false ? near : { maxStaleMs: MAX_STALE_MS, ...near, maxAgeMs: MAX_AGE_MS },
    } as const;
  }

  /** node-redis by itself, with its client-side cache for this many rows of each server, or without. */
  async bare(cachedRows?: number): Promise<BareCluster> {
    const bare = createBare(this.nodes, cachedRows);
    bare.on('error', () => undefined);
    await bare.connect();
    this.#closing.push(() => bare.destroy());
    return bare;
  }

  async stop(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close();
    this.#removeNear();
    await this.servers.stop();
  }
}

function createBare(nodes: readonly string[], cachedRows: number | undefined) {
  const cache = cachedRows === undefined ? {} : { clientSideCache: { maxEntries: cachedRows, ttl: 0 } };
  return createCluster({ rootNodes: nodes.map((url) => ({ url })), RESP: 3, ...cache });
}

/** The near table and the feed's segment, which stay after their processes. */
function removeNear(): void {
  for (const { name } of Segment.list()) if (name.includes(`:${NAMESPACE}:`)) Segment.open({ name }).unlink();
}

export function wireKey(key: string): string {
  return PREFIX + key;
}

/** Reads the first rows through the near cache until this host has them all. */
export async function warm(table: ClusterTable<Columns>, rows: number): Promise<void> {
  const isCovered = ({ primaries, near }: ClusterTableStats): boolean => near !== undefined && near.grants >= primaries;
  while (!isCovered(table.stats())) await sleep(10);
  for (let missing = rows; missing > 0; ) {
    missing = 0;
    await inGroups(rows, async (i) => {
      const key = freshKey(i);
      if (table.peek(key) !== undefined) return;
      missing++;
      await table.get(key);
    });
  }
}

/** Does something for each number below `count`, with a limited number at a time. */
export async function inGroups(count: number, work: (i: number) => Promise<unknown>, atOnce = AT_ONCE): Promise<void> {
  for (let start = 0; start < count; start += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, count - start) }, (_, i) => work(start + i)));
  }
}
