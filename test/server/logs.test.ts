/** What the service logs about requests, and what it never logs. */
import t from 'tap';
import { bearer, SECRETS, TOKENS } from '../fixtures/access-tokens.js';
import { send } from '../fixtures/http-client.js';
import { type LogEntry, startService } from '../fixtures/server-process.js';

const QUERY_SECRET = 'secret-in-a-query';

t.test('requests, actions of administrators and failures in the log', async (t) => {
  const { service, port } = await startService(t, {
    config: {
      accessLog: true,
      trustedProxies: ['127.0.0.0/8'],
      tokens: TOKENS,
      tables: { t: { capacity: 1, columns: { n: 'int32' } } },
    },
  });
  const as = (scope: keyof typeof SECRETS, more = {}) => ({ headers: { ...bearer(SECRETS[scope]), ...more } });
  const logged = (fits: (entry: LogEntry) => boolean) => service.logged(fits);

  await t.test('every request, without its query', async (t) => {
    const path = `/v1/tables/t/rows/k?access_token=${QUERY_SECRET}`;
    await send(port, 'GET', path, as('read', { 'x-request-id': 'one', 'x-forwarded-for': '203.0.113.7' }));
    t.match(await logged(({ reqId }) => reqId === 'one'), {
      msg: 'request',
      method: 'GET',
      url: '/v1/tables/t/rows/k',
      status: 400,
      durationMs: Number,
      remoteAddress: '203.0.113.7',
      token: 'reader',
    });
    await send(port, 'GET', `/none?${QUERY_SECRET}`, { headers: { 'x-request-id': 'two' } });
    t.match(await logged(({ reqId }) => reqId === 'two'), { url: '/none', status: 404, remoteAddress: '127.0.0.1' });
  });

  await t.test('actions of administrators, including refused ones', async (t) => {
    const done = await send(port, 'DELETE', '/v1/tables/t/rows', as('admin', { 'x-request-id': 'clear' }));
    t.equal(done.status, 204);
    t.match(await logged(({ msg, reqId }) => msg === 'admin action' && reqId === 'clear'), {
      method: 'DELETE',
      url: '/v1/tables/t/rows',
      status: 204,
      token: 'root',
    });
    await send(port, 'DELETE', '/v1/tables/t', as('write', { 'x-request-id': 'refused' }));
    t.match(await logged(({ msg, reqId }) => msg === 'admin action' && reqId === 'refused'), {
      status: 403,
      token: 'writer',
    });
  });

  await t.test('a refused token, with the id of its request', async (t) => {
    await send(port, 'GET', '/v1/tables', { headers: { ...bearer('guess'), 'x-request-id': 'guessed' } });
    t.match(await logged(({ msg, reqId }) => msg.includes('without a valid token') && reqId === 'guessed'), {
      remoteAddress: String,
    });
  });

  await t.test('a full table without a stack, and not for every request', async (t) => {
    const put = (key: string) => send(port, 'PUT', `/v1/tables/t/rows/${key}`, { json: {}, ...as('write') });
    t.equal((await put('first')).status, 201);
    for (let i = 0; i < 20; i++) t.equal((await put(`k${i}`)).status, 507);
    const entry = await logged(({ code }) => code === 'ERR_TABLE_FULL');
    t.match(entry, { msg: String, detail: /1 rows/ });
    t.notOk('err' in entry, 'no stack');
    // The log is written in order, so these lines are all of them.
    await send(port, 'GET', '/healthz', { headers: { 'x-request-id': 'last' } });
    await logged(({ reqId }) => reqId === 'last');
    const lines = service.log.filter(({ code }) => code === 'ERR_TABLE_FULL').length;
    t.ok(lines < 10, `${lines} lines for 20 requests`);
  });

  t.notMatch(JSON.stringify(service.log), QUERY_SECRET, 'no query in any line');
});
