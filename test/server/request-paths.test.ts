import t from 'tap';
import { isProblem, startApp } from '../fixtures/server-app.js';

const ROWS = '/v1/tables/t/rows';
const KEYS = [
  'a/b',
  'a b',
  '%',
  '%2F',
  '?',
  '#',
  'é',
  '日本',
  '😀',
  '\u0000',
  'increment',
  '\ufeffbom',
  ';a=b',
  '+',
  "'",
];

t.test('every key has a path', async (t) => {
  const { send, table } = await startApp(t);
  const keys = [...KEYS, 'x'.repeat(255), '/'.repeat(255), 'é'.repeat(127)];
  for (const key of keys) {
    const shown = JSON.stringify(key.length > 20 ? `${key.slice(0, 3)}... of ${key.length}` : key);
    const everyByte = Buffer.from(key).toString('hex').replace(/../g, '%$&');
    const put = await send('PUT', `${ROWS}/${encodeURIComponent(key)}`, { json: { text: 'here' } });
    t.match(put, { status: 201, json: { key } }, `PUT ${shown}`);
    t.equal((await send('GET', put.headers.location ?? '')).json?.key, key, 'its Location is its path');
    t.equal((await send('GET', `${ROWS}/${everyByte}`)).json?.key, key, 'with every byte encoded');
    const base64url = Buffer.from(key).toString('base64url');
    t.equal((await send('GET', `${ROWS}/${base64url}?keyEncoding=base64url`)).json?.key, key, 'in base64url');
    t.equal(
      (await send('POST', `${ROWS}/${everyByte}/increment`, { json: { column: 'i8' } })).json?.value,
      1,
      'increment',
    );
    t.ok(table.delete(key), 'the row has this key');
  }
  t.equal(table.size, 0, 'and no other row exists');
});

t.test('the keys . and .. can be written in base64url, or by clients that do not rewrite paths', async (t) => {
  const { port, send, sendRaw, table } = await startApp(t);
  for (const key of ['.', '..']) {
    const base64url = Buffer.from(key).toString('base64url');
    const put = await fetch(`http://127.0.0.1:${port}${ROWS}/${base64url}?keyEncoding=base64url`, {
      method: 'PUT',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    t.equal(put.status, 201, 'from a client that rewrites paths');
    const location = new URL(put.headers.get('location') ?? '', put.url);
    t.equal((await fetch(location)).status, 200, 'its Location is its path');
    t.ok(table.has(key));
    t.equal(
      (await send('GET', `${ROWS}/${key}`)).json.key,
      key,
      'unencoded, from a client that does not rewrite paths',
    );
    const raw = await sendRaw(`GET ${ROWS}/${key} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    t.match(raw, /^HTTP\/1.1 200 /, 'sent as raw text');
  }
});

t.test('ill-formed keys are rejected', async (t) => {
  const { send, sendRaw } = await startApp(t);
  for (const key of [
    '%FF',
    '%C0%80',
    '%ED%A0%80',
    '%E9',
    '%',
    '%z1',
    'a%',
    '%F5%80%80%80',
    `${'%41'.repeat(400)}%FF`,
  ]) {
    for (const [method, suffix] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/increment'],
    ]) {
      const answer = await send(method, `${ROWS}/${key}${suffix}`);
      isProblem(t, answer, 400, 'ERR_KEY_INVALID', `${method} ${key.slice(-20)}${suffix}`);
    }
  }
  for (const text of ['_w', 'YQ==', 'Y', 'a+b', 'YR', '7aCA', '']) {
    const answer = await send('GET', `${ROWS}/${text}?keyEncoding=base64url`);
    isProblem(t, answer, 400, 'ERR_KEY_INVALID', `base64url ${JSON.stringify(text)}`);
  }
  isProblem(t, await send('GET', `${ROWS}/k?keyEncoding=hex`), 400, 'ERR_ARGUMENT', 'another encoding');
  isProblem(t, await send('GET', `${ROWS}/${'x'.repeat(256)}`), 400, 'ERR_KEY_INVALID', '256 bytes');
  isProblem(t, await send('GET', `${ROWS}/${'x'.repeat(9000)}`), 400, 'ERR_KEY_INVALID', '9,000 bytes');
  isProblem(t, await send('GET', `${ROWS}?prefix=%FF`), 400, 'ERR_KEY_INVALID', 'a prefix');
  isProblem(
    t,
    await send('GET', `${ROWS}?prefix=_w&keyEncoding=base64url`),
    400,
    'ERR_KEY_INVALID',
    'a prefix in base64url',
  );
  for (const target of [`${ROWS}/a#b`, `${ROWS}/\xe9`]) {
    const bytes = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`, 'latin1');
    t.match(await sendRaw(bytes), /^HTTP\/1.1 400 /, `raw ${target}`);
  }
});

t.test('paths are exact', async (t) => {
  const { send, sendRaw } = await startApp(t);
  isProblem(t, await send('GET', `${ROWS}/`), 400, 'ERR_KEY_INVALID', 'an empty key');
  isProblem(t, await send('PUT', `${ROWS}/`, { json: {} }), 400, 'ERR_KEY_INVALID', 'PUT of an empty key');
  isProblem(
    t,
    await send('POST', `${ROWS}//increment`, { json: { column: 'i8' } }),
    400,
    'ERR_KEY_INVALID',
    'increment of an empty key',
  );
  for (const path of [
    '/v1/tables/t/',
    '/v1/tables/',
    '/v1',
    '/',
    '/v1/tables/t/rows/a/b',
    `${ROWS}/k/`,
    '//v1/tables',
    '/V1/tables',
  ]) {
    isProblem(t, await send('GET', path), 404, 'ERR_ROUTE_NOT_FOUND', path);
  }
  isProblem(t, await send('GET', '/v1/tables/none'), 404, 'ERR_TABLE_NOT_FOUND', 'a table that does not exist');
  isProblem(t, await send('GET', '/v1/tables/a%20b'), 400, 'ERR_ARGUMENT', 'an invalid table name');
  t.equal((await send('GET', '/v1/t%61bles/t')).status, 200, 'a percent-encoded letter equals the letter');
  const absolute = `GET http://localhost${ROWS}?limit=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  t.match(await sendRaw(absolute), /^HTTP\/1.1 200 /, 'absolute form');
});

t.test('unsupported methods are 405 and name the supported ones', async (t) => {
  const { send } = await startApp(t);
  const paths: [string, string[]][] = [
    ['/v1/tables', ['GET', 'HEAD']],
    ['/v1/tables/t', ['DELETE', 'GET', 'HEAD', 'PATCH', 'PUT']],
    [ROWS, ['DELETE', 'GET', 'HEAD', 'POST']],
    [`${ROWS}/k`, ['DELETE', 'GET', 'HEAD', 'PATCH', 'PUT']],
    [`${ROWS}/k/increment`, ['POST']],
    ['/v1/tables/t/batch', ['POST']],
    ['/healthz', ['GET', 'HEAD']],
    ['/readyz', ['GET', 'HEAD']],
    ['/openapi.json', ['GET', 'HEAD']],
  ];
  for (const [path, allowed] of paths) {
    for (const method of ['GET', 'PUT', 'PATCH', 'POST', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'MKCOL']) {
      if (allowed.includes(method)) continue;
      const answer = await send(method, path, { headers: { 'content-type': 'text/plain' } });
      isProblem(t, answer, 405, 'ERR_METHOD_NOT_ALLOWED', `${method} ${path}`);
      t.equal(answer.headers.allow, allowed.join(', '));
    }
  }
  isProblem(t, await send('POST', `${ROWS}/k`, { json: {} }), 405, 'ERR_METHOD_NOT_ALLOWED', 'with a body');
  isProblem(
    t,
    await send('POST', '/nowhere', { body: '{' }),
    404,
    'ERR_ROUTE_NOT_FOUND',
    'an invalid body for an unknown path',
  );
});
