import { on } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { buildApp } from '../../src/server/app.js';
import { withDefaults } from '../../src/server/settings/settings-schema.js';
import { isProblem, startApp } from '../fixtures/server-app.js';

/** The problem document in the text of a response. */
function problemOf(raw: string): unknown {
  const end = raw.indexOf('\r\n\r\n');
  return /content-type: application\/problem\+json/i.test(raw.slice(0, end)) && JSON.parse(raw.slice(end + 4));
}

t.test('requests that the HTTP parser rejects get problem documents', async (t) => {
  const { sendRaw } = await startApp(t);
  const refused: [string, string][] = [
    ['nonsense\r\n\r\n', 'nonsense'],
    ['GET /v1/tables HTTP/1.1\r\nHost: localhost\r\nbad header\r\n\r\n', 'an invalid header'],
    ['GET /v1/tables HTTP/9.9\r\nHost: localhost\r\n\r\n', 'another version'],
    [`GET /v1/tables HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, 'headers that are too large'],
    [`GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 'a path that is too long'],
    ['PUT /v1/tables/t HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n', 'an invalid length'],
    [
      'PUT /v1/tables/t HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nzz\r\n',
      'an invalid chunk',
    ],
    ['GET /v1/tables HTTP/1.1\r\nConnection: close\r\n\r\n', 'no Host'],
    ['GET /v1/tables HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n', 'two Hosts'],
    ['GET /v1/tables HTTP/1.1\r\nHost: localhost\r\nExpect: more\r\n\r\n', 'an unknown expectation'],
  ];
  for (const [bytes, what] of refused) {
    const answer = await sendRaw(bytes);
    t.match(answer, /^HTTP\/1.1 (400|431) /, what);
    const document = problemOf(answer);
    const [head] = answer.split('\r\n\r\n');
    for (const header of ['x-request-id: ', `shm-worker: ${process.pid}`, 'x-content-type-options: nosniff']) {
      t.match(head.toLowerCase(), `\r\n${header}`, `has ${header}`);
    }
    t.match(head.toLowerCase(), "\r\ncontent-security-policy: default-src 'none'");
    if (what.endsWith('too large') || what.endsWith('too long')) {
      t.match(document, { status: 431, code: 'ERR_HEADERS_TOO_LARGE' }, 'is a problem document');
    } else t.match(document, { status: 400, code: /^ERR_(ARGUMENT|BODY_MALFORMED)$/ }, 'is a problem document');
  }
});

t.test('no body makes a request to an unknown path, or with an unsupported method, invalid', async (t) => {
  const { send } = await startApp(t);
  const types: [string, string][] = [
    ['application/json', ''],
    ['application/json', '{'],
    ['application/x-ndjson', 'x'],
    ['text/plain', 'x'],
    ['nonsense', 'x'],
    ['application/json; charset', '{}'],
    ['', 'x'],
  ];
  for (const [type, body] of types) {
    const options = { headers: { 'content-type': type, 'content-length': `${body.length}` }, body };
    for (const method of ['POST', 'DELETE']) {
      for (const path of ['/none', '/v1/none']) {
        isProblem(t, await send(method, path, options), 404, 'ERR_ROUTE_NOT_FOUND', `${method} ${path} ${type}`);
      }
      for (const path of ['/metrics', '/docs', '/openapi.json', '/v1/tables']) {
        isProblem(t, await send(method, path, options), 405, 'ERR_METHOD_NOT_ALLOWED', `${method} ${path} ${type}`);
      }
    }
  }
});

t.test('only loopback names are accepted as Host', async (t) => {
  const { port, send } = await startApp(t);
  for (const host of [`127.0.0.1:${port}`, '127.0.0.1', `localhost:${port}`, 'LOCALHOST', '[::1]', `[::1]:${port}`]) {
    t.equal((await send('GET', '/v1/tables', { headers: { host } })).status, 200, host);
  }
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '[::2]',
    'localhost:x',
  ]) {
    for (const path of ['/v1/tables', '/healthz', '/docs', '/openapi.json', '/nowhere']) {
      isProblem(t, await send('GET', path, { headers: { host } }), 403, 'ERR_FORBIDDEN', `${host} ${path}`);
    }
  }
});

t.test('/docs serves its own files and no others', async (t) => {
  const { send } = await startApp(t);
  for (const path of [
    '/docs/static/none.js',
    '/docs/static/..%2f..%2fpackage.json',
    '/docs/static/%2e%2e',
    '/docs/static/..',
    '/docs/static/a%00',
  ]) {
    isProblem(t, await send('GET', path), 404, 'ERR_ROUTE_NOT_FOUND', path);
  }
  t.equal((await send('GET', '/docs/static/index.css')).status, 200);
});

t.test('/healthz and /readyz report the state of the worker', async (t) => {
  const { send } = await startApp(t);
  for (const path of ['/healthz', '/readyz']) {
    const answer = await send('GET', path);
    t.match(answer, { status: 200, json: { status: String }, headers: { 'shm-worker': String(process.pid) } }, path);
  }
  const silent = await startApp(t, { workerHeader: false });
  t.notOk('shm-worker' in (await silent.send('GET', '/healthz')).headers, 'with workerHeader: false');
});

t.test('the details of an internal error are not shown', async (t) => {
  const app = await buildApp(withDefaults({ logLevel: 'silent' }));
  t.teardown(() => app.close());
  app.get('/broken', { config: { scope: 'none' } }, async () => {
    throw new Error('cannot read /secret/path');
  });
  const answer = await app.inject({ url: '/broken', headers: { host: 'localhost' } });
  t.match(answer, { statusCode: 500, headers: { 'content-type': 'application/problem+json' } });
  t.match(answer.json(), { status: 500, code: 'ERR_INTERNAL' });
  t.notMatch(answer.body, /secret|Error:|\.[jt]s/, 'not shown to clients');
});

t.test('a body over the limit is rejected before it is sent', async (t) => {
  const { send, sendRaw, table } = await startApp(t);
  const text = 'x'.repeat(16 * 1024 * 1024);
  isProblem(t, await send('PUT', '/v1/tables/t/rows/k', { json: { text } }), 413, 'ERR_BODY_TOO_LARGE', 'of 16 MiB');
  const announced = 'PUT /v1/tables/t/rows/k HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  const refused = await sendRaw(`${announced}Connection: close\r\nContent-Length: 99999999\r\n\r\n{`);
  t.match(problemOf(refused), { status: 413, code: 'ERR_BODY_TOO_LARGE' }, 'when its length is announced');
  t.equal(table.size, 0);
});

t.test('a condition after thousands of headers is honoured', async (t) => {
  const { sendRaw, table } = await startApp(t);
  table.set('k', {});
  const many = Array.from({ length: 5000 }, (_, i) => `${i % 10}:\r\n`).join('');
  const head = 'DELETE /v1/tables/t/rows/k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n';
  const answer = await sendRaw(`${head}${many}If-Match: "1"\r\n\r\n`);
  t.match(problemOf(answer), { status: 412, code: 'ERR_PRECONDITION_FAILED' }, 'the condition is the last header');
  t.ok(table.has('k'));
});

t.test('a request before invalid bytes on a connection gets its response first', async (t) => {
  const { sendRaw, table } = await startApp(t);
  for (let i = 0; i < 20; i++) {
    const body = '{"i8":5}';
    const answer = await sendRaw(
      `PUT /v1/tables/t/rows/k${i} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}garbage`,
    );
    t.match(answer, /^HTTP\/1\.1 201 /, 'the write that was executed');
    t.match(answer, /HTTP\/1\.1 400 /, 'then the invalid bytes');
  }
  t.equal(table.size, 20);
});

/** The statuses of the responses in the text that was received. */
function statuses(raw: string): string {
  return Array.from(raw.matchAll(/HTTP\/1\.1 (\d+) /g), ([, status]) => status).join(' ');
}

t.test('all requests sent at once get their responses before the error for invalid bytes that follow', async (t) => {
  const { sendRaw, table } = await startApp(t);
  const get = 'GET /v1/tables HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const json = 'HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  const put = (key: number) => `PUT /v1/tables/t/rows/k${key} ${json}Content-Length: 8\r\n\r\n{"i8":5}`;
  const puts = Array.from({ length: 10 }, (_, key) => put(key)).join('');
  const badChunk = `PUT /v1/tables/t/rows/x ${json}Transfer-Encoding: chunked\r\n\r\nzz\r\n`;
  t.equal(statuses(await sendRaw(`${get.repeat(10)}garbage\r\n\r\n`)), `${'200 '.repeat(10)}400`, 'reads');
  t.equal(statuses(await sendRaw(`${puts}garbage\r\n\r\n`)), `${'201 '.repeat(10)}400`, 'writes');
  t.equal(statuses(await sendRaw(`${get.repeat(10)}${badChunk}`)), `${'200 '.repeat(10)}400`, 'an invalid chunk');
  t.equal(table.size, 10);
});

t.test('invalid bytes after the request of a stream are not read while it lasts, and do not disturb it', async (t) => {
  const { port, table } = await startApp(t, {}, { changes: 65_536 });
  const warnings: string[] = [];
  const warned = ({ name }: Error) => warnings.push(name);
  process.on('warning', warned);
  t.teardown(() => process.off('warning', warned));
  const client = connect({ host: '127.0.0.1', port });
  t.teardown(() => client.destroy());
  const raw = on(client.setEncoding('utf8'), 'data');
  client.write('GET /v1/tables/t/changes HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until(raw, /^HTTP\/1\.1 200 /);
  // More than the buffers of both sockets hold, so that it reaches the service piece by piece.
  let sent = 0;
  while (sent < 256 && client.write(Buffer.alloc(65_536, 'A'))) sent++;
  for (let row = 0; row < 20; row++) {
    table.set(`k${row}`, {});
    await until(raw, new RegExp(`"key":"k${row}"`));
  }
  t.ok(client.writableLength > 0, 'the bytes are still with the client');
  t.same(warnings, []);
});

/** Reads from a connection until the text received since the last call matches. */
async function until(pieces: AsyncIterator<string[]>, pattern: RegExp): Promise<void> {
  for (let text = ''; !pattern.test(text); ) {
    const piece = await pieces.next();
    if (piece.done === true) throw new Error(`the connection ended before ${pattern}: ${text}`);
    text += piece.value[0];
  }
}

t.test('a parameter that is repeated very often takes time in proportion to the size of the request', async (t) => {
  const { send } = await startApp(t);
  const spent = async (names: number) => {
    const before = process.cpuUsage();
    isProblem(t, await send('GET', `/v1/tables?${'a&'.repeat(names)}`), 400, 'ERR_ARGUMENT', `${names} names`);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  await spent(1000);
  // In quadratic time, the longer one would take some seconds.
  t.ok((await spent(7500)) < 500_000, 'at most half a second of processor time');
});
