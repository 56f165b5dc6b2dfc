/** What the service logs about requests, and what it never logs. */
import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { bearer, SECRETS, TOKENS } from '../fixtures/access-tokens.js';
import { send, sendRaw } from '../fixtures/http-client.js';
import { type LogEntry, startService } from '../fixtures/server-process.js';

const QUERY_SECRET = 'secret-in-a-query';

t.test('requests, actions of administrators and failures in the log', async (t) => {
  const { service, port } = await startService(t, {
    config: {
      accessLog: true,
      trustedProxies: ['127.0.0.0/8', 'unix'],
      tokens: TOKENS,
      tables: {
        t: { capacity: 1, columns: { n: 'int32' } },
        fed: { capacity: 1, columns: { n: 'int32' }, changes: 65_536 },
      },
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

  await t.test('a client that disconnects is logged and counted, too', async (t) => {
    /** Leaves when the first bytes of an answer arrive. */
    const leave = async (request: string, id: string): Promise<void> => {
      const socket = connect(port, '127.0.0.1');
      const auth = `Authorization: ${bearer(SECRETS.admin).authorization}`;
      socket.write(`${request.replace('\r\n', ` HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: ${id}\r\n${auth}\r\n`)}`);
      await once(socket, 'data');
      socket.resetAndDestroy();
    };
    await leave('GET /v1/tables/fed/changes\r\n\r\n', 'left-stream');
    t.match(await logged(({ reqId }) => reqId === 'left-stream'), { msg: 'request', status: 200, token: 'root' });
    // So large that it is created in a thread, while the client, told to continue, leaves.
    const definition = JSON.stringify({ capacity: 500_000, columns: { text: 'string(100)' } });
    const headers = `Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: ${definition.length}`;
    const made = `PUT /v1/tables/large\r\n${headers}\r\n\r\n${definition}`;
    await leave(made, 'left-creation');
    t.match(await logged(({ msg, reqId }) => msg === 'admin action' && reqId === 'left-creation'), {
      url: '/v1/tables/large',
      remoteAddress: '127.0.0.1',
      token: 'root',
    });
    const metrics = (await send(port, 'GET', '/metrics', as('read'))).text;
    t.match(metrics, 'http_requests_total{method="GET",route="/v1/tables/{table}/changes",status="200"} 1');
  });

  await t.test('a client that resets its connection before it is accepted is nobody', async (t) => {
    const { workers } = await service.ready();
    for (const worker of workers) process.kill(worker, 'SIGSTOP');
    try {
      const socket = connect(port, '127.0.0.1');
      const request = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n';
      await new Promise((resolve) => socket.write(request, resolve));
      socket.resetAndDestroy();
      await once(socket, 'close');
    } finally {
      for (const worker of workers) process.kill(worker, 'SIGCONT');
    }
    await send(port, 'GET', '/healthz', { headers: { 'x-request-id': 'afterwards' } });
    await logged(({ reqId }) => reqId === 'afterwards');
    t.notOk(service.log.some(({ remoteAddress }) => remoteAddress === '203.0.113.9'));
  });

  await t.test('a path that cannot be decoded', async (t) => {
    await send(port, 'GET', '/%zz', { headers: { 'x-request-id': 'undecodable' } });
    t.match(await logged(({ reqId }) => reqId === 'undecodable'), { msg: 'request', url: '/%zz', status: 400 });
  });

  await t.test('targets in other forms, without what may be secret', async (t) => {
    for (const [target, url] of [
      [`http://user:${QUERY_SECRET}@localhost/v1/tables`, '/v1/tables'],
      [`/v1/tables#access_token=${QUERY_SECRET}`, '/v1/tables'],
      [`http://localhost?${QUERY_SECRET}`, ''],
    ]) {
      const id = `form-${url.length}-${target.length}`;
      await sendRaw(
        port,
        `GET ${target} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: ${id}\r\nConnection: close\r\n\r\n`,
      );
      t.equal((await logged(({ msg, reqId }) => msg === 'request' && reqId === id)).url, url, target);
    }
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
