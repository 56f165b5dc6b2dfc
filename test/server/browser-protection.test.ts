import t from 'tap';
import { bearer, SECRETS, TOKENS } from '../fixtures/access-tokens.js';
import { isProblem, startApp } from '../fixtures/server-app.js';

const PROTECTIVE = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
};
const OF_PAGES = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};
const ORIGIN = 'https://app.example';
const PREFLIGHT = {
  'access-control-request-method': 'PUT',
  'access-control-request-headers': 'authorization,if-match',
};

t.test('every response has headers that protect browsers', async (t) => {
  const { send } = await startApp(t, { tokens: TOKENS });
  const admin = bearer(SECRETS.admin);
  for (const [method, path, headers] of [
    ['GET', '/v1/tables', admin],
    ['GET', '/v1/tables', {}],
    ['GET', '/v1/tables/none', admin],
    ['DELETE', '/v1/tables', admin],
    ['GET', '/nowhere', {}],
    ['GET', '/healthz', {}],
    ['GET', '/openapi.json', {}],
  ] as const) {
    const answer = await send(method, path, { headers });
    t.match(answer.headers, PROTECTIVE, `${method} ${path}: ${answer.status}`);
    t.equal(answer.headers['strict-transport-security'], undefined, 'no HSTS without TLS');
    t.type(answer.headers['x-request-id'], 'string');
  }
  const page = await send('GET', '/docs/static/index.html');
  t.match(
    page.headers['content-security-policy'],
    /script-src 'self'; style-src 'self' 'unsafe-inline'/,
    'the docs have their own policy',
  );
  t.match(page.headers, OF_PAGES, 'and everything else that a page needs');
  t.match((await send('GET', '/v1/tables', { headers: { expect: 'more' } })).headers, PROTECTIVE, 'refused by Node');
});

t.test('without cors, pages of other origins may not send requests', async (t) => {
  const { send } = await startApp(t);
  const headers = { origin: ORIGIN };
  t.equal((await send('GET', '/v1/tables', { headers })).headers['access-control-allow-origin'], undefined);
  const preflight = await send('OPTIONS', '/v1/tables/t/rows/k', { headers: { ...headers, ...PREFLIGHT } });
  isProblem(t, preflight, 405, 'ERR_METHOD_NOT_ALLOWED', 'a preflight request');
});

t.test('pages of the origins in cors may send requests', async (t) => {
  const { send } = await startApp(t, { tokens: TOKENS, cors: { origin: [ORIGIN, 'http://localhost:5173'] } });
  for (const origin of [ORIGIN, 'http://localhost:5173']) {
    const preflight = await send('OPTIONS', '/v1/tables/t/rows/k', { headers: { origin, ...PREFLIGHT } });
    t.match(
      preflight,
      {
        status: 204,
        headers: {
          ...PROTECTIVE,
          'access-control-allow-origin': origin,
          'access-control-allow-methods': /\bPUT\b.*\bPATCH\b.*\bDELETE\b/,
          'access-control-allow-headers': 'authorization,if-match',
          vary: /Origin/,
        },
      },
      'a preflight request needs no token',
    );
    const headers = { origin, ...bearer(SECRETS.write) };
    const put = await send('PUT', '/v1/tables/t/rows/k', { json: {}, headers });
    t.match(put.headers, { 'access-control-allow-origin': origin, 'access-control-expose-headers': /ETag/ }, 'PUT');
    const refused = await send('GET', '/v1/tables', { headers: { origin } });
    isProblem(t, refused, 401, 'ERR_UNAUTHENTICATED', 'without a token');
    t.equal(refused.headers['access-control-allow-origin'], origin, 'the page may read the error');
  }
  for (const origin of ['https://evil.example', 'https://app.example.evil.example', 'http://app.example', 'null']) {
    const headers = { origin, ...PREFLIGHT };
    const preflight = await send('OPTIONS', '/v1/tables/t/rows/k', { headers });
    t.equal(preflight.headers['access-control-allow-origin'], undefined, origin);
  }
  isProblem(
    t,
    await send('OPTIONS', '/v1/tables'),
    405,
    'ERR_METHOD_NOT_ALLOWED',
    'OPTIONS without a requested method',
  );
  isProblem(t, await send('OPTIONS', '/nowhere'), 404, 'ERR_ROUTE_NOT_FOUND', 'OPTIONS of an unknown path');
  const wrong = await send('POST', '/v1/tables', { headers: bearer(SECRETS.admin) });
  isProblem(t, wrong, 405, 'ERR_METHOD_NOT_ALLOWED', 'unsupported methods are rejected as before');
  t.equal(wrong.headers.allow, 'GET, HEAD');
});

t.test('a page of an allowed origin may read a change stream', async (t) => {
  const { send } = await startApp(t, { cors: { origin: ORIGIN } });
  await send('PUT', '/v1/tables/fed', { json: { capacity: 10, changes: 65_536, columns: { n: 'int32' } } });
  const answer = await send('HEAD', '/v1/tables/fed/changes', { headers: { origin: ORIGIN } });
  t.match(answer, { status: 200, headers: { ...PROTECTIVE, 'access-control-allow-origin': ORIGIN } });
});

t.test('with cors for *, pages of every origin may send requests', async (t) => {
  const { send } = await startApp(t, { tokens: TOKENS, cors: { origin: '*' } });
  const headers = { origin: ORIGIN, ...bearer(SECRETS.read) };
  t.match(await send('GET', '/v1/tables', { headers }), {
    status: 200,
    headers: { 'access-control-allow-origin': '*' },
  });
});
