/** Tokens that are valid for some tables only, tokens that expire, and tokens that are revoked while they are in use. */
import { once } from 'node:events';
import { Agent, get, type IncomingMessage, request } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { AccessTokens } from '../../src/server/access/access-tokens.js';
import { checkSettings } from '../../src/server/settings/check-settings.js';
import { tokensInForce } from '../../src/server/settings/tokens-in-force.js';
import { Table } from '../../src/table/table.js';
import { bearer, tokenOf } from '../fixtures/access-tokens.js';
import { isProblem, startApp } from '../fixtures/server-app.js';

/** Long enough for a request before it ends, and short enough to wait for. */
const LIFETIME_MS = 2_000;

t.test('a token is valid for its tables only', async (t) => {
  const tokens = [
    { ...tokenOf('one', 'one', 'admin'), tables: ['t'] },
    { ...tokenOf('some', 'some', 'admin'), tables: ['t1', 'sess*'] },
    { ...tokenOf('every', 'every', 'admin'), tables: ['*'] },
    tokenOf('all', 'all', 'admin'),
  ];
  const { send, namespace } = await startApp(t, { tokens });
  const json = { capacity: 10, columns: { n: 'int32' } };
  for (const name of ['sess', 'sessions', 'other']) {
    t.equal((await send('PUT', `/v1/tables/${name}`, { json, headers: bearer('all') })).status, 201);
  }
  const allowed: [string, string[]][] = [
    ['one', ['t']],
    ['some', ['sess', 'sessions']],
    ['every', ['other', 'sess', 'sessions', 't']],
    ['all', ['other', 'sess', 'sessions', 't']],
  ];
  for (const [secret, names] of allowed) {
    const headers = bearer(secret);
    const { tables } = (await send('GET', '/v1/tables', { headers })).json;
    t.same(
      tables.map(({ name }: { name: string }) => name),
      names,
      `${secret} sees ${names}`,
    );
    const { text } = await send('GET', '/metrics', { headers });
    for (const name of ['other', 'sess', 'sessions', 't']) {
      const isAllowed = names.includes(name);
      t.equal(text.includes(`shmtable_table_rows{table="${name}"}`), isAllowed, `${secret}: metrics of ${name}`);
      for (const [method, path] of [
        ['GET', ''],
        ['GET', '/rows'],
        ['GET', '/keys'],
        ['PUT', '/rows/k'],
        ['POST', '/batch'],
        ['DELETE', '/rows'],
      ]) {
        const options = { headers, ...(path === '/batch' ? { json: [] } : method === 'PUT' ? { json: {} } : {}) };
        const answer = await send(method, `/v1/tables/${name}${path}`, options);
        if (isAllowed) t.ok(answer.status < 300, `${secret}: ${method} ${name}${path} is ${answer.status}`);
        else isProblem(t, answer, 403, 'ERR_FORBIDDEN', `${secret}: ${method} ${name}${path}`);
      }
    }
  }
  const headers = bearer('some');
  isProblem(t, await send('GET', '/v1/tables/none', { headers }), 403, 'ERR_FORBIDDEN', 'whether it exists or not');
  isProblem(t, await send('GET', '/v1/tables/%6fther', { headers }), 403, 'ERR_FORBIDDEN', 'in another spelling');
  t.equal(
    (await send('GET', '/v1/tables/%73ess', { headers })).status,
    200,
    'a table that it is valid for, in another spelling',
  );
  isProblem(t, await send('PUT', '/v1/tables/mine', { json, headers }), 403, 'ERR_FORBIDDEN', 'a new table');
  t.equal(
    (await send('PUT', '/v1/tables/session-2', { json, headers })).status,
    201,
    'a new table that it is valid for',
  );
  t.equal((await send('DELETE', '/v1/tables/session-2', { headers })).status, 204);
  t.ok(Table.list({ namespace }).some(({ name }) => name === 'other'));
});

t.test('a token expires', async (t) => {
  const past = { ...tokenOf('past', 'past', 'read'), expires: '2001-01-01T00:00:00+01:00' };
  const later = { ...tokenOf('later', 'later', 'read'), expires: '9999-12-31T23:59:59.999Z' };
  const tokens = new AccessTokens([past, later]);
  const { send, port } = await startApp(t, {}, { changes: 65_536, tokens });
  const soon = { ...tokenOf('soon', 'soon', 'read'), expires: new Date(Date.now() + LIFETIME_MS).toISOString() };
  tokens.replace([soon, past, later]);
  const path = '/v1/tables/t/changes';
  const options = (secret: string) => ({ host: '127.0.0.1', port, path, headers: bearer(secret) });
  const [stream] = await once(get(options('soon')), 'response');
  t.equal(stream.statusCode, 200);
  const closed = new Promise((resolve) =>
    stream
      .on('error', () => undefined)
      .resume()
      .once('close', resolve),
  );
  const [lasting] = await once(get(options('later')), 'response');
  t.teardown(() => lasting.destroy());
  isProblem(t, await send('GET', '/v1/tables', { headers: bearer('past') }), 401, 'ERR_UNAUTHENTICATED', 'expired');
  t.equal((await send('GET', '/v1/tables', { headers: bearer('later') })).status, 200);
  await closed;
  t.pass('its stream ends');
  isProblem(t, await send('GET', '/v1/tables', { headers: bearer('soon') }), 401, 'ERR_UNAUTHENTICATED', 'afterwards');
  t.notOk(lasting.destroyed, 'that of another token continues');
});

t.test('a token that is replaced expires when the new one does', async (t) => {
  const expiring = (ms: number) => new Date(Date.now() + ms).toISOString();
  const shortened = { ...tokenOf('shortened', 'shortened', 'read'), expires: expiring(3_600_000) };
  const unlimited = tokenOf('unlimited', 'unlimited', 'read');
  const extended = tokenOf('extended', 'extended', 'read');
  const soon = expiring(LIFETIME_MS);
  const tokens = new AccessTokens([shortened, unlimited, { ...extended, expires: soon }]);
  const { port } = await startApp(t, {}, { changes: 65_536, tokens });
  const open = async (secret: string): Promise<{ response: IncomingMessage; ended: Promise<unknown> }> => {
    const options = { host: '127.0.0.1', port, path: '/v1/tables/t/changes', headers: bearer(secret) };
    const [response] = await once(get(options), 'response');
    response.on('error', () => undefined).resume();
    t.teardown(() => response.destroy());
    return { response, ended: new Promise((resolve) => response.once('close', resolve)) };
  };
  const [first, second, lasting] = await Promise.all(['shortened', 'unlimited', 'extended'].map(open));
  tokens.replace([{ ...shortened, expires: soon }, { ...unlimited, expires: soon }, extended]);
  await Promise.all([first.ended, second.ended]);
  t.ok(Date.now() >= Date.parse(soon), 'the streams end then');
  t.notOk(lasting.response.destroyed, 'and that of a token whose life was extended continues');
});

t.test('a revoked token is refused at once, and its streams end', async (t) => {
  const gone = tokenOf('gone', 'gone', 'write');
  const narrowed = tokenOf('narrowed', 'narrowed', 'write');
  const kept = tokenOf('kept', 'kept', 'write');
  const tokens = new AccessTokens([gone, narrowed, kept]);
  const { send, port, table } = await startApp(t, {}, { changes: 65_536, tokens });
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const status = async (secret: string) => (await send('GET', '/v1/tables', { agent, headers: bearer(secret) })).status;
  t.equal(await status('gone'), 200);
  const streams = new Map<string, { response: IncomingMessage; ended: Promise<unknown> }>();
  for (const secret of ['gone', 'narrowed', 'kept']) {
    const options = { host: '127.0.0.1', port, path: '/v1/tables/t/changes', headers: bearer(secret) };
    const [response] = await once(get(options), 'response');
    response.on('error', () => undefined).resume();
    t.teardown(() => response.destroy());
    streams.set(secret, { response, ended: new Promise((resolve) => response.once('close', resolve)) });
  }
  const headers = { ...bearer('gone'), 'content-type': 'application/x-ndjson' };
  const loading = request({ host: '127.0.0.1', port, method: 'POST', path: '/v1/tables/t/rows', headers });
  const cut = new Promise((resolve) => loading.once('error', resolve));
  loading.write('{"key":"k","row":{}}\n');
  while (!table.has('k')) await nextTurn();

  tokens.replace([{ ...narrowed, tables: ['others'] }, kept]);
  await Promise.all([streams.get('gone')?.ended, streams.get('narrowed')?.ended, cut]);
  t.pass('its streams and its request end');
  t.equal(await status('gone'), 401, 'also on a connection that it has used');
  t.equal(await status('kept'), 200);
  t.notOk(streams.get('kept')?.response.destroyed, 'the streams of other tokens continue');
});

t.test('what goes on under a revoked token ends, and nothing more of it is executed', async (t) => {
  const gone = tokenOf('gone', 'gone', 'write');
  const narrowed = tokenOf('narrowed', 'narrowed', 'write');
  const tokens = new AccessTokens([gone, narrowed]);
  const limits = { answerBytes: 256 * 1024 * 1024 };
  const { port, namespace } = await startApp(t, { limits }, { tokens });
  using wide = Table.create({ name: 'wide', namespace, capacity: 10, columns: { text: 'string(65535)' } });
  wide.set('k', { text: 'x'.repeat(65_535) });
  const options = (secret: string) => ({ host: '127.0.0.1', port, headers: bearer(secret) });

  // Not read: it waits when the buffers of the connection are full, long before the last operation.
  const gets = Array.from({ length: 1000 }, () => ({ op: 'get', key: 'k' }));
  const batches = await Promise.all(
    ['gone', 'narrowed'].map(async (secret) => {
      const headers = { ...bearer(secret), 'content-type': 'application/json' };
      const sent = request({ ...options(secret), method: 'POST', path: '/v1/tables/wide/batch', headers });
      sent.end(JSON.stringify([...gets, { op: 'put', key: `of ${secret}`, row: {} }]));
      const [response]: [IncomingMessage] = (await once(sent, 'response')) as [IncomingMessage];
      return response;
    }),
  );
  const half = request({
    ...options('gone'),
    method: 'PUT',
    path: '/v1/tables/wide/rows/slow',
    headers: { ...bearer('gone'), 'content-type': 'application/json', 'content-length': '12' },
  });
  half.write('{"text":');
  // Behind it: so it has arrived when this one is answered.
  await once(get({ ...options('gone'), path: '/v1/tables/wide/rows/k' }), 'response');

  tokens.replace([{ ...narrowed, scope: 'read' }]);
  half.end('"x"}');
  const [refused] = (await once(half, 'response')) as [IncomingMessage];
  t.equal(refused.resume().statusCode, 401, 'a request that was still arriving');
  for (const batch of batches) {
    const cut = new Promise((resolve) => batch.once('error', resolve).once('end', () => resolve('complete')));
    batch.resume();
    t.match(await cut, { code: 'ECONNRESET' }, 'a batch');
  }
  t.same([...wide.keys()], ['k']);
});

t.test('invalid limits are refused', async (t) => {
  const token = tokenOf('a', 'a', 'read');
  for (const wrong of [
    { tables: [] },
    { tables: ['a*b'] },
    { tables: ['**'] },
    { tables: ['-a'] },
    { tables: 'a' },
    { expires: '2026-12-31' },
    { expires: '2026-12-31T00:00:00' },
    { expires: 0 },
  ]) {
    t.throws(() => checkSettings('here', { tokens: [{ ...token, ...wrong }] }), { code: 'ERR_ARGUMENT' });
  }
  const never = [{ ...token, expires: '2026-02-30T99:00:00Z' }];
  t.throws(() => tokensInForce({ tokens: never, tokensFile: undefined }), {
    code: 'ERR_ARGUMENT',
    message: /2026-02-30/,
  });
});
