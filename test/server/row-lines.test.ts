/** Rows as newline-delimited JSON: all of them in one response, and any number of them in one request. */
import { once } from 'node:events';
import { type ClientRequest, get, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { isProblem, startApp } from '../fixtures/server-app.js';

const ROWS = '/v1/tables/t/rows';
const LINES = { 'content-type': 'application/x-ndjson' };
const WANTED = { accept: 'application/x-ndjson' };

/** A request whose body is sent in pieces. */
function upload(port: number, path = ROWS): ClientRequest {
  return request({ host: '127.0.0.1', port, method: 'POST', path, headers: LINES });
}

async function answerOf(sent: ClientRequest): Promise<unknown> {
  const [response] = await once(sent, 'response');
  return json(response);
}

t.test('rows in lines', { timeout: 60_000 }, async (t) => {
  const { send, table, port } = await startApp(t);

  await t.test('lines that were read can be written', async (t) => {
    table.set('a', { i8: 1, big: 2n, text: '\u2028"' }).set('b', { f64: Number.NaN }, { ttl: 60_000 }).set('other', {});
    const { status, headers, text } = await send('GET', ROWS, { headers: WANTED });
    t.match([status, headers['content-type'], headers.vary], [200, 'application/x-ndjson', 'Accept']);
    const lines = text.trimEnd().split('\n');
    t.match(
      lines.map((line) => JSON.parse(line)).sort((a, b) => (a.key < b.key ? -1 : 1)),
      [
        { key: 'a', row: { i8: 1, big: '2', text: '\u2028"' }, expiresAt: null },
        { key: 'b', row: { f64: 'NaN' }, expiresAt: Number },
        { key: 'other', row: {}, expiresAt: null },
      ],
    );
    const before = [...table.entries()];
    table.clear();
    t.same((await send('POST', ROWS, { headers: LINES, body: text })).json, { written: 3, failed: [] });
    t.same([...table.entries()].sort(), before.sort());
    t.ok((table.ttl('b') ?? 0) <= 60_000, 'with its expiry');
  });

  await t.test('prefix and columns select, cursor and limit are for pages', async (t) => {
    const { text } = await send('GET', `${ROWS}?prefix=a&columns=i8`, { headers: WANTED });
    t.equal(text, '{"key":"a","row":{"i8":1},"expiresAt":null}\n');
    for (const query of ['limit=1', 'cursor=x']) {
      isProblem(t, await send('GET', `${ROWS}?${query}`, { headers: WANTED }), 400, 'ERR_ARGUMENT', query);
    }
    const unknown = await send('GET', `${ROWS}?columns=no`, { headers: WANTED });
    isProblem(t, unknown, 422, 'ERR_COLUMN_UNKNOWN', 'an unknown column');
    isProblem(t, await send('GET', '/v1/tables/no/rows', { headers: WANTED }), 404, 'ERR_TABLE_NOT_FOUND', 'no table');
    const head = await send('HEAD', ROWS, { headers: WANTED });
    const { headers } = await send('GET', ROWS, { headers: WANTED });
    t.same([head.status, head.headers['content-type'], head.text], [200, headers['content-type'], '']);
  });

  await t.test('lines are sent only if the client prefers them', async (t) => {
    const answers: [string, string][] = [
      ['*/*', 'application/json'],
      ['application/json', 'application/json'],
      ['application/json, application/x-ndjson', 'application/json'],
      ['application/x-ndjson;q=0.5, application/json', 'application/json'],
      ['application/x-ndjson;q=0', 'application/json'],
      ['text/plain, application/x-ndjson; q=0.9, */*', 'application/x-ndjson'],
      ['Application/X-NDJSON, application/json;q=0.1', 'application/x-ndjson'],
    ];
    for (const [accept, type] of answers) {
      const { headers } = await send('GET', ROWS, { headers: { accept } });
      t.match(headers['content-type'], type, accept);
      t.equal(headers.vary, 'Accept');
    }
  });

  await t.test('a line that fails does not stop the others', async (t) => {
    table.clear();
    const lines = [
      '{"key":"first","row":{"i8":1},"revision":7}\r',
      '',
      '{"key":"k","row":{"i8":1}',
      '[]',
      '{"key":"k","row":{"nope":1}}',
      '{"key":"k","row":{"i8":1000}}',
      '{"key":"","row":{}}',
      '{"key":"k"}',
      '{"key":"k","row":{},"ttl":5}',
      '{"key":"k","row":{},"expiresAt":"soon"}',
      '{"key":"past","row":{},"expiresAt":5}',
      `{"key":"k","row":{}}${' '.repeat(20_000)}x`,
      `{"key":"k","row":{"text":"${'x'.repeat(1_100_000)}"}}`,
      `{"key":"k","row":{${'"a":0,'.repeat(5000)}"i8":1}}`,
      '{"key":"last","row":{"i8":2}}',
    ];
    const { status, json } = await send('POST', ROWS, { headers: LINES, body: lines.join('\n') });
    t.equal(status, 200);
    t.same([json.written, json.expired, json.failures], [2, 1, undefined]);
    t.same(
      json.failed.map(({ line, problem }: { line: number; problem: { code: string } }) => [line, problem.code]),
      [
        [3, 'ERR_BODY_MALFORMED'],
        [4, 'ERR_BODY_MALFORMED'],
        [5, 'ERR_COLUMN_UNKNOWN'],
        [6, 'ERR_VALUE_RANGE'],
        [7, 'ERR_KEY_INVALID'],
        [8, 'ERR_BODY_MALFORMED'],
        [9, 'ERR_BODY_MALFORMED'],
        [10, 'ERR_BODY_MALFORMED'],
        [12, 'ERR_BODY_MALFORMED'],
        [13, 'ERR_BODY_TOO_LARGE'],
        [14, 'ERR_BODY_MALFORMED'],
      ],
    );
    t.same([...table.keys()].sort(), ['first', 'last']);
  });

  await t.test('the first of many failures are listed, and all are counted', async (t) => {
    table.clear();
    const lines = Array.from({ length: 1500 }, (_, i) => `{"key":"k${i}","row":{}}`);
    const { json } = await send('POST', ROWS, { headers: LINES, body: lines.join('\n') });
    t.match([json.written, json.failed.length, json.failures], [100, 1000, 1400]);
    t.match(json.failed[0], { line: 101, problem: { status: 507, code: 'ERR_TABLE_FULL' } });
  });

  await t.test('rows are written before the next ones have been sent, and remain if those never are', async (t) => {
    table.clear();
    const sent = upload(port);
    sent.on('error', () => undefined);
    sent.write('{"key":"a","row":{}}\n{"key":"b","row":{}}\n{"key":"c","ro');
    while (!table.has('b')) await nextTurn();
    sent.destroy();
    await new Promise((resolve) => sent.once('close', resolve));
    const { json } = await send('POST', ROWS, { headers: LINES, body: '{"key":"d","row":{}}' });
    t.equal(json.written, 1, 'the service serves others');
    t.same([...table.keys()].sort(), ['a', 'b', 'd']);
  });

  await t.test('a request may take longer than others', async (t) => {
    const slow = await startApp(t, { limits: { requestTimeoutMs: 300 } });
    const sent = upload(slow.port);
    sent.write('{"key":"slow","row":{}}\n');
    const more = setInterval(() => sent.write('\n'), 20);
    while (!slow.table.has('slow')) await nextTurn();
    // Meanwhile others are disconnected because they are too slow.
    for (let i = 0; i < 3; i++) t.match(await slow.sendRaw('GET /'), /did not arrive in time/);
    clearInterval(more);
    sent.end('{"key":"slower","row":{}}\n');
    t.same(await answerOf(sent), { written: 2, failed: [] });
  });

  await t.test('the media type of lines is accepted only by the routes for lines', async (t) => {
    const wrong = await send('POST', ROWS, { json: [] });
    isProblem(t, wrong, 415, 'ERR_MEDIA_TYPE', 'JSON instead of lines');
    const line = { headers: LINES, body: '{}' };
    isProblem(t, await send('PUT', `${ROWS}/k`, line), 415, 'ERR_MEDIA_TYPE', 'lines instead of a row');
    const packed = { ...line, headers: { ...LINES, 'content-encoding': 'gzip' } };
    isProblem(t, await send('POST', ROWS, packed), 415, 'ERR_MEDIA_TYPE', 'compressed lines');
    t.same((await send('POST', ROWS, { headers: LINES })).json, { written: 0, failed: [] }, 'no lines');
    const sent = upload(port, '/v1/tables/none/rows');
    sent.on('error', () => undefined);
    sent.write('{');
    t.match(await answerOf(sent), { code: 'ERR_TABLE_NOT_FOUND' }, 'a missing table, before the body');
  });
});

t.test('many lines', { timeout: 60_000 }, async (t) => {
  const app = await startApp(t);
  const columns = { data: 'bytes(400000)' } as const;
  t.equal((await app.send('PUT', '/v1/tables/wide', { json: { capacity: 100, columns } })).status, 201);
  const wide = Table.open('wide', { namespace: app.namespace, columns });
  t.teardown(() => wide.close());

  await t.test('the service does not keep rows in memory that a slow client has not read', async (t) => {
    for (let i = 0; i < 100; i++) wide.set(`k${i}`, { data: new Uint8Array(400_000) });
    const sent = get({ host: '127.0.0.1', port: app.port, path: '/v1/tables/wide/rows', headers: WANTED });
    const [response] = await once(sent, 'response');
    // In this time it would have read all rows.
    for (let i = 0; i < 100; i++) await app.send('GET', '/healthz');
    wide.clear();
    let bytes = 0;
    for await (const chunk of response) bytes += chunk.length;
    t.ok(bytes < 30_000_000, `${bytes} bytes of 53 MB`);
  });

  await t.test('both directions yield', async (t) => {
    const json = { capacity: 20_000, columns: { n: 'int32' } };
    t.equal((await app.send('PUT', '/v1/tables/many', { json })).status, 201);
    const many = Table.open('many', { namespace: app.namespace });
    t.teardown(() => many.close());
    const body = Array.from({ length: 20_000 }, (_, i) => `{"key":"${i}","row":{"n":${i}}}`).join('\n');
    let looks = 0;
    const loading = app.send('POST', '/v1/tables/many/rows', { headers: LINES, body });
    while (many.size < 20_000) {
      await nextTurn();
      if (many.size > 0 && many.size < 20_000) looks++;
    }
    t.equal((await loading).json.written, 20_000);
    t.ok(looks >= 2, `other work ran ${looks} times meanwhile`);
    const { text } = await app.send('GET', '/v1/tables/many/rows', { headers: WANTED });
    t.equal(new Set(text.trimEnd().split('\n')).size, 20_000, 'each row once');
  });
});
