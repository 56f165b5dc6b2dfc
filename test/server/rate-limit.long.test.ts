import t from 'tap';
import { Table } from '../../src/index.js';
import { bearer, SECRETS, TOKENS, tokenOf } from '../fixtures/access-tokens.js';
import { send } from '../fixtures/http-client.js';
import { isProblem, startApp } from '../fixtures/server-app.js';
import { startService } from '../fixtures/server-process.js';

t.test('all workers count the same requests', async (t) => {
  const max = 20;
  const config = { rateLimit: { max, windowMs: 600_000 } };
  const { service, port, workers } = await startService(t, { config });
  const answered = new Set<string | undefined>();
  for (let i = 1; i <= max; i++) {
    const answer = await send(port, 'GET', '/v1/tables');
    t.match(answer, { status: 200, headers: { 'x-ratelimit-remaining': String(max - i) } });
    answered.add(String(answer.headers['shm-worker']));
  }
  t.equal(answered.size, workers.length, 'each worker has responded');
  for (const path of ['/v1/tables', '/v1/tables', '/v1/tables/none/rows/k', '/nowhere', '/openapi.json', '/docs']) {
    const answer = await send(port, 'GET', path);
    isProblem(t, answer, 429, 'ERR_RATE_LIMITED', path);
    const seconds = Number(answer.headers['retry-after']);
    t.ok(seconds > 0 && seconds <= 600, `retry in ${seconds} s`);
  }
  for (const path of ['/healthz', '/readyz']) {
    t.equal((await send(port, 'GET', path)).status, 200, `${path} is not counted`);
  }
  const before = service.log.length;
  service.signal('SIGHUP');
  await service.logged(({ msg }) => msg === 'workers replaced', before);
  isProblem(t, await send(port, 'GET', '/v1/tables'), 429, 'ERR_RATE_LIMITED', 'new workers know the count');
});

t.test('a client may send again when its window ends', async (t) => {
  const { send } = await startApp(t, { rateLimit: { max: 2, windowMs: 300 } });
  const until = Date.now() + 20_000;
  const seen: number[] = [];
  // 200, 200, then 429 until the window ends, which further requests do not postpone.
  while (Date.now() < until && !(seen.includes(429) && seen.at(-1) === 200)) {
    seen.push((await send('GET', '/v1/tables')).status);
  }
  t.same([...new Set(seen)].sort(), [200, 429]);
  t.equal(seen.at(-1), 200);
});

t.test('each client is counted separately', async (t) => {
  const rotated = tokenOf('reader', 'rotated', 'read');
  const { send } = await startApp(t, { tokens: [...TOKENS, rotated], rateLimit: { max: 3, windowMs: 600_000 } });
  const statuses = async (headers: Record<string, string>, times: number) => {
    const all: number[] = [];
    for (let i = 0; i < times; i++) all.push((await send('GET', '/v1/tables', { headers })).status);
    return all;
  };
  t.same(await statuses(bearer(SECRETS.read), 2), [200, 200]);
  t.same(await statuses(bearer('rotated'), 2), [200, 429], 'two tokens with one name are one client');
  t.same(await statuses(bearer(SECRETS.write), 4), [200, 200, 200, 429], 'another name is another client');
  const guesses = [];
  for (let i = 0; i < 5; i++) guesses.push((await send('GET', '/v1/tables', { headers: bearer(`guess ${i}`) })).status);
  t.same(guesses, [401, 401, 401, 429, 429], 'requests with unknown tokens are counted by address');
  t.same(await statuses(bearer(SECRETS.admin), 1), [200], 'and do not affect clients with a valid token');
  const { tables } = (await send('GET', '/v1/tables', { headers: bearer(SECRETS.admin) })).json;
  t.match(tables, [{ name: 't' }], 'the table of the counts is not served');
  t.equal(tables.length, 1);
});

/** The request counts of a service in this process. */
function openCounts(namespace: string) {
  return Table.open(namespace, {
    namespace: 'shmtable-rate-limit',
    backend: 'anonymous',
    columns: { requests: 'float64' },
  });
}

t.test('only the first request of a window sets its end', async (t) => {
  const { send, namespace } = await startApp(t, { rateLimit: { max: 5, windowMs: 600_000 } });
  using counts = openCounts(namespace);
  await send('GET', '/v1/tables');
  const first = counts.entry('address 127.0.0.1');
  t.type(first?.expiresAt, 'number');
  await send('GET', '/v1/tables');
  t.match(counts.entry('address 127.0.0.1'), { row: { requests: 2 }, expiresAt: first?.expiresAt });
});

t.test('requests are served even if there are more clients than can be counted', async (t) => {
  const { send, namespace } = await startApp(t, { rateLimit: { max: 5, windowMs: 600_000 } });
  using counts = openCounts(namespace);
  for (let i = 0; i < counts.capacity; i++) counts.set(`address ${i}`, { requests: 1 }, { ttl: 600_000 });
  t.equal(counts.size, 10_000);
  for (let i = 0; i < 5; i++) t.equal((await send('GET', '/v1/tables')).status, 200, 'another client is served');
  isProblem(t, await send('GET', '/v1/tables'), 429, 'ERR_RATE_LIMITED', 'and counted');
});
