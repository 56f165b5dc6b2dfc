/** What a near cache makes of servers that say something rare, or nothing: a program between them decides what they say. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import * as whole from '../../src/cluster/index.js';
import { eventually, within } from '../fixtures/deadline.js';
import { type ProxiedConnection, type ProxyScript, startProxy } from '../fixtures/redis-proxy.js';
import { type RedisNode, startRedis } from '../fixtures/redis-servers.js';
import { createMutant } from '../proofs/mutant.js';
import { removeNear } from './two-hosts.js';

t.setTimeout(120_000);

const namespace = `scripted-${process.pid}`;
const columns = { hits: 'uint32' } as const;
t.teardown(() => removeNear(namespace));

let server: RedisNode;
t.before(async () => {
  server = await startRedis();
});
t.teardown(() => server.stop());

async function open(t: Test, name: string, node: string, { ClusterTable } = whole) {
  const table = await ClusterTable.connect({
    name,
    columns,
    namespace,
    cluster: { nodes: [node], timeoutMs: 20_000 },
    near: { capacity: 100 },
  });
  t.teardown(() => table.close());
  return table;
}

type Subject = Awaited<ReturnType<typeof open>>;

async function known(table: Subject, key: string): Promise<void> {
  const find = async (): Promise<void> => {
    while (table.peek(key) === undefined) {
      await table.get(key);
      await sleep(5);
    }
  };
  await within(20_000, `${key} is known here`, find());
}

/** How a server says that everything was removed. */
const ALL_REMOVED = '>2\r\n$10\r\ninvalidate\r\n_\r\n';
/** What a server alone answers to the first half of a heartbeat. */
const HEARTBEAT = 'cluster support disabled';

type Order = 'in one chunk' | 'the answer first' | 'the removal first';

/**
 * Says, in the same moment as it answers the next read, that everything was removed; the answer is from before. Nothing
 * is ever said about the row itself.
 */
class Remover implements ProxyScript {
  order: Order | undefined;
  readonly #wire: string;
  #reading: ProxiedConnection | undefined;
  #answer: string | undefined;

  constructor(name: string) {
    const key = `shm:${namespace}:${name}:k`;
    this.#wire = `>2\r\n$10\r\ninvalidate\r\n*1\r\n$${key.length}\r\n${key}\r\n`;
  }

  readonly fromClient = (text: string, connection: ProxiedConnection): void => {
    if (this.order !== undefined && !connection.isFeed && /EVAL(SHA)?_RO/.test(text)) this.#reading = connection;
    connection.toServer(text);
  };

  readonly fromServer = (text: string, connection: ProxiedConnection): void => {
    if (connection === this.#reading) {
      this.#answer = text;
    } else if (connection.isFeed) {
      const said = text.replaceAll(this.#wire, '');
      if (this.#answer !== undefined && said.includes(HEARTBEAT)) this.#remove(said, connection);
      else if (said !== '') connection.toClient(said);
    } else {
      connection.toClient(text);
    }
  };

  #remove(said: string, feed: ProxiedConnection): void {
    const reading = this.#reading;
    const answer = this.#answer ?? '';
    const { order } = this;
    this.#reading = undefined;
    this.#answer = undefined;
    this.order = undefined;
    if (order === 'the answer first') reading?.toClient(answer);
    if (order === 'the removal first') feed.toClient(ALL_REMOVED);
    else feed.toClient(said + ALL_REMOVED);
    if (order !== 'the answer first') reading?.toClient(answer);
    if (order === 'the removal first') feed.toClient(said);
  }
}

const ORDERS: readonly Order[] = ['the removal first', 'the answer first', 'in one chunk'];

/** Reads a row while everything is removed, and returns in how many orders the row is known afterwards. */
async function readWhileRemoved(t: Test, name: string, subject = whole): Promise<Order[]> {
  const remover = new Remover(name);
  const table = await open(t, name, await startProxy(t, server.port, remover), subject);
  const wire = `shm:${namespace}:${name}:k`;
  const kept: Order[] = [];
  for (const order of ORDERS) {
    await server.command('HSET', wire, 'hits', '7', 'revision', '7');
    await table.set('other', { hits: 1 });
    await known(table, 'other');
    remover.order = order;
    const row = await within(20_000, 'the read is answered', table.get('k'));
    t.match(row, { hits: 7 });
    await server.command('DEL', wire);
    const end = performance.now() + 600;
    let isKnown = false;
    // At the end of this time: the feed may hear of the removal a moment after the row was stored.
    for (; performance.now() < end; await sleep(1)) isKnown = table.peek('k') !== undefined;
    if (isKnown) kept.push(order);
    t.equal(await table.get('k', { fresh: true }), undefined);
  }
  return kept;
}

t.test('an answer, and that everything was removed, at the same moment: the row is not kept', async (t) => {
  t.same(await readWhileRemoved(t, 'removed'), []);
});

t.test('if the removal of everything is not heard, those rows are kept', async (t) => {
  const folder = createMutant(t, [
    { file: 'cluster/feed-connection.js', search: 'if (key === null) {', replace: 'if (key === null) { return;' },
  ]);
  const mutant: typeof whole = await import(pathToFileURL(join(folder, 'cluster/index.js')).href);
  t.same(await readWhileRemoved(t, 'deaf', mutant), ORDERS);
});

t.test('a server that accepts tracking and sends nothing: nothing is kept, and reads work', async (t) => {
  const silent = await startProxy(t, server.port, {
    fromClient: (text, connection) =>
      connection.toServer(text.replace('TRACKING\r\n$2\r\nON\r\n', 'TRACKING\r\n$3\r\nOFF\r\n')),
  });
  const table = await open(t, 'silent', silent);
  await table.set('k', { hits: 1 });
  const deadline = performance.now() + 3_000;
  while (performance.now() < deadline) {
    t.match(await table.get('k'), { hits: 1 });
    if (table.peek('k') !== undefined) throw new Error('trusted without an invalidation');
    await sleep(100);
  }
  await eventually('the problem is told', () => table.stats().near?.problem !== null);
  t.match(table.stats().near, { grants: 0, fills: 0, problem: /announces no change/ });
  const honest = await open(t, 'silent', server.url);
  await known(honest, 'k');
  t.match(honest.stats().near, { grants: 1, problem: null });
});

t.test('without waiting for its own canary, that server would be trusted', async (t) => {
  const folder = createMutant(t, [
    {
      file: 'cluster/feed-connection.js',
      search: 'this.#canaries.set(',
      replace: 'this.#covered.add(table); this.#canaries.set(',
    },
  ]);
  const mutant: typeof whole = await import(pathToFileURL(join(folder, 'cluster/index.js')).href);
  const silent = await startProxy(t, server.port, {
    fromClient: (text, connection) =>
      connection.toServer(text.replace('TRACKING\r\n$2\r\nON\r\n', 'TRACKING\r\n$3\r\nOFF\r\n')),
  });
  const table = await open(t, 'credulous', silent, mutant);
  await table.set('k', { hits: 1 });
  await known(table, 'k');
  await server.command('HSET', `shm:${namespace}:credulous:k`, 'hits', '2');
  await sleep(1_500);
  t.match(table.peek('k'), { hits: 1 }, 'it serves what has changed');
});

t.test('a server whose answers are late: a read that would be stored fails after the time limit, once', async (t) => {
  const timeoutMs = 500;
  let lateSince: number | undefined;
  // Later and later, so that answers arrive all the time, and the connection is not given up.
  const late = await startProxy(t, server.port, {
    fromServer: (text, connection) => {
      if (lateSince === undefined || connection.isFeed) connection.toClient(text);
      else setTimeout(connection.toClient, Math.min(1.5 * timeoutMs, (performance.now() - lateSince) / 2), text);
    },
  });
  const table = await whole.ClusterTable.connect({
    name: 'late',
    columns,
    namespace,
    cluster: { nodes: [late], timeoutMs },
    near: { capacity: 100 },
  });
  t.teardown(() => table.close());
  await table.set('k', { hits: 1 });
  await known(table, 'k');
  lateSince = performance.now();
  const others = setInterval(() => void table.get('other', { fresh: true }).catch(() => {}), 20);
  t.teardown(() => clearInterval(others));
  await sleep(3 * timeoutMs);
  const { uncachedReads } = table.stats().near ?? {};
  const began = performance.now();
  await t.rejects(table.get('new'), { code: 'ERR_CLUSTER_UNAVAILABLE' });
  const took = performance.now() - began;
  t.equal(table.stats().near?.uncachedReads, uncachedReads, 'its place was held');
  t.ok(took < 1.8 * timeoutMs, `it took ${took.toFixed()} ms`);
});
