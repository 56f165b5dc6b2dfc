/** A table in a cluster over HTTP: the same answers as a table in shared memory, and what is different. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { SLOTS, slotOf } from '../../src/cluster/slots.js';
import { buildApp } from '../../src/server/app.js';
import { type GivenSettings, withDefaults } from '../../src/server/settings/settings-schema.js';
import { Table } from '../../src/table/table.js';
import { within } from '../fixtures/deadline.js';
import { type HttpAnswer, type HttpOptions, send } from '../fixtures/http-client.js';
import { type RedisCluster, startCluster, startRedis } from '../fixtures/redis-servers.js';
import { isProblem } from '../fixtures/server-app.js';
import { removeNear } from './two-hosts.js';

t.setTimeout(240_000);

const columns = {
  i8: 'int8',
  big: 'int64',
  f32: 'float32',
  f64: 'float64',
  flag: 'boolean',
  name: 'string(20)',
  data: 'bytes(8)',
  more: 'json',
  page: 'text',
} as const;

const namespace = `http-${process.pid}`;
/** Where a server is stopped. */
const TIMEOUT_MS = 1_000;
t.teardown(() => removeNear(namespace));

let cluster: RedisCluster;
t.test('a cluster', async () => {
  cluster = await startCluster({ replicas: false });
  t.teardown(() => cluster.stop());
});

interface ClusterApp {
  readonly port: number;
  send(method: string, path: string, options?: HttpOptions): Promise<HttpAnswer>;
}

/** An app with the table `s` in shared memory and the tables of the settings. */
async function startApp(
  t: Test,
  tables: NonNullable<GivenSettings['tables']>,
  more: GivenSettings = {},
): Promise<ClusterApp> {
  const settings = withDefaults({ logLevel: 'silent', namespace, tables, ...more });
  const shared = Table.openOrCreate({ name: 's', namespace, capacity: 1_000, columns });
  const app = await buildApp(settings);
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(async () => {
    await app.close();
    shared.close();
  });
  const { port } = Object(app.server.address());
  return { port, send: (method, path, options) => send(port, method, path, options) };
}

t.teardown(() => {
  Table.destroy('s', { namespace });
});

/** A port that leads to a server while it is open. */
class Door {
  readonly port: number;
  readonly #to: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  private constructor(port: number, to: number) {
    this.port = port;
    this.#to = to;
  }

  /** A closed one. */
  static async create(t: Test, to: number): Promise<Door> {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = Object(probe.address());
    probe.close();
    await once(probe, 'close');
    const door = new Door(port, to);
    t.teardown(() => door.close());
    return door;
  }

  async open(): Promise<void> {
    this.#server = createServer((near) => {
      const far = connect(this.#to, '127.0.0.1');
      for (const [from, into] of [
        [near, far],
        [far, near],
      ]) {
        this.#sockets.add(from);
        from.pipe(into);
        from.on('error', () => into.destroy());
        from.on('close', () => into.destroy());
      }
    }).listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    if (this.#server === undefined) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    this.#server = undefined;
    await closed;
  }
}

/** Repeats a question until the answer is yes. */
function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const ask = async (): Promise<void> => {
    while (!(await holds())) await sleep(10);
  };
  return within(20_000, what, ask());
}

function inCluster(options: Partial<NonNullable<GivenSettings['tables']>[string]> = {}) {
  const near = { capacity: 1_000, maxStaleMs: 2_000 };
  return { columns, cluster: { nodes: cluster.urls, timeoutMs: 20_000 }, near, ...options };
}

/** What two answers have in common: revisions and times differ, and the name of the table. */
function comparable({ status, headers, text }: HttpAnswer, table: string): object {
  const { 'content-type': type, etag, location, allow, 'retry-after': retry } = headers;
  const body = text
    .replaceAll(/"revision":[1-9]\d*/g, '"revision":"R"')
    .replaceAll(/revision \d+/g, 'revision R')
    .replaceAll(/"expiresAt":\d+/g, '"expiresAt":"E"')
    .replaceAll(/"cursor":"[^"]+"/g, '"cursor":"C"')
    .replaceAll(`table ${table} `, 'table T ')
    .replaceAll(`/v1/tables/${table}/`, '/v1/tables/T/');
  return {
    status,
    type,
    etag: etag?.replace(/\d+/, 'R'),
    location: location?.replace(`/${table}/`, '/T/'),
    allow,
    retry,
    body,
  };
}

t.test('every request on rows is answered as for a table in shared memory', async (t) => {
  const app = await startApp(t, { c: inCluster() });
  const revisions = new Map<string, number>();
  let requests = 0;
  /** Sends a request to both tables. `REV` in headers and bodies is the revision in the last answer that had one. */
  async function both(method: string, path: string, options: HttpOptions = {}): Promise<HttpAnswer> {
    const answers: HttpAnswer[] = [];
    for (const table of ['s', 'c']) {
      const fill = (text: string): string => text.replaceAll('REV', String(revisions.get(table)));
      const { headers = {}, json, body } = options;
      const filled = {
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fill(value)])),
        ...(json !== undefined && { json: JSON.parse(fill(JSON.stringify(json))) }),
        ...(body !== undefined && { body: typeof body === 'string' ? fill(body) : body }),
      };
      const answer = await app.send(method, `/v1/tables/${table}${path}`, filled);
      const revision = answer.json?.revision ?? Number(/\d+/.exec(answer.headers.etag ?? '')?.[0]);
      if (revision > 0) revisions.set(table, revision);
      answers.push(answer);
    }
    const [shared, remote] = answers;
    const what = `${method} ${path} ${JSON.stringify(options)}: ${shared.status}`;
    t.same(comparable(remote, 'c'), comparable(shared, 's'), what);
    requests++;
    return remote;
  }
  const row = {
    i8: -128,
    big: '9223372036854775807',
    f32: 0.1,
    f64: 0.1,
    flag: true,
    name: 'Zoë "\\',
    data: 'AAEC',
    more: { a: [1, null, 'x'], 2: {}, 1: [] },
    page: 'p'.repeat(5_000),
  };
  const first = await both('PUT', '/rows/k', { json: row });
  t.equal(first.status, 201);
  await both('PUT', '/rows/k', { json: row });
  for (const headers of [{}, { 'if-match': '"REV"' }, { 'if-match': '*' }, { 'if-match': '"1", W/"REV"' }]) {
    await both('GET', '/rows/k', { headers });
    await both('GET', '/rows/k?columns=more,i8', { headers });
    await both('HEAD', '/rows/k', { headers });
  }
  for (const tags of ['"REV"', 'W/"REV"', '"REV-gzip"', '"7"', '*', '']) {
    await both('GET', '/rows/k', { headers: { 'if-none-match': tags } });
  }
  for (const path of ['/rows/none', '/rows/k?columns=nope', '/rows/%ff', `/rows/${'x'.repeat(64)}`, '/rows/k?nope=1']) {
    await both('GET', path);
    await both('HEAD', path);
    await both('PUT', path, { json: {} });
    await both('DELETE', path.replace('none', 'absent'));
  }
  // Conditions of writes.
  const conditions = ['"REV"', '*', '"1"', 'W/"REV"', '"1", "REV"', 'nonsense'].flatMap(
    (tags): Record<string, string>[] => [
      { 'if-match': tags },
      { 'if-none-match': tags },
      { 'if-match': '*', 'if-none-match': tags },
      { 'if-match': tags, 'if-none-match': '"1"' },
    ],
  );
  for (const headers of conditions) {
    for (const key of ['k', 'missing']) {
      await both('PUT', `/rows/${key}`, { headers, json: { i8: 1 } });
      await both('PATCH', `/rows/${key}`, { headers, json: { name: 'n' } });
      await both('POST', `/rows/${key}/increment`, { headers, json: { column: 'f32', by: 0.7 } });
      await both('GET', `/rows/${key}`);
      await both('DELETE', `/rows/${key}`, { headers });
      await both('DELETE', `/rows/${key}`);
      if (key === 'k') await both('PUT', '/rows/k', { json: row });
    }
  }
  // Values.
  await both('PUT', '/rows/v', { json: {} });
  for (const json of [
    { i8: 128 },
    { big: 5 },
    { big: '9223372036854775808' },
    { f64: 'NaN' },
    { f32: 1e39 },
    { data: '?' },
  ]) {
    await both('PUT', '/rows/v', { json });
    await both('PATCH', '/rows/v', { json });
  }
  for (const json of [{ nope: 1 }, { name: 'x'.repeat(21) }, { more: null, page: '', f64: -0 }, { flag: null }]) {
    await both('PUT', '/rows/v', { json });
    await both('PATCH', '/rows/v', { json });
    await both('GET', '/rows/v');
  }
  // Increments.
  for (const json of [
    { column: 'i8', by: 100 },
    { column: 'i8', by: 100 },
    { column: 'big', by: '9223372036854775807' },
    { column: 'big' },
    { column: 'f64', by: 'Infinity' },
    { column: 'f64', by: 0.2 },
    { column: 'name' },
    { column: 'nope' },
    { column: 'i8', by: '1' },
  ]) {
    await both('POST', '/rows/counter/increment', { json });
  }
  // Lifetimes.
  await both('PUT', '/rows/short?ttl=60000', { json: {} });
  await both('PATCH', '/rows/short', { json: { i8: 1 } });
  await both('PUT', '/rows/short', { json: {}, headers: { 'shm-ttl-ms': '0' } });
  await both('POST', '/rows/short/increment?ttl=1', { json: { column: 'i8' } });
  await sleep(20);
  await both('GET', '/rows/short');
  // Batches.
  await both('POST', '/batch', {
    json: [
      { op: 'put', key: 'b', row: { i8: 1 } },
      { op: 'get', key: 'b' },
      { op: 'increment', key: 'b', column: 'i8', by: 2 },
      { op: 'get', key: 'b', columns: ['i8'] },
      { op: 'insert', key: 'b', row: {} },
      { op: 'insert', key: 'b2', row: { name: 'x' }, ttl: 60_000 },
      { op: 'set', key: 'b', row: { name: 'y' } },
      { op: 'update', key: 'none', row: {} },
      { op: 'update', key: 'b', row: { flag: true } },
      { op: 'update', key: 'b', row: {}, revision: 5 },
      { op: 'put', key: 'b', row: { i8: 1000 } },
      { op: 'get', key: '' },
      { op: 'get', key: 'x'.repeat(64) },
      { op: 'increment', key: 'b', column: 'nope' },
      { op: 'set', key: 'b', row: {}, ttl: 0 },
      { op: 'delete', key: 'b', revision: 5 },
      { op: 'delete', key: 'b' },
      { op: 'get', key: 'b' },
      { op: 'delete', key: 'b' },
    ],
  });
  await both('POST', '/batch', { json: [{ op: 'nope' }] });
  await both('POST', '/batch', { json: [] });
  // Lines, pages and counts.
  await both('DELETE', '/rows');
  await both('GET', '/count');
  const lines = [
    ...Array.from({ length: 300 }, (_, i) => JSON.stringify({ key: `k${i % 250}`, row: { i8: i % 100, more: { i } } })),
    '{"key":"k1","row":{"i8":1000}}',
    'nonsense',
    '',
    '{"key":"old","row":{},"expiresAt":1}',
    '{"key":"later","row":{},"expiresAt":4102444800000}',
  ];
  const body = lines.join('\n');
  await both('POST', '/rows', { headers: { 'content-type': 'application/x-ndjson' }, body });
  await both('GET', '/count');
  await both('GET', '/count?prefix=k1');
  await both('GET', '/count?prefix=nope');
  for (const [path, options] of [
    ['/rows?prefix=k1', {}],
    ['/rows?columns=i8', {}],
    ['/rows', { headers: { accept: 'application/x-ndjson' } }],
    ['/keys', {}],
  ] as const) {
    const all = await Promise.all(['s', 'c'].map((table) => everything(app, `/v1/tables/${table}${path}`, options)));
    t.same(all[1], all[0], path);
    t.ok(all[0].length > 50, `${path}: ${all[0].length} rows`);
  }
  for (const path of ['/rows?columns=nope', '/rows?cursor=nope', '/keys?limit=0', '/rows?limit=5&nope=1'])
    await both('GET', path);
  await both('DELETE', '/rows');
  await both('GET', '/rows');
  await both('GET', '/keys');
  t.comment(`${requests} requests`);
});

/** All rows or keys of a listing, without revisions, sorted. */
async function everything(app: ClusterApp, path: string, options: HttpOptions): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | null = null;
  do {
    const from: string = cursor === null ? path : `${path}${path.includes('?') ? '&' : '?'}cursor=${cursor}`;
    const answer = await app.send('GET', from, options);
    if (options.headers !== undefined) return rounded(answer.text).trim().split('\n').sort();
    const { keys, rows } = answer.json;
    for (const row of rows ?? []) found.push(rounded(JSON.stringify({ ...row, revision: 0 })));
    found.push(...(keys ?? []));
    cursor = answer.json.cursor;
  } while (cursor !== null);
  return found.sort();
}

/** A server says how many milliseconds a row has left, so the time at which it expires differs from answer to answer. */
function rounded(text: string): string {
  return text.replaceAll(/"expiresAt":(\d+)/g, (_, ms: string) => `"expiresAt":${Math.round(Number(ms) / 60_000)}`);
}

t.test('reads name their source, and a client may ask for the primary', async (t) => {
  const app = await startApp(t, { near: inCluster(), far: inCluster({ near: false }) });
  const path = '/v1/tables/near/rows/k';
  const made = await app.send('PUT', path, { json: { more: { a: 1 }, i8: 5 } });
  t.equal(made.status, 201, made.text);
  let answer = await app.send('GET', path);
  t.equal(answer.headers['shm-source'], 'primary', `the first read: ${answer.text}`);
  await until('the near cache answers', async () => {
    answer = await app.send('GET', path);
    return answer.headers['shm-source'] === 'near';
  });
  t.match(answer.json, { key: 'k', expiresAt: null, row: { i8: 5, more: { a: 1 }, name: '' } });
  const part = await app.send('GET', `${path}?columns=more`);
  t.same(part.json.row, { more: { a: 1 } });
  t.equal(part.headers['shm-source'], 'near');
  t.equal((await app.send('HEAD', path)).headers['shm-source'], 'near');
  const known = await app.send('GET', path, { headers: { 'if-none-match': answer.headers.etag ?? '' } });
  t.same([known.status, known.headers['shm-source']], [304, 'near']);
  for (const control of ['no-cache', 'No-Cache, private', 'max-age=0', 'x, max-age=0']) {
    const fresh = await app.send('GET', path, { headers: { 'cache-control': control } });
    t.equal(fresh.headers['shm-source'], 'primary', control);
    t.same(fresh.json, answer.json);
  }
  for (const control of ['max-age=5', 'no-cachet', 'x-no-cache=1']) {
    const near = await app.send('GET', path, { headers: { 'cache-control': control } });
    t.equal(near.headers['shm-source'], 'near', control);
  }
  const written = await app.send('PATCH', path, { json: { i8: 6 } });
  t.equal((await app.send('GET', path)).json.revision, written.json.revision, 'this host reads its own write');
  await app.send('PUT', '/v1/tables/far/rows/k', { json: {} });
  for (let i = 0; i < 3; i++) {
    const far = await app.send('GET', '/v1/tables/far/rows/k');
    t.equal(far.headers['shm-source'], 'primary', 'without a near cache');
  }
  t.notOk('shm-source' in (await app.send('GET', '/v1/tables/s/rows/none')).headers);

  const { tables } = (await app.send('GET', '/v1/tables')).json;
  t.same(
    tables.map(({ name, backend, rows }: Record<string, unknown>) => [name, backend, rows]),
    [
      ['far', 'cluster', null],
      ['near', 'cluster', null],
      ['s', 'posix', 0],
    ],
    'the near table is not listed',
  );
  const described = (await app.send('GET', '/v1/tables/near')).json;
  t.match(described, {
    backend: 'cluster',
    rows: null,
    capacity: null,
    columns,
    maxKeyBytes: 63,
    cluster: { primaries: 3, connected: 3 },
  });
  t.ok(described.cluster.near.hits > 0);
  const nearName = Table.list({ namespace }).find(({ name }) => name.startsWith('near.'))?.name;
  for (const [method, suffix] of [
    ['GET', ''],
    ['GET', '/rows'],
    ['PATCH', '/rows/k'],
    ['DELETE', '/rows'],
  ]) {
    const refused = await app.send(method, `/v1/tables/${nearName}${suffix}`, {
      ...(method === 'PATCH' && { json: {} }),
    });
    isProblem(t, refused, 404, 'ERR_TABLE_NOT_FOUND', `${method} ${suffix} of the near table`);
  }
  await until('counts are in the metrics', async () =>
    /^shmtable_near_hits_total\{table="near"\} [1-9]/m.test((await app.send('GET', '/metrics')).text),
  );
  const metrics = (await app.send('GET', '/metrics')).text;
  for (const name of [
    'misses_total',
    'fills_total',
    'refused_fills_total',
    'uncached_reads_total',
    'takeovers_total',
  ]) {
    t.match(metrics, new RegExp(`^shmtable_near_${name}\\{table="near"\\} \\d`, 'm'));
  }
  t.match(metrics, /^shmtable_near_grants\{table="near"\} 3$/m);
  t.match(metrics, /^shmtable_near_heartbeat_seconds\{table="near"\} [\d.e-]+$/m);
  t.match(metrics, /^shmtable_near_invalidations_total\{table="near"\} [1-9]/m);
  t.match(metrics, /^shmtable_cluster_connected_primaries\{table="far"\} 3$/m);
  t.match(metrics, /^shmtable_cluster_unknown_outcomes_total\{table="far"\} 0$/m);
});

t.test('what a table in a cluster cannot do is refused, and says what to do instead', async (t) => {
  const app = await startApp(t, { r: inCluster() });
  const path = '/v1/tables/r';
  for (const [method, suffix, json, advice] of [
    ['PUT', '', { capacity: 5, columns }, /configuration/],
    ['PATCH', '', { add: { x: 'int8' } }, /onMismatch/],
    ['POST', '/snapshot', undefined, /dump/],
    ['DELETE', '', undefined, /DELETE on its rows/],
  ] as const) {
    const answer = await app.send(method, `${path}${suffix}`, { json });
    isProblem(t, answer, 422, 'ERR_BACKEND_UNSUPPORTED', `${method} ${suffix}`);
    t.match(answer.json.detail, advice);
  }
  isProblem(t, await app.send('GET', `${path}/changes`), 409, 'ERR_ARGUMENT', 'GET changes');
  const made = { capacity: 5, columns: { n: 'int8' }, cluster: { nodes: cluster.urls } };
  t.equal((await app.send('PUT', '/v1/tables/made', { json: made })).status, 422, 'HTTP creates no table in a cluster');
});

t.test(
  'a cluster that is away at the start, or goes away, concerns no other table and comes back by itself',
  async (t) => {
    const server = await startRedis();
    t.teardown(() => server.stop());
    const door = await Door.create(t, server.port);
    const nodes = [`redis://127.0.0.1:${door.port}`];
    const app = await startApp(t, { away: inCluster({ cluster: { nodes, timeoutMs: TIMEOUT_MS } }) });
    const path = '/v1/tables/away';
    const unavailable = async (what: string): Promise<void> => {
      for (const [method, suffix, json] of [
        ['GET', '/rows/k'],
        ['PUT', '/rows/k', {}],
        ['POST', '/rows/k/increment', { column: 'i8' }],
        ['GET', '/count'],
        ['GET', '/rows'],
        ['DELETE', '/rows'],
      ] as const) {
        const answer = await app.send(method, `${path}${suffix}`, { json });
        isProblem(t, answer, 503, 'ERR_CLUSTER_UNAVAILABLE', `${method} ${suffix} ${what}`);
        t.ok(answer.headers['retry-after'], 'with Retry-After');
      }
      t.equal(
        (await app.send('PUT', '/v1/tables/s/rows/k', { json: { i8: 1 } })).status < 300,
        true,
        'another table works',
      );
      t.equal((await app.send('GET', path)).json.backend, 'cluster', 'it is still described');
    };
    await unavailable('at the start');
    const unready = await app.send('GET', '/readyz');
    t.same(
      [unready.status, unready.json],
      [503, { status: 'unavailable', tables: { away: 'ERR_CLUSTER_UNAVAILABLE' } }],
    );

    await door.open();
    await until('the table is opened', async () => (await app.send('GET', '/readyz')).status === 200);
    t.equal((await app.send('PUT', `${path}/rows/k`, { json: { i8: 7 } })).status, 201);
    await door.close();
    await until('the loss is noticed', async () => (await app.send('GET', '/readyz')).json.tables !== undefined);
    const lost = await app.send('GET', '/readyz');
    t.same([lost.status, lost.json], [200, { status: 'ready', tables: { away: 'ERR_CLUSTER_UNAVAILABLE' } }]);
    await unavailable('later');
    await door.open();
    await until('it is back', async () => (await app.send('GET', `${path}/rows/k`)).status === 200);
    t.equal((await app.send('GET', `${path}/rows/k`)).json.row.i8, 7);
  },
);

/** Slots whose keys the servers were asked for so far. */
async function slotsWalked(): Promise<number> {
  let calls = 0;
  for (const node of cluster.primaries) {
    const stats = String(await node.command('INFO', 'commandstats'));
    calls += Number(/cmdstat_cluster\|getkeysinslot:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  }
  return calls;
}

/** Writes executed by the servers so far. */
async function scriptsRun(): Promise<number> {
  let calls = 0;
  for (const node of cluster.primaries) {
    const stats = String(await node.command('INFO', 'commandstats'));
    for (const [, each] of stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)) calls += Number(each);
  }
  return calls;
}

t.test('a request whose client has left comes to an end', async (t) => {
  const app = await startApp(t, { left: inCluster({ near: false }) });
  const path = '/v1/tables/left';
  /** Sends a request and leaves as soon as the servers have had work with it. */
  const leave = async (head: string, body: string, work: () => Promise<number>): Promise<void> => {
    const before = await work();
    const socket = connect(app.port, '127.0.0.1');
    await once(socket, 'connect');
    const about =
      body === ''
        ? 'Accept: application/x-ndjson\r\n'
        : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
    socket.write(`${head} HTTP/1.1\r\nHost: localhost\r\n${about}\r\n${body}`);
    await until('the servers work', async () => (await work()) > before);
    socket.resetAndDestroy();
  };
  const requests = 4;
  for (let i = 0; i < requests; i++) {
    await leave(`GET ${path}/rows?prefix=none`, '', slotsWalked);
  }
  const walkedBefore = await slotsWalked();
  t.same((await app.send('GET', `${path}/count`)).json, { count: 0 });
  const walked = (await slotsWalked()) - walkedBefore;
  t.ok(walked < SLOTS + requests * (SLOTS / 2), `an export: ${walked} slots`);

  const operations = JSON.stringify(
    Array.from({ length: 10_000 }, (_, i) => ({ op: 'put', key: `k${i}`, row: { name: 'x' } })),
  );
  await leave(`POST ${path}/batch`, operations, scriptsRun);
  await app.send('GET', `${path}/count`);
  const { count } = (await app.send('GET', `${path}/count`)).json;
  t.ok(count > 0 && count < 10_000, `a batch: ${count} of 10,000 operations`);
});

t.test('a server that does not answer: a write is 504, a read 503, and a batch ends soon', async (t) => {
  const app = await startApp(t, {
    slow: inCluster({ near: false, cluster: { nodes: cluster.urls, timeoutMs: TIMEOUT_MS } }),
  });
  const path = '/v1/tables/slow';
  const [stopped] = cluster.primaries;
  const keys = Array.from({ length: 10_000 }, (_, i) => `k${i}`);
  const there = keys.find((key) => cluster.ownerOf(slotOf(Buffer.from(`shm:${namespace}:slow:${key}`))) === stopped);
  await app.send('PUT', `${path}/rows/${there}`, { json: {} });
  process.kill(stopped.pid, 'SIGSTOP');
  t.teardown(() => process.kill(stopped.pid, 'SIGCONT'));
  const write = await app.send('POST', `${path}/rows/${there}/increment`, { json: { column: 'i8' } });
  isProblem(t, write, 504, 'ERR_OUTCOME_UNKNOWN', 'a write');
  isProblem(t, await app.send('GET', `${path}/rows/${there}`), 503, 'ERR_CLUSTER_UNAVAILABLE', 'a read');
  const began = performance.now();
  const batch = await app.send('POST', `${path}/batch`, {
    json: keys.map((key) => ({ op: 'set', key, row: { i8: 1 } })),
  });
  const ms = performance.now() - began;
  const { results } = batch.json;
  t.same(
    results.map(({ key }: { key: string }) => key),
    keys,
    'results in order',
  );
  const statuses: Record<string, number> = {};
  for (const { status } of results) statuses[status] = (statuses[status] ?? 0) + 1;
  t.comment(`${Math.round(ms)} ms, ${JSON.stringify(statuses)}`);
  t.ok((statuses[503] ?? 0) + (statuses[504] ?? 0) > 3_000, 'those of the stopped server fail');
  t.ok(statuses[201] > 0, 'others succeed');
  t.ok(ms < 20 * TIMEOUT_MS, `${ms} ms`);
});
