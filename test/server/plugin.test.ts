import Fastify from 'fastify';
import t from 'tap';
import shmtable from '../../src/server/plugin.js';
import { Table } from '../../src/table/table.js';

const namespace = `test-${process.pid}-plugin`;
const columns = { n: 'int32', big: 'int64' };

t.test("the plugin serves its routes and leaves the app's other routes alone", async (t) => {
  const app = Fastify();
  app.get('/own/:id', async (request) => request.params);
  app.post('/own', async (request) => request.body);
  await app.register(shmtable, { namespace, prefix: '/api' });
  t.teardown(async () => {
    await app.close();
    Table.destroy('t', { namespace });
  });

  const created = await app.inject({
    method: 'PUT',
    url: '/api/v1/tables/t',
    payload: { capacity: 9, maxKeyBytes: 255, columns },
  });
  t.match(created, { statusCode: 201, headers: { location: '/api/v1/tables/t' } });
  for (const key of ['k', 'a/b', 'x'.repeat(255), '/'.repeat(255)]) {
    const url = `/api/v1/tables/t/rows/${encodeURIComponent(key)}`;
    const put = await app.inject({ method: 'PUT', url, payload: { n: 1, big: '5' } });
    t.match(put, { statusCode: 201, headers: { location: url } }, `PUT of a key of ${key.length} characters`);
    t.match((await app.inject(url)).json(), { key, row: { n: 1, big: '5' } }, 'GET');
    t.equal((await app.inject({ method: 'HEAD', url })).statusCode, 200, 'HEAD');
    const increment = { method: 'POST', url: `${url}/increment`, payload: { column: 'n' } } as const;
    t.equal((await app.inject(increment)).json().value, 2, 'increment');
    const wrong = await app.inject({ method: 'POST', url, payload: {} });
    t.match(wrong, { statusCode: 405, headers: { allow: 'DELETE, GET, HEAD, PATCH, PUT' } }, 'another method');
    t.equal((await app.inject({ method: 'DELETE', url })).statusCode, 204, 'DELETE');
  }
  const tooLong = await app.inject(`/api/v1/tables/t/rows/${'x'.repeat(300)}`);
  t.match(tooLong, { statusCode: 400 }, 'a key too long');
  t.equal(tooLong.json().code, 'ERR_KEY_INVALID');
  const unknown = await app.inject('/api/v1/nowhere');
  t.equal(unknown.json().code, 'ERR_ROUTE_NOT_FOUND', 'the plugin handles unknown paths below its prefix');

  t.same((await app.inject('/own/5')).json(), { id: '5' }, "the app's routes are unchanged");
  t.same((await app.inject({ method: 'POST', url: '/own', payload: { a: 1 } })).json(), { a: 1 });
  t.notMatch((await app.inject('/nowhere')).headers['content-type'], /problem/, 'so are unknown paths elsewhere');
  const text = { method: 'POST', url: '/own', payload: 'text', headers: { 'content-type': 'text/plain' } } as const;
  t.equal((await app.inject(text)).body, 'text', 'and so are other body types');
});

t.test('an unknown option is rejected', async (t) => {
  const cases: [object, RegExp][] = [
    [{ lockTimeout: 5 }, /unknown option lockTimeout; did you mean lockTimeoutMs\?/],
    [{ locations: { t: { backnd: 'sysv' } } }, /unknown option backnd; did you mean backend\?/],
  ];
  for (const [options, message] of cases) {
    const app = Fastify();
    t.teardown(() => app.close());
    await t.rejects(async () => app.register(shmtable, { namespace, ...options }).ready(), {
      code: 'ERR_ARGUMENT',
      message,
    });
  }
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(shmtable, { namespace, prefix: '/api', logLevel: 'warn' });
});
