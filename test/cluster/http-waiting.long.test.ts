/** Requests that wait for a cluster: how long, what they take meanwhile, and what becomes of them. */
import t, { type Test } from 'tap';
import { ClusterTable } from '../../src/cluster/index.js';
import { turn } from '../../src/memory/index.js';
import { buildApp } from '../../src/server/app.js';
import { type GivenSettings, withDefaults } from '../../src/server/settings/settings-schema.js';
import { eventually, within } from '../fixtures/deadline.js';
import { type HttpAnswer, type HttpOptions, send } from '../fixtures/http-client.js';
import { type ProxiedConnection, startProxy } from '../fixtures/redis-proxy.js';
import { type RedisNode, startRedis } from '../fixtures/redis-servers.js';
import { isProblem } from '../fixtures/server-app.js';

t.setTimeout(240_000);

const MIB = 1024 * 1024;
const namespace = `http-waiting-${process.pid}`;

let server: RedisNode;
t.test('a server', async () => {
  server = await startRedis();
  t.teardown(() => server.stop());
});

/** A way to the server on which nothing passes while it is closed. */
class Gate {
  isOpen: boolean;
  /** Bytes that wait before it. */
  bytes = 0;
  #waiting: (() => void)[] = [];

  constructor(isOpen: boolean) {
    this.isOpen = isOpen;
  }

  start(t: Test): Promise<string> {
    const fromClient = (text: string, connection: ProxiedConnection): void => {
      if (this.isOpen) {
        connection.toServer(text);
        return;
      }
      this.bytes += text.length;
      this.#waiting.push(() => connection.toServer(text));
    };
    return startProxy(t, server.port, { fromClient });
  }

  open(): void {
    this.isOpen = true;
    for (const pass of this.#waiting.splice(0)) pass();
  }

  close(): void {
    this.isOpen = false;
  }

  /** Opens it for new connections: what waits is lost. */
  openAgain(): void {
    this.#waiting = [];
    this.isOpen = true;
  }
}

async function startApp(t: Test, tables: NonNullable<GivenSettings['tables']>, more: GivenSettings = {}) {
  const app = await buildApp(withDefaults({ logLevel: 'silent', namespace, tables, ...more }));
  t.teardown(() => app.close());
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = Object(app.server.address());
  return (method: string, path: string, options?: HttpOptions): Promise<HttpAnswer> =>
    send(port, method, path, options);
}

t.test('a worker that is still opening a table lets its requests wait', async (t) => {
  const gate = new Gate(false);
  const nodes = [await gate.start(t)];
  const tables = { slow: { columns: { n: 'int32' }, cluster: { nodes, timeoutMs: 20_000 } } } as const;
  const request = await startApp(t, tables);
  const path = '/v1/tables/slow';
  const answers = Promise.all([
    request('PUT', `${path}/rows/k`, { json: { n: 1 } }),
    request('GET', `${path}/count`),
    request('GET', `${path}/rows`),
    request('POST', `${path}/batch`, { json: [{ op: 'get', key: 'none' }] }),
  ]);
  t.equal((await request('GET', '/healthz')).status, 200);
  t.match((await request('GET', '/readyz')).json.tables, { slow: 'ERR_CLUSTER_UNAVAILABLE' });
  gate.open();
  const [put, ...others] = await within(20_000, 'they are answered', answers);
  t.equal(put.status, 201, put.text);
  for (const { status, text } of others) t.equal(status, 200, text);
  t.equal((await request('GET', '/readyz')).status, 200);
});

t.test('a request that waits for longer than a client may be silent is answered', async (t) => {
  const gate = new Gate(true);
  const nodes = [await gate.start(t)];
  const tables = { late: { columns: { n: 'int32' }, cluster: { nodes, timeoutMs: 3_000 } } } as const;
  const request = await startApp(t, tables, { limits: { requestTimeoutMs: 500 } });
  const path = '/v1/tables/late';
  t.equal((await request('PUT', `${path}/rows/k`, { json: { n: 1 } })).status, 201);
  gate.close();
  const waiting = [
    request('PUT', `${path}/rows/k`, { json: { n: 2 } }),
    request('POST', `${path}/batch`, { json: [{ op: 'put', key: 'k', row: { n: 3 } }] }),
    request('GET', `${path}/rows/k`),
    request('GET', `${path}/count`),
  ] as const;
  const [put, batch, get, count] = await Promise.all(waiting);
  isProblem(t, put, 504, 'ERR_OUTCOME_UNKNOWN', 'a write');
  t.equal(batch.json.results[0].status, 504);
  isProblem(t, get, 503, 'ERR_CLUSTER_UNAVAILABLE', 'a read');
  isProblem(t, count, 503, 'ERR_CLUSTER_UNAVAILABLE', 'a count');
});

t.test('large bodies that wait for a server share one limit', async (t) => {
  const gate = new Gate(true);
  const nodes = [await gate.start(t)];
  const wide = { a: 'text', b: 'text', c: 'text' } as const;
  const request = await startApp(t, { wide: { columns: wide, cluster: { nodes, timeoutMs: 15_000 } } });
  const path = '/v1/tables/wide/rows';
  const text = 'x'.repeat(15 * MIB);
  const body = JSON.stringify({ a: text, b: text, c: text });
  const put = (key: string) =>
    request('PUT', `${path}/${key}`, { headers: { 'content-type': 'application/json' }, body });
  t.equal((await put('first')).status, 201);
  gate.close();
  const waiting: Promise<HttpAnswer>[] = [];
  for (let i = 1; i < 3; i++) {
    waiting.push(put(`k${i}`));
    await eventually('a write has been sent', () => gate.bytes > i * 45 * MIB, 60_000);
  }
  const refused = await put('k3');
  isProblem(t, refused, 429, 'ERR_RATE_LIMITED', 'one more');
  t.ok(refused.headers['retry-after']);
  for (const answer of await Promise.all(waiting)) isProblem(t, answer, 504, 'ERR_OUTCOME_UNKNOWN', 'one that waits');
  gate.openAgain();
  const again = async (): Promise<void> => {
    while ((await put('k3')).status !== 201);
  };
  await within(30_000, 'there is room again', again());
});

t.test('thousands of operations that fail together leave turns to others', async (t) => {
  const gate = new Gate(true);
  const nodes = [await gate.start(t)];
  const table = await ClusterTable.connect({
    name: 'many',
    namespace,
    columns: { n: 'int32' },
    cluster: { nodes, timeoutMs: 1_000 },
  });
  t.teardown(() => table.close());
  await table.set('k', { n: 1 });
  gate.close();
  const operations = 5_000;
  let failed = 0;
  const codes = new Set<string>();
  for (let i = 0; i < operations; i++) {
    table.get('k').catch(({ code }) => {
      codes.add(code);
      failed++;
    });
  }
  let most = 0;
  while (failed < operations) {
    const before = failed;
    await turn();
    most = Math.max(most, failed - before);
  }
  t.ok(most <= 64, `${most} failures in a turn`);
  t.same([...codes], ['ERR_CLUSTER_UNAVAILABLE']);
});
