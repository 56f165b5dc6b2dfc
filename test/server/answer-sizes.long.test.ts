/** Responses are bounded, whatever is requested: pages end early, and later operations of a batch are not executed. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { startApp } from '../fixtures/server-app.js';

const MIB = 1024 * 1024;

async function startWide(t: Parameters<typeof startApp>[0], rows: number, columns = { text: 'string(65535)' }) {
  const app = await startApp(t);
  t.equal((await app.send('PUT', '/v1/tables/wide', { json: { capacity: 200, columns } })).status, 201);
  const table = Table.open('wide', { namespace: app.namespace });
  t.teardown(() => table.close());
  const [[name, type]] = Object.entries(columns);
  const bytes = Number(/\d+/.exec(type)?.[0]);
  const value = type.startsWith('bytes') ? new Uint8Array(bytes).fill(7) : 'x'.repeat(bytes);
  for (let row = 0; row < rows; row++) table.set(`k${row}`, { [name]: value });
  return { app, table };
}

t.test('a page ends early, and the pages have every row once', async (t) => {
  const { app } = await startWide(t, 200);
  const found: string[] = [];
  let pages = 0;
  for (let query = ''; ; ) {
    const { status, text, json } = await app.send('GET', `/v1/tables/wide/rows?limit=1000${query}`);
    t.equal(status, 200);
    t.ok(text.length < 8 * MIB + 80_000, `${text.length} bytes`);
    pages++;
    for (const { key, row } of json.rows) {
      found.push(key);
      if (row.text.length !== 65_535) t.fail(`row ${key} has ${row.text.length} bytes`);
    }
    if (json.cursor === null) break;
    query = `&cursor=${encodeURIComponent(json.cursor)}`;
  }
  t.ok(pages >= 2, `${pages} pages of 13 MB`);
  t.same(found.sort(), Array.from({ length: 200 }, (_, i) => `k${i}`).sort());
});

t.test('a page has only a few rows of megabytes', async (t) => {
  const { app } = await startWide(t, 20, { data: 'bytes(4194304)' } as never);
  const { status, json } = await app.send('GET', '/v1/tables/wide/rows');
  t.equal(status, 200);
  t.ok(json.rows.length === 1 || json.rows.length === 2, `${json.rows.length} rows`);
  t.type(json.cursor, 'string');
  const narrow = await app.send('GET', '/v1/tables/wide/rows?prefix=none');
  t.same(narrow.json, { rows: [], cursor: null }, 'a prefix that no key has');
});

t.test('after the limit, further operations of a batch are not executed', async (t) => {
  const { app, table } = await startWide(t, 1);
  const gets = Array.from({ length: 8000 }, () => ({ op: 'get', key: 'k0' }));
  const operations = [{ op: 'set', key: 'first', row: {} }, ...gets, { op: 'set', key: 'last', row: {} }];
  const { status, text, json } = await app.send('POST', '/v1/tables/wide/batch', { json: operations });
  t.equal(status, 200);
  t.ok(text.length < 12 * MIB, `${text.length} bytes`);
  t.equal(json.results.length, operations.length, 'every operation has a result');
  t.match(json.results[0], { status: 201, key: 'first' });
  const good = json.results.filter((result: { status: number }) => result.status === 200).length;
  t.equal(good, Math.ceil((8 * MIB) / 65_590), 'rows in the response');
  t.match(json.results.at(-1), { status: 413, key: 'last', problem: { code: 'ERR_ANSWER_TOO_LARGE', status: 413 } });
  t.same([table.has('first'), table.has('last')], [true, false], 'exactly the reported operations were executed');
});

t.test('limits.answerBytes sets the limit', async (t) => {
  const app = await startApp(t, { limits: { answerBytes: 1000 } });
  for (let row = 0; row < 100; row++) app.table.set(`k${row}`, {});
  const { json } = await app.send('GET', '/v1/tables/t/rows?columns=i8');
  t.ok(json.rows.length < 100 && json.cursor !== null, `${json.rows.length} rows`);
  const gets = Array.from({ length: 50 }, () => ({ op: 'get', key: 'k0' }));
  const batch = await app.send('POST', '/v1/tables/t/batch', { json: gets });
  t.match([batch.json.results[0].status, batch.json.results[49].status], [200, 413]);
});

t.test('of a batch whose client disconnects without reading, the rest is not executed', async (t) => {
  const { app, table } = await startWide(t, 100);
  const socket = connect(app.port, '127.0.0.1').pause();
  t.teardown(() => socket.destroy());
  // Almost 8 MiB of results: more than the buffers of both ends hold.
  const gets = Array.from({ length: 120 }, (_, i) => ({ op: 'get', key: `k${i % 100}` }));
  const body = JSON.stringify([{ op: 'set', key: 'first', row: {} }, ...gets, { op: 'set', key: 'end', row: {} }]);
  const head = 'POST /v1/tables/wide/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  while (!table.has('first')) await nextTurn();
  // The client disconnects without having read anything.
  socket.destroy();
  const counted = /^shmtable_http_requests_total\{.*batch.*\} 1$/m;
  while (!counted.test((await app.send('GET', '/metrics')).text)) await nextTurn();
  // As many operations of another client, which are all executed meanwhile.
  const other = await app.send('POST', '/v1/tables/wide/batch', {
    json: [...gets, { op: 'set', key: 'other', row: {} }],
  });
  t.equal(other.json.results.at(-1).status, 201);
  t.notOk(table.has('end'), 'the operation after those whose results nobody reads');
});

t.test('many long requests share one turn of the event loop', { timeout: 60_000 }, async (t) => {
  const app = await startApp(t);
  const json = { capacity: 200_000, columns: { n: 'int32' } };
  t.equal((await app.send('PUT', '/v1/tables/large', { json })).status, 201);
  const table = Table.open('large', { namespace: app.namespace });
  t.teardown(() => table.close());
  for (let n = 0; n < 200_000; n++) table.set(`${n}`, { n });
  const sockets = Array.from({ length: 60 }, () => connect(app.port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  // All at the same time, so that all of them begin in the same turn of the event loop.
  const request = 'GET /v1/tables/large/rows?prefix=none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  for (const socket of sockets) socket.write(request);
  const scans = sockets.map((socket) => text(socket));
  let longest = 0;
  let isOver = false;
  const all = Promise.all(scans).then((answers) => {
    isOver = true;
    return answers;
  });
  for (let before = process.cpuUsage(); !isOver; before = process.cpuUsage()) {
    await nextTurn();
    const { user, system } = process.cpuUsage(before);
    longest = Math.max(longest, (user + system) / 1000);
  }
  for (const answer of await all) if (!answer.startsWith('HTTP/1.1 200 ')) t.fail(answer);
  t.ok(longest < 150, `${Math.round(longest)} ms of processor time between two turns`);
});

t.test('of many requests sent at once, one has its rows in memory', async (t) => {
  const { app, table } = await startWide(t, 100);
  const REQUESTS = 30;
  const get = 'GET /v1/tables/wide/rows?limit=1000 HTTP/1.1\r\nHost: localhost\r\n';
  const socket = connect(app.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write(`${`${get}\r\n`.repeat(REQUESTS - 1)}${get}Connection: close\r\n\r\n`);
  await once(socket, 'readable');
  // The client has read nothing yet. In this time the service would have read the rows of all requests.
  for (let i = 0; i < 100; i++) await app.send('GET', '/healthz');
  table.clear();
  let bytes = 0;
  let responses = 0;
  for await (const chunk of socket) {
    bytes += chunk.length;
    responses += String(chunk).split('HTTP/1.1 200').length - 1;
  }
  t.ok(bytes < 9 * MIB, `${bytes} bytes of ${REQUESTS} responses of 8 MiB`);
  t.ok(responses > REQUESTS / 2, `${responses} responses`);
});
