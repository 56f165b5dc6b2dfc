/** The state of the service and its tables as a stream of events. */
import t, { type Test } from 'tap';
import { Cache } from '../../src/cache/index.js';
import { AccessTokens } from '../../src/server/access/access-tokens.js';
import { TableSampler } from '../../src/server/overview/table-sampler.js';
import { Table } from '../../src/table/table.js';
import { bearer, SECRETS, TOKENS, tokenOf } from '../fixtures/access-tokens.js';
import { ChangesClient } from '../fixtures/changes-client.js';
import { within } from '../fixtures/deadline.js';
import { isProblem, startApp, type TestApp } from '../fixtures/server-app.js';
import type { components } from './client/schema.js';

type Overview = components['schemas']['Overview'];

const PATH = '/v1/overview';

const open = (t: Test, { port }: Pick<TestApp, 'port'>, secret?: string) =>
  ChangesClient.open<Overview>(t, port, PATH, { headers: secret === undefined ? {} : bearer(secret) });

/** The first message for which something holds. */
async function firstWith<T>(client: ChangesClient<Overview>, look: (data: Overview) => T | undefined): Promise<T> {
  for (;;) {
    const message = await client.next();
    if (message === undefined) throw new Error('the stream has ended');
    const found = look(message.data);
    if (found !== undefined) return found;
  }
}

const tableIn = ({ tables }: Overview, wanted: string) => tables.find(({ name }) => name === wanted);

t.test('the first message has everything, the next ones what has changed since', async (t) => {
  const app = await startApp(t);
  app.table.set('k', { u32: 1 });
  Table.create({ name: 'long', namespace: app.namespace, capacity: 10, columns: { doc: 'json' } }).close();
  const cache = Cache.open({ name: 'cached', namespace: app.namespace, entries: 10 });
  t.teardown(() => cache.destroy());
  cache.set('k', 1);
  cache.get('k');
  cache.get('absent');
  await app.send('GET', '/v1/tables/none');

  const client = await open(t, app);
  t.match(client, { status: 200, headers: { 'content-type': 'text/event-stream', connection: 'close' } });
  const first = await client.next();
  t.equal(first?.event, 'overview');
  t.match(first?.data, {
    at: Number,
    service: { version: /^\d/, requests: 1, errors4xx: 1, errors5xx: 0, workers: [{ pid: process.pid }] },
    services: [],
  });
  const data = first?.data as Overview;
  t.match(tableIn(data, 't'), { kind: 'table', rows: 1, capacity: 100, heap: null, cache: null, problem: null });
  t.match(tableIn(data, 't'), { backend: app.table.backend, evict: 'none', counters: { inserts: 1, updates: 0 } });
  t.match(tableIn(data, 'long'), { rows: 0, heap: { bytes: Number, usedBytes: 0 } });
  t.match(tableIn(data, 'cached'), { kind: 'cache', rows: 1, cache: { hits: 1, misses: 1 } });

  app.table.set('k', { u32: 2 });
  app.table.set('l', { u32: 2 });
  Table.destroy('long', { namespace: app.namespace });
  await app.send('GET', '/v1/tables/t');
  const latency = await firstWith(client, (now) => {
    if (tableIn(now, 't')?.counters.updates !== 1 || now.service.requests < 2) return undefined;
    t.match(tableIn(now, 't'), { rows: 2, counters: { inserts: 2, updates: 1 } });
    t.equal(tableIn(now, 'long'), undefined, 'a destroyed table is gone');
    return now.service.latency;
  });
  t.match(latency, { p50Ms: Number, p99Ms: Number });
});

t.test('a table that cannot be read is listed with the reason', async (t) => {
  const app = await startApp(t);
  const other = Table.create({ name: 'u', namespace: app.namespace, capacity: 10, columns: { n: 'int32' } });
  t.teardown(() => other.destroy());
  const { Segment } = await import('../../src/memory/index.js');
  const name = Segment.list().find((segment) => segment.name.endsWith(`:${app.namespace}:u`))?.name ?? '';
  const segment = Segment.open({ name });
  const words = new Uint32Array(segment.buffer, 0, 8);
  const magic = words[0];
  words[0] = 0;
  const message = await (await open(t, app)).next();
  words[0] = magic;
  segment.close();
  t.match(message?.data && tableIn(message.data, 'u'), { rows: 0, problem: /^ERR_TABLE_CORRUPT: / });
  t.match(message?.data && tableIn(message.data, 't'), { problem: null });
});

t.test('a table in a cluster is listed, and its near table is not', async (t) => {
  const cluster = { nodes: ['redis://127.0.0.1:1'], timeoutMs: 100, password: 'hunter2' };
  const app = await startApp(t, { tables: { far: { columns: { n: 'int8' }, cluster } } });
  Table.create({
    name: 'near.0123456789ab.far',
    namespace: app.namespace,
    capacity: 10,
    columns: { n: 'int8' },
  }).close();
  const data = (await (await open(t, app)).next())?.data as Overview;
  t.same(
    data.tables.map(({ name }) => name),
    ['far', 't'],
  );
  t.match(tableIn(data, 'far'), {
    kind: 'cluster',
    backend: 'cluster',
    rows: null,
    capacity: null,
    bytes: null,
    problem: /^ERR_CLUSTER_UNAVAILABLE: /,
  });
  t.notMatch(JSON.stringify(data), /hunter2/, 'without its secrets');
});

t.test('a token sees the tables and events that it is valid for', async (t) => {
  const limited = { ...tokenOf('limited', 'limited-0', 'read'), tables: ['t'] };
  const tokens = new AccessTokens([...TOKENS, limited]);
  const app = await startApp(t, { tokens: [...TOKENS, limited] }, { tokens });
  Table.create({ name: 'u', namespace: app.namespace, capacity: 10, columns: { n: 'int32' } }).close();
  for (const name of ['t', 'u']) {
    const answer = await app.send('PATCH', `/v1/tables/${name}`, {
      json: { add: { more: 'int8' } },
      headers: bearer(SECRETS.admin),
    });
    t.equal(answer.status, 200, `${name} is altered`);
  }
  const seen = async (secret: string) => {
    const message = await (await open(t, app, secret)).next();
    const { tables = [], events = [] } = message?.data ?? {};
    return { tables: tables.map(({ name }) => name), events: [...new Set(events.map(({ table }) => table))] };
  };
  t.same(await seen(SECRETS.read), { tables: ['t', 'u'], events: ['t', 'u'] });
  t.same(await seen('limited-0'), { tables: ['t'], events: ['t'] });
  isProblem(t, await app.send('GET', PATH), 401, 'ERR_UNAUTHENTICATED', 'no token');

  const client = await open(t, app, SECRETS.read);
  await client.next();
  tokens.replace([limited]);
  await within(5000, 'the end of the stream of a revoked token', client.ended);
});

t.test('many listeners, also slow ones, get every event once', async (t) => {
  const app = await startApp(t);
  const alter = (column: string) => app.send('PATCH', '/v1/tables/t', { json: { add: { [column]: 'int8' } } });
  /** The alterations of the messages up to the one with the n-th. */
  const alterations = async (client: ChangesClient<Overview>, count: number) => {
    const found: Overview['events'][number][] = [];
    return firstWith(client, ({ events }) => {
      found.push(...events.filter(({ type }) => type === 'alteration'));
      return found.length >= count ? found : undefined;
    });
  };
  await alter('a');
  const early = await open(t, app);
  const first = await alterations(early, 1);
  t.match(first, [{ level: 'info', table: 't', message: /was altered/, worker: process.pid }]);
  early.pause();
  await alter('b');
  const both = await alterations(await open(t, app), 2);
  t.same(both[0], first[0], 'a later listener gets those before it too');
  await alter('c');
  early.resume();
  const [second, third] = await alterations(early, 2);
  t.same(second, both[1], 'an event is not repeated');
  t.ok(third.sequence > second.sequence);
});

t.test('a request that asks only for the headers has no sample made', async (t) => {
  const app = await startApp(t);
  const samples = t.capture(TableSampler.prototype, 'sample', TableSampler.prototype.sample);
  t.equal((await app.send('HEAD', PATH)).status, 200);
  t.equal(samples().length, 0);
  await (await open(t, app)).next();
  t.equal(samples().length, 1);
});

t.test('HEAD, unknown parameters, other methods', async (t) => {
  const app = await startApp(t);
  t.match(await app.send('HEAD', PATH), { status: 200, headers: { 'content-type': 'text/event-stream' }, text: '' });
  isProblem(t, await app.send('GET', `${PATH}?every=2`), 400, 'ERR_ARGUMENT', 'an unknown parameter');
  isProblem(t, await app.send('POST', PATH, { json: {} }), 405, 'ERR_METHOD_NOT_ALLOWED', 'another method');
});

t.test('the response says which scope the token has, also to HEAD', async (t) => {
  const app = await startApp(t, { tokens: TOKENS });
  for (const scope of ['read', 'write', 'admin'] as const) {
    const { status, headers } = await app.send('HEAD', PATH, { headers: bearer(SECRETS[scope]) });
    t.equal(status, 200);
    t.equal(headers['shm-scope'], scope);
  }
  const free = await startApp(t);
  t.equal((await free.send('HEAD', PATH)).headers['shm-scope'], 'admin', 'without tokens');
});
