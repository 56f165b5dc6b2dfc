/** The change stream of a table, as seen by fast, slow, reconnecting and disconnected clients. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { type ChangeSource, changeEvents } from '../../src/server/change-events.js';
import { EventStreams } from '../../src/server/event-stream.js';
import shmtable from '../../src/server/plugin.js';
import { ChangesClient, type StreamEvent } from '../fixtures/changes-client.js';
import { eventually, within } from '../fixtures/deadline.js';
import { CHANGES, feedIn, numbersTo } from '../fixtures/feed-table.js';
import { send } from '../fixtures/http-client.js';
import { isProblem, startApp } from '../fixtures/server-app.js';

async function startFeed(t: Test, options: { changes?: number } = {}) {
  const app = await startApp(t);
  return { app, port: app.port, table: feedIn(t, app.namespace, options) };
}

/** A separate app with frequent heartbeats. */
async function startOwnApp(t: Test, name: string, heartbeatMs: number, options: { changes?: number } = {}) {
  const namespace = `test-${process.pid}-changes-${name}`;
  const app = Fastify({ return503OnClosing: false });
  await app.register(shmtable, { namespace, heartbeatMs });
  const table = feedIn(t, namespace, options);
  t.teardown(async () => {
    await app.close();
    table.destroy();
  });
  return { app, table, namespace };
}

const keysOf = (events: readonly StreamEvent[]): string[] =>
  events.map(({ data }) => (data.type === 'gap' ? 'gap' : data.key));

/** The sequence number in an event's id. */
function sequenceIn(id: string): number {
  return Number(id.slice(id.indexOf('.') + 1));
}

/** What the ids of a table's events have in common. */
function incarnation(event: { readonly id: string } | undefined): string {
  return event?.id.split('.')[0] ?? '';
}

t.test('an event has an id, the type and the change as JSON', async (t) => {
  const { port, table } = await startFeed(t);
  const client = await ChangesClient.open(t, port, CHANGES);
  t.match(client, {
    status: 200,
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', connection: 'close' },
  });
  const keys = ['k', 'two\nlines\r\n\n', 'id: 7', 'é日😀', '\u0000', ' ', '": '];
  for (const key of keys) table.set(key, { n: 1 });
  table.increment('k', 'n');
  const revision = table.entry('k')?.revision;
  table.delete('k');
  const events = await client.take(keys.length + 2);
  t.same(keysOf(events), [...keys, 'k', 'k']);
  t.same(events.at(-2), {
    id: `${incarnation(events.at(0))}.${keys.length + 1}`,
    event: 'update',
    data: { sequence: keys.length + 1, type: 'update', key: 'k', revision },
  });
  for (const { id, event, data } of events) t.match(data, { sequence: sequenceIn(id), type: event }, id);
  t.same(
    events.map(({ id }) => sequenceIn(id)),
    numbersTo(events.length),
  );
  const put = await send(port, 'PUT', '/v1/tables/feed/rows/over%20HTTP', { json: { n: 1 } });
  t.match(await client.next(), { event: 'insert', data: { key: 'over HTTP', revision: put.json.revision } });
});

t.test('prefix selects the keys', async (t) => {
  const { port, table } = await startFeed(t);
  const binary = 'é/.';
  const base64url = Buffer.from(binary).toString('base64url');
  for (const key of ['user:1', 'page:1', `${binary}x`, 'user:2']) table.set(key, {});
  for (const [query, expected] of [
    ['prefix=user%3A', ['user:1', 'user:2']],
    [`prefix=${encodeURIComponent(binary)}`, [`${binary}x`]],
    [`prefix=${base64url}&keyEncoding=base64url`, [`${binary}x`]],
    ['prefix=', ['user:1', 'page:1', `${binary}x`, 'user:2']],
    ['prefix=&keyEncoding=base64url', ['user:1', 'page:1', `${binary}x`, 'user:2']],
  ] as const) {
    const client = await ChangesClient.open(t, port, `${CHANGES}?since=0&${query}`);
    t.same(keysOf(await client.take(expected.length)), expected, query);
    client.close();
  }
});

t.test('a client resumes after the last event that it received', async (t) => {
  const { port, table } = await startFeed(t);
  const path = (since?: number | string) => (since === undefined ? CHANGES : `${CHANGES}?since=${since}`);
  for (const key of ['a', 'b', 'c', 'd']) table.set(key, {});
  const all = await ChangesClient.open(t, port, path(0));
  const [a, , c, d] = (await all.take(4)).map(({ id }) => id);
  all.close();
  for (const [since, lastEventId, first] of [
    [0, undefined, 'a'],
    [2, undefined, 'c'],
    [undefined, a, 'b'],
    [3, a, 'b'],
    [0, c, 'd'],
    [2, '', 'c'],
  ] as const) {
    const headers = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId };
    const client = await ChangesClient.open(t, port, path(since), { headers });
    t.same(keysOf(await client.take(1)), [first], `since ${since}, Last-Event-ID ${lastEventId}`);
    client.close();
  }
  const now = await ChangesClient.open(t, port, path());
  await eventually('it receives its position', () => now.lastEventId !== undefined);
  t.equal(now.lastEventId, d, 'a client that has not received an event can reconnect by an id');
  now.close();
  table.set('e', {});
  const back = await ChangesClient.open(t, port, path(), { headers: { 'Last-Event-ID': d } });
  t.same(await back.next().then((event) => event?.data), {
    sequence: 5,
    type: 'insert',
    key: 'e',
    revision: table.entry('e')?.revision,
  });
  const future = await ChangesClient.open(t, port, path(1_000_000));
  t.match(await future.next(), { event: 'gap', data: { type: 'gap', sequence: 5 } }, 'a number beyond the feed');
});

t.test('a client that reconnects too late receives a gap', async (t) => {
  const { port, table } = await startFeed(t, { changes: 4096 });
  for (let n = 1; n <= 1000; n++) table.set('k', { n });
  const client = await ChangesClient.open(t, port, `${CHANGES}?since=3`);
  const gap = await client.next();
  t.match(gap, { event: 'gap', data: { type: 'gap' } });
  const { sequence } = gap?.data ?? { sequence: 0 };
  t.equal(sequenceIn(gap?.id ?? ''), sequence, 'it can resume from the gap');
  const rest = await client.take(1000 - sequence);
  t.same(
    rest.map(({ id }) => sequenceIn(id)),
    numbersTo(1000).slice(sequence),
    'and misses nothing after it',
  );
});

t.test('invalid requests are rejected', async (t) => {
  const { port } = await startFeed(t);
  isProblem(t, await send(port, 'GET', '/v1/tables/t/changes'), 409, 'ERR_ARGUMENT', 'a table without a feed');
  isProblem(t, await send(port, 'GET', '/v1/tables/none/changes'), 404, 'ERR_TABLE_NOT_FOUND', 'no table');
  for (const since of ['', '-1', '1.5', '1e3', 'x', '9007199254740992', '99999999999999999', '01', '1&since=2']) {
    isProblem(t, await send(port, 'GET', `${CHANGES}?since=${since}`), 400, 'ERR_ARGUMENT', `since=${since}`);
  }
  for (const id of [
    '-1',
    '1.5',
    'x',
    '9007199254740992',
    '99999999999999999',
    '01',
    '1, 2',
    '+1',
    'short.1',
    'x'.repeat(12),
  ]) {
    const headers = { 'Last-Event-ID': id };
    isProblem(t, await send(port, 'GET', CHANGES, { headers }), 400, 'ERR_ARGUMENT', `Last-Event-ID: ${id}`);
  }
  isProblem(t, await send(port, 'GET', `${CHANGES}?keyEncoding=hex`), 400, 'ERR_ARGUMENT', 'another encoding');
  isProblem(t, await send(port, 'GET', `${CHANGES}?prefix=%FF`), 400, 'ERR_KEY_INVALID', 'an ill-formed prefix');
  const binary = `${CHANGES}?prefix=_w&keyEncoding=base64url`;
  isProblem(t, await send(port, 'GET', binary), 400, 'ERR_KEY_INVALID', 'an ill-formed prefix in base64url');
  const post = await send(port, 'POST', CHANGES, { json: {} });
  isProblem(t, post, 405, 'ERR_METHOD_NOT_ALLOWED', 'POST');
  t.equal(post.headers.allow, 'GET, HEAD');
  isProblem(t, await send(port, 'GET', `${CHANGES}/`), 404, 'ERR_ROUTE_NOT_FOUND', 'a trailing slash');
});

t.test('HEAD has the headers of GET and ends', async (t) => {
  const { port } = await startFeed(t);
  const head = await send(port, 'HEAD', CHANGES);
  t.match(head, { status: 200, text: '', headers: { 'content-type': 'text/event-stream' } });
  t.notOk('content-length' in head.headers, 'a stream has no Content-Length');
  t.equal((await send(port, 'HEAD', '/v1/tables/t/changes')).status, 409);
  t.equal((await send(port, 'HEAD', '/v1/tables/none/changes')).status, 404);
});

t.test('comments are sent while nothing changes', async (t) => {
  const { app, table } = await startOwnApp(t, 'comments', 20);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port }: AddressInfo = Object(app.server.address());
  const client = await ChangesClient.open(t, port, CHANGES);
  // The first comment shows that the stream has begun.
  await eventually('comments arrive', () => client.comments.length >= 4);
  table.set('k', {});
  t.same(keysOf(await client.take(1)), ['k'], 'and events between them');
});

t.test('a client whose prefix matches no key reconnects without a gap', async (t) => {
  // 128 changes at most.
  const { app, table } = await startOwnApp(t, 'unfit', 20, { changes: 1 << 14 });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port }: AddressInfo = Object(app.server.address());
  const path = `${CHANGES}?prefix=wanted`;
  const client = await ChangesClient.open(t, port, path);
  for (const written of numbersTo(512)) {
    table.set('other', { n: written });
    if (written % 32 === 0) {
      await eventually('the stream has sent its position', () => sequenceIn(client.lastEventId ?? '') === written);
    }
  }
  client.close();
  const again = await ChangesClient.open(t, port, path, { headers: { 'last-event-id': client.lastEventId ?? '' } });
  table.set('wanted', { n: 1 });
  t.same(keysOf(await again.take(1)), ['wanted']);
});

t.test('a client that reads nothing is disconnected; one that reads slowly is not', async (t) => {
  const heartbeatMs = 50;
  const { app, table } = await startOwnApp(t, 'unread', heartbeatMs);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port }: AddressInfo = Object(app.server.address());
  const opened = once(app.server, 'connection');
  const stalled = await ChangesClient.open(t, port, `${CHANGES}?since=0`, { paused: true });
  const [socket] = await opened;
  const closed = once(socket, 'close');
  const slow = await ChangesClient.open(t, port, `${CHANGES}?since=0`, { paused: true });
  const filling = setInterval(() => {
    for (let n = 0; n < 500; n++) table.set('\u0001'.repeat(63), { n });
  }, 5);
  // It reads briefly, and less often than the service checks.
  const sipping = setInterval(() => {
    slow.resume();
    setImmediate(() => slow.pause());
  }, heartbeatMs * 1.5);
  t.teardown(() => {
    clearInterval(filling);
    clearInterval(sipping);
  });
  await within(30_000, 'the end of its connection', closed);
  let over = false;
  void slow.ended.then(() => {
    over = true;
  });
  const { length } = slow.comments;
  for (let i = 0; i < 50; i++) await slow.next();
  t.notOk(over, `the slow client is still connected, after ${length} comments`);
  clearInterval(filling);
  clearInterval(sipping);
  stalled.resume();
  t.equal(await within(10_000, 'its end', stalled.ended), false, 'cut off');
});

t.test('disconnected clients leave nothing behind', async (t) => {
  const streams = new EventStreams(20);
  let started = 0;
  let returned = 0;
  const quiet = (): ChangeSource => {
    started++;
    let end = (): void => undefined;
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    return {
      position: 0,
      next: () => over.then(() => ({ done: true, value: undefined })),
      return: async () => {
        returned++;
        end();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  };
  let finished = 0;
  const server = createServer(async (_, response) => {
    await streams.send(changeEvents(quiet(), { idOf: String, hasMissed: false }), response);
    finished++;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port }: AddressInfo = Object(server.address());
  const socket = connect(port, '127.0.0.1');
  // The second response waits behind the first one, which never ends.
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2));
  await eventually('both requests have arrived', () => started === 2);
  socket.destroy();
  await eventually('both have ended', () => finished === 2);
  t.ok(returned >= 2, 'their watches have ended too');
});

t.test('the streams of a destroyed table end', async (t) => {
  const { port, table, app } = await startFeed(t);
  const client = await ChangesClient.open(t, port, CHANGES);
  table.set('k', {});
  const [last] = await client.take(1);
  t.equal((await send(port, 'DELETE', '/v1/tables/feed')).status, 204);
  t.equal(await within(5000, 'the end', client.ended), true, 'in order');
  t.equal(await client.next(), undefined);
  t.equal((await send(port, 'GET', CHANGES)).status, 404);

  const again = feedIn(t, app.namespace);
  // The new table has as many changes as the old one had.
  again.set('missed', {});
  const headers = { 'Last-Event-ID': last.id };
  const back = await ChangesClient.open(t, port, CHANGES, { headers });
  t.match(
    await back.next(),
    { event: 'gap', data: { sequence: 1 } },
    'of the new table with that name: the missed changes are unknown',
  );
  again.set('new', {});
  t.same(keysOf(await back.take(1)), ['new']);
  again.destroy();
  t.equal(await within(5000, 'the end', back.ended), true, 'also when it is destroyed through another handle');
});

t.test('streams requested while the app closes end in order', async (t) => {
  const { app } = await startOwnApp(t, 'closing', 15_000);
  let finish = (): void => undefined;
  app.get('/slow', (_, reply) => {
    reply.hijack();
    reply.raw.write('begun');
    finish = () => reply.raw.end();
  });
  const closing = new Promise<void>((resolve) => {
    app.addHook('preClose', async () => resolve());
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port }: AddressInfo = Object(app.server.address());
  const socket = connect(port, '127.0.0.1');
  const chunks: string[] = [];
  socket.setEncoding('latin1').on('data', (chunk: string) => chunks.push(chunk));
  socket.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await eventually('the first response begins', () => chunks.join('').includes('begun'));
  const closed = app.close();
  await closing;
  const ended = once(socket, 'end');
  const arrived = once(app.server, 'request');
  socket.write(`GET ${CHANGES} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await arrived;
  finish();
  await within(10_000, 'the end of the connection', ended);
  await within(10_000, 'the end of the app', closed);
  t.match(
    chunks.join(''),
    /begun[\s\S]*HTTP\/1\.1 200 OK[\s\S]*id: [\w-]{12}\.0\n[\s\S]*\r\n0\r\n\r\n$/,
    'the second response is complete',
  );
});

t.test('clients that disconnect immediately do no harm', async (t) => {
  const { port, table } = await startFeed(t);
  for (let i = 0; i < 50; i++) {
    const outgoing = request({ host: '127.0.0.1', port, path: CHANGES, agent: false }).end();
    outgoing.on('error', () => undefined);
    if (i % 2 === 0) await once(outgoing, 'response');
    else await once(outgoing, 'socket');
    outgoing.destroy();
  }
  table.set('k', {});
  const client = await ChangesClient.open(t, port, `${CHANGES}?since=0`);
  t.same(keysOf(await client.take(1)), ['k'], 'the others continue');
});
