/** A near table that is not the one that a process wants, or that is gone: it is replaced, and nobody reads what is old. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { FeedStats } from '../../src/cluster/feed-memory.js';
import { ClusterTable, type NearOptions } from '../../src/cluster/index.js';
import type { NearStats } from '../../src/cluster/near-table.js';
import { type Columns, Table } from '../../src/index.js';
import { eventually, within } from '../fixtures/deadline.js';
import { type RedisCluster, startCluster } from '../fixtures/redis-servers.js';
import { removeNear } from './two-hosts.js';

t.setTimeout(120_000);

const SETTER = fileURLToPath(new URL('../fixtures/cluster-setter.js', import.meta.url));

const columns = { hits: 'uint32', page: 'text' } as const;
const namespace = `near-replaced-${process.pid}`;
const near = { capacity: 1_000, maxStaleMs: 1_000 };
t.teardown(() => removeNear(namespace));

let cluster: RedisCluster;
t.test('a cluster', async () => {
  cluster = await startCluster({ replicas: false });
  t.teardown(() => cluster.stop());
});

type Subject = ClusterTable<typeof columns>;

async function open(t: Test, name: string, options: Partial<NearOptions> = {}): Promise<Subject> {
  const connection = { nodes: cluster.urls, timeoutMs: 20_000 };
  const kept = { ...near, ...options };
  const table = await ClusterTable.connect({ name, columns, namespace, cluster: connection, near: kept });
  t.teardown(() => table.close());
  return table;
}

/** Gets a row until this host knows it. */
async function known(table: Subject, key: string): Promise<void> {
  const find = async (): Promise<void> => {
    for (; table.peek(key) === undefined; await sleep(5)) await table.get(key);
  };
  await within(20_000, `${key} is known here`, find());
}

t.test('a process that wants another capacity replaces the near table, and the others use the new one', async (t) => {
  const before = await open(t, 'resized');
  await before.set('k', { hits: 1 });
  await known(before, 'k');
  const after = await open(t, 'resized', { capacity: 2_000 });
  await known(after, 'k');
  await known(before, 'k');
  await before.set('k', { hits: 2 });
  t.not(after.peek('k')?.hits, 1);
  await known(before, 'k');
  await within(
    20_000,
    'what one has read is known to both',
    (async () => {
      for (; after.peek('k') === undefined; await sleep(5)) await known(before, 'k');
    })(),
  );
  t.equal(after.peek('k')?.hits ?? 2, 2);
  t.equal(before.stats().near?.problem, null);
  const [{ capacity }] = Table.list({ namespace }).filter(({ name }) => name.endsWith('.resized'));
  t.equal(capacity, 2_000);
});

t.test('a near table that was destroyed and is made again: its users read what the others write', async (t) => {
  const before = await open(t, 'remade');
  await before.set('k', { hits: 1 });
  await known(before, 'k');
  for (const { name } of Table.list({ namespace })) if (name.endsWith('.remade')) Table.destroy(name, { namespace });
  t.equal((await before.get('k'))?.hits, 1);
  t.match(before.stats().near?.problem, /destroyed/);
  const after = await open(t, 'remade');
  for (let hits = 2; hits < 20; hits++) {
    await known(after, 'k');
    await before.set('k', { hits });
    const found = after.peek('k');
    if (found !== undefined && found.hits < hits) t.equal(found.hits, hits, 'the writer’s host reads what was written');
  }
  await known(before, 'k');
});

t.test('a deployment that adds a column: both versions work, and each reads what the other writes', async (t) => {
  const connect = <C extends Columns>(columns: C) =>
    ClusterTable.connect({
      name: 'rolling',
      columns,
      namespace,
      cluster: { nodes: cluster.urls, timeoutMs: 20_000 },
      near,
      onMismatch: 'alter',
    });
  const before = await connect({ hits: 'uint32' } as const);
  t.teardown(() => before.close());
  await before.set('k', { hits: 1 });
  const find = async (peek: () => unknown, get: () => Promise<unknown>): Promise<void> => {
    for (; peek() === undefined; await sleep(5)) await get();
  };
  await find(
    () => before.peek('k'),
    () => before.get('k'),
  );
  const after = await connect({ hits: 'uint32', more: 'string(20)' } as const);
  t.teardown(() => after.close());
  await after.set('k', { more: 'new' });
  for (let hits = 2; hits < 20; hits++) {
    const known = find(
      () => after.peek('k'),
      () => after.get('k'),
    );
    await within(20_000, 'the new version knows the row', known);
    t.same(await before.get('k'), { hits: hits - 1 });
    await before.set('k', { hits });
    const found = after.peek('k');
    if (found !== undefined) t.same(found, { hits, more: 'new' });
  }
  t.match(before.stats().near?.problem, /other columns/);
  t.equal(after.stats().near?.problem, null);
});

class Setter {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  static async start(t: Test, node: string, table: string): Promise<Setter> {
    const child = fork(SETTER, [node, namespace, table], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    t.teardown(async () => {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    });
    await within(30_000, 'another process is ready', once(child, 'message'));
    return new Setter(child);
  }

  async set(key: string, hits: number): Promise<NearStats & FeedStats> {
    return (await this.#ask(key, hits)) as NearStats & FeedStats;
  }

  /** Closes the table while the write is under way, and returns the code of its error. */
  async setAndClose(key: string, hits: number): Promise<string> {
    return (await this.#ask(key, hits, true)) as string;
  }

  async #ask(...message: readonly unknown[]): Promise<unknown> {
    const answer = once(this.#process, 'message');
    this.#process.send(message);
    const [reply] = await within(30_000, 'another process writes', answer);
    return reply;
  }

  /** Stops every thread of it. */
  async stop(): Promise<void> {
    this.#process.kill('SIGSTOP');
    const tasks = `/proc/${this.#process.pid}/task`;
    const isStopped = (task: string): boolean => readFileSync(`${tasks}/${task}/stat`, 'utf8').includes(') T ');
    await eventually('another process stands still', () => readdirSync(tasks).every(isStopped));
  }
}

t.test('a near table without room for a process: the others read what that one writes', async (t) => {
  const [node] = cluster.urls;
  // It runs the feed, which is stopped later: then nobody else removes what has been written.
  const feed = await Setter.start(t, node, 'fed');
  while ((await feed.set('k', 0)).takeovers === 0) await sleep(10);
  const writer = await Setter.start(t, node, 'crowded');
  // Room for this process and the feed.
  const crowded = { ...near, capacity: 2_000, maxParticipants: 2, maxStaleMs: 60_000 };
  const connection = { nodes: [node], timeoutMs: 20_000 };
  const reader = await ClusterTable.connect({
    name: 'crowded',
    columns,
    namespace,
    cluster: connection,
    near: crowded,
  });
  t.teardown(() => reader.close());
  for (let hits = 1; hits < 3; hits++) {
    await reader.set('k', { hits });
    await known(reader, 'k');
  }
  await feed.stop();
  t.equal(reader.peek('k')?.hits, 2, 'still known');
  const { problem } = await writer.set('k', 3);
  t.match(problem, /no room/);
  t.equal(reader.peek('k'), undefined, 'what is older is not read');
  t.equal((await reader.get('k'))?.hits, 3);
  await reader.close();
  const opened = async (): Promise<void> => {
    while ((await writer.set('k', 4)).problem !== null) await sleep(10);
  };
  await within(20_000, 'it is opened as soon as there is room', opened());
});

t.test('a table that is closed while it writes: the others do not read what is older', async (t) => {
  const [, node] = cluster.urls;
  const feed = await Setter.start(t, node, 'fed');
  while ((await feed.set('k', 0)).takeovers === 0) await sleep(10);
  const writer = await Setter.start(t, node, 'closed');
  const reader = await ClusterTable.connect({
    name: 'closed',
    columns,
    namespace,
    cluster: { nodes: [node], timeoutMs: 20_000 },
    near: { ...near, maxStaleMs: 60_000 },
  });
  t.teardown(() => reader.close());
  await writer.set('k', 1);
  await known(reader, 'k');
  await feed.stop();
  t.equal(reader.peek('k')?.hits, 1, 'still known');
  t.equal(await writer.setAndClose('k', 2), 'ERR_OUTCOME_UNKNOWN');
  t.equal(reader.peek('k'), undefined, 'it may have been written');
});
