/** The change stream of a table, as seen by fast, slow, reconnecting and disconnected clients. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { type ChangeSource, EventStreams } from '../../src/server/event-stream.js';
import shmtable from '../../src/server/plugin.js';
import { Table } from '../../src/table/table.js';
import { ChangesClient, ResumingClient, type StreamEvent } from '../fixtures/changes-client.js';
import { eventually, within } from '../fixtures/deadline.js';
import { type HttpAnswer, send } from '../fixtures/http-client.js';
import { isProblem, startApp } from '../fixtures/server-app.js';
import { type LogEntry, startService } from '../fixtures/server-process.js';
import { tries } from '../fixtures/tries.js';
import { Child } from '../table/child.js';

const columns = { n: 'int32' } as const;
const CHANGES = '/v1/tables/feed/changes';

/** A table `feed` in a namespace; it is destroyed when the namespace is cleaned up. */
function feedIn(t: Test, namespace: string, options: { changes?: number; maxKeyBytes?: number } = {}) {
  const table = Table.create({
    name: 'feed',
    namespace,
    capacity: 1000,
    columns,
    changes: 1 << 20,
    lockTimeoutMs: 10_000,
    ...options,
  });
  t.teardown(() => table.close());
  return table;
}

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

const numbersTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);

const isKill = ({ msg }: LogEntry): boolean => msg === 'worker did not finish in time';

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
    await streams.send(quiet(), response, { idOf: String, hasMissed: false });
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

function residentBytes(pids: readonly number[]): number {
  const pages = pids.map((pid) => Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]));
  return pages.reduce((sum, each) => sum + each) * 4096;
}

t.test('the service', async (t) => {
  const { service, port } = await startService(t);
  const { namespace } = service;
  const newFeed = (t: Test, options: { maxKeyBytes?: number } = {}) => {
    const table = feedIn(t, namespace, options);
    t.teardown(() => Table.destroy(table.name, { namespace }));
    return table;
  };

  await t.test('200 clients receive all events in order', async (t) => {
    const table = newFeed(t);
    const openAtOnce = (count: number) =>
      Promise.all(Array.from({ length: count }, () => ChangesClient.open(t, port, CHANGES)));
    const clients = await openAtOnce(200);
    const workers = () => new Set(clients.map(({ worker }) => worker));
    // The kernel chooses how many each worker accepts: more clients connect until each worker has some.
    for (let rounds = 0; rounds < 50 && workers().size < service.workers.length; rounds++) {
      clients.push(...(await openAtOnce(8)));
    }
    t.same(workers(), new Set(service.workers), 'on all workers');
    const total = tries(100, 500);
    for (let n = 1; n <= total; n++) table.set(`${n}`, { n });
    let wrong = 0;
    for (const client of clients) {
      const events = await client.take(total);
      if (events.length !== total || events.some(({ data }, i) => data.sequence !== i + 1 || data.type !== 'insert'))
        wrong++;
    }
    t.equal(wrong, 0);
    const started = performance.now();
    t.equal((await send(port, 'PUT', '/v1/tables/feed/rows/last', { json: { n: 1 } })).status, 201);
    await Promise.all(clients.map((client) => client.next()));
    t.comment(`all 200 received a change after ${(performance.now() - started).toFixed(1)} ms`);
  });

  await t.test('clients that do not read take no memory and receive a gap', async (t) => {
    const table = newFeed(t, { maxKeyBytes: 255 });
    const count = tries(3, 10);
    const reader = await ChangesClient.open(t, port, CHANGES);
    const stalled = await Promise.all(
      Array.from({ length: count }, () => ChangesClient.open(t, port, CHANGES, { paused: true })),
    );
    // About 1.6 kB each as JSON: 24 MB for every client, part of which is in the kernel's buffers.
    const key = '\u0001'.repeat(255);
    const [chunks, chunk] = [15, 1000];
    let before = 0;
    for (let i = 0; i < chunks; i++) {
      for (let n = 0; n < chunk; n++) table.set(key, { n });
      const events = await reader.take(chunk);
      if (events.some(({ data }) => data.type === 'gap')) t.fail('the reader must keep up');
      if (i === 0) before = residentBytes(service.workers);
    }
    const grown = residentBytes(service.workers) - before;
    const unread = count * chunks * chunk * 1600;
    t.ok(grown < unread / 2, `${(grown / 1e6).toFixed(1)} MB more, with ${unread / 1e6} MB unread`);
    const last = chunks * chunk;
    for (const client of stalled) {
      client.resume();
      let position = 0;
      let gaps = 0;
      let wrong = 0;
      while (position < last) {
        const event = await client.next();
        if (event === undefined) break;
        const { type, sequence } = event.data;
        if (type === 'gap') gaps++;
        else if (sequence !== position + 1) wrong++;
        position = sequence;
      }
      t.same({ position, wrong }, { position: last, wrong: 0 }, 'a gap covers every missing change');
      t.ok(gaps > 0, `${gaps} gaps`);
    }
  });

  await t.test("a killed process's committed change is sent", async (t) => {
    const table = newFeed(t);
    process.env.SHMTABLE_NAMESPACE = service.namespace;
    t.teardown(() => {
      delete process.env.SHMTABLE_NAMESPACE;
    });
    const clients = await Promise.all(Array.from({ length: 4 }, () => ChangesClient.open(t, port, CHANGES)));
    for (let kill = 0; kill < tries(2, 5); kill++) {
      const writer = Child.start(t, 'changes-killed-writer', table.name, `k${kill}`);
      t.equal(await writer.ended, 'SIGKILL');
      for (const client of clients) {
        t.match(await client.next(), { event: 'insert', data: { key: `k${kill}` } });
      }
    }
  });

  await t.test('no change is missing or repeated when workers are killed under load', async (t) => {
    const table = newFeed(t);
    const client = new ResumingClient(t, port, CHANGES);
    await client.start();
    let going = true;
    let written = 0;
    const write = async (key: string): Promise<void> => {
      for (let n = 0; going; n++) {
        const path = `/v1/tables/feed/rows/${key}`;
        const answer = await answerTo(send(port, 'PUT', path, { json: { n } }));
        if (answer !== undefined) written++;
      }
    };
    const keys = ['a', 'b', 'c', 'd'];
    const writers = keys.map(write);
    let killed = service.log.length;
    for (let kill = 0; kill < tries(1, 3); kill++) {
      const victim = await servingWorker(port);
      const until = written + 30;
      await eventually('they write', () => written >= until);
      process.kill(victim, 'SIGKILL');
      await service.logged(({ msg }) => msg === 'worker replaced', killed);
      killed = service.log.length;
    }
    going = false;
    await Promise.all(writers);
    await eventually('the last change has arrived', () =>
      keys.every((key) => {
        const last = client.events.findLast(({ data }) => data.type !== 'gap' && data.key === key)?.data;
        return last !== undefined && last.type !== 'gap' && last.revision === table.entry(key)?.revision;
      }),
    );
    const sequences = client.events.map(({ data }) => data.sequence);
    t.same(sequences, numbersTo(sequences.length), `${sequences.length} changes, without loss or repetition`);
    const { inserts, updates } = table.stats();
    t.equal(sequences.length, inserts + updates, 'as many as there were commits');
  });

  await t.test('draining workers end their streams, and clients miss nothing', async (t) => {
    const table = newFeed(t);
    const clients = Array.from({ length: 8 }, () => new ResumingClient(t, port, CHANGES));
    for (const client of clients) await client.start();
    const stalled = await ChangesClient.open(t, port, CHANGES, { paused: true });
    const cutOff = await ChangesClient.open(t, port, CHANGES);
    let n = 0;
    const writing = setInterval(() => {
      table.set(`${n % 100}`, { n: ++n });
    }, 5);
    t.teardown(() => clearInterval(writing));
    const { workers } = service;
    service.signal('SIGHUP');
    await service.logged(({ msg }) => msg === 'workers replaced');
    clearInterval(writing);
    table.set('last', {});
    const last = n + 1;
    await eventually('all clients have received the last change', () =>
      clients.every(({ events }) => events.at(-1)?.data.sequence === last),
    );
    for (const client of clients) {
      const sequences = client.events.map(({ data }) => data.sequence);
      t.same(sequences, numbersTo(last), `${last} changes, without loss, repetition or gap`);
      t.ok(client.workers.length > 1, `at workers ${client.workers}`);
      t.notOk(workers.includes(client.workers.at(-1) ?? 0), 'at the end a new worker');
      client.stop();
    }
    t.equal(await cutOff.ended, true, 'a stream ends properly');
    stalled.resume();
    await stalled.ended;
    t.notOk(service.log.some(isKill), 'a stream that is not read does not delay its worker either');
  });

  await t.test('SIGTERM ends the streams', async (t) => {
    newFeed(t);
    const clients = await Promise.all(Array.from({ length: 10 }, () => ChangesClient.open(t, port, CHANGES)));
    service.signal('SIGTERM');
    for (const client of clients) t.equal(await client.ended, true, 'in order');
    t.equal(await service.ended, 0);
    t.notOk(service.log.some(isKill), 'no worker had to be killed');
  });
});

/** The response of a worker; undefined if it was killed meanwhile. */
function answerTo(answer: Promise<HttpAnswer>): Promise<HttpAnswer | undefined> {
  return within(1000, 'a response', answer).catch(() => undefined);
}

/** A worker that responds. */
async function servingWorker(port: number): Promise<number> {
  for (;;) {
    const answer = await answerTo(send(port, 'GET', '/healthz'));
    if (answer !== undefined) return Number(answer.headers['shm-worker']);
  }
}

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
