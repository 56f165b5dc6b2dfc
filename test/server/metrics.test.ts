import t from 'tap';
import { Segment } from '../../src/memory/index.js';
import type { ServiceEvent } from '../../src/server/event-log.js';
import { ServiceMemory } from '../../src/server/service-memory.js';
import { readHeader } from '../../src/table/layout/segment.js';
import { counterAt, INSERTS } from '../../src/table/layout/slot.js';
import { TableMemory } from '../../src/table/layout/table-memory.js';
import { segmentName } from '../../src/table/list.js';
import { Table } from '../../src/table/table.js';
import { bearer, SECRETS, TOKENS } from '../fixtures/access-tokens.js';
import { send } from '../fixtures/http-client.js';
import { PrometheusText } from '../fixtures/prometheus-text.js';
import { startApp } from '../fixtures/server-app.js';
import { ServiceProcess, startService } from '../fixtures/server-process.js';
import { WorkerConnections } from '../fixtures/worker-connections.js';

const ROW_ROUTE = '/v1/tables/{table}/rows/{key}';

t.test('a table whose counters are damaged is left out of the metrics', async (t) => {
  const { send, namespace, table } = await startApp(t);
  using damaged = Table.create({ name: 'damaged', namespace, capacity: 100, columns: { n: 'int32' } });
  const ROWS = 97;
  for (let i = 0; i < ROWS; i++) damaged.set(`k${i}`, { n: i });
  table.set('k', {});
  const segment = Segment.open({ name: segmentName(namespace, 'damaged') });
  // The only participant is the first.
  const memory = TableMemory.open(segment.buffer, readHeader(segment.buffer, 'damaged'));
  const at = memory.slotWord(0) / 2 + counterAt(INSERTS);
  const { doubles } = memory;
  t.equal(doubles[at], ROWS);
  for (const damage of [-ROWS - 1, Number.NaN, Number.POSITIVE_INFINITY]) {
    doubles[at] = damage;
    const answer = await send('GET', '/metrics');
    t.equal(answer.status, 200);
    const metrics = new PrometheusText(answer.text);
    t.equal(metrics.sum('shmtable_table_rows', { table: 't' }), 1, `with ${damage} the others are there`);
    t.notOk(answer.text.includes('damaged'));
    t.equal((await send('GET', '/v1/tables/damaged')).json.code, 'ERR_TABLE_CORRUPT');
    t.equal((await send('GET', '/v1/tables/damaged/rows/k5')).json.row.n, 5, 'its rows are not damaged');
    doubles[at] = ROWS;
  }
  segment.close();
});

t.test('an app counts tables, requests, durations and request ids', async (t) => {
  const app = await startApp(t);
  const read = async () => new PrometheusText((await app.send('GET', '/metrics')).text);
  for (const key of ['a', 'b', 'b']) {
    await app.send('PUT', `/v1/tables/t/rows/${key}`, { json: { u32: 1 } });
  }
  await app.send('DELETE', '/v1/tables/t/rows/a');
  await app.send('GET', '/v1/tables/t/rows/missing');
  await app.send('GET', '/v1/nothing/here');
  const answer = await app.send('GET', '/metrics');
  t.equal(answer.status, 200);
  t.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const metrics = new PrometheusText(answer.text);

  t.test('tables are counted', async (t) => {
    t.equal(metrics.sum('shmtable_table_rows', { table: 't' }), 1);
    t.equal(metrics.sum('shmtable_table_capacity_rows', { table: 't' }), 100);
    t.equal(metrics.sum('shmtable_table_bytes', { table: 't' }), app.table.stats().bytes);
    t.equal(metrics.sum('shmtable_table_participants', { table: 't' }), 1, 'the thread of the app and the test');
    for (const [operation, count] of [
      ['insert', 2],
      ['update', 1],
      ['delete', 1],
    ] as const) {
      t.equal(metrics.sum('shmtable_table_operations_total', { table: 't', operation }), count, operation);
    }
    for (const name of ['expirations', 'evictions', 'recoveries', 'lock_waits']) {
      t.equal(metrics.all(`shmtable_table_${name}_total`, { table: 't' }).length, 1, name);
      t.equal(metrics.types.get(`shmtable_table_${name}_total`), 'counter');
    }
    t.equal(metrics.types.get('shmtable_table_rows'), 'gauge');
  });

  t.test('requests are counted by route and status', async (t) => {
    const requests = (labels: Record<string, string>) => metrics.sum('shmtable_http_requests_total', labels);
    t.equal(requests({ method: 'PUT', route: ROW_ROUTE, status: '201' }), 2);
    t.equal(requests({ method: 'PUT', route: ROW_ROUTE, status: '200' }), 1);
    t.equal(requests({ method: 'DELETE', route: ROW_ROUTE, status: '204' }), 1);
    t.equal(requests({ method: 'GET', route: ROW_ROUTE, status: '404' }), 1);
    t.equal(requests({ route: '', status: '404' }), 1, 'an unknown path is not a label');
    t.equal((await read()).sum('shmtable_http_requests_total', { route: '/metrics' }), 1, 'the previous request');
  });

  t.test('durations are in a histogram', async (t) => {
    const family = 'shmtable_http_request_duration_seconds';
    t.equal(metrics.types.get(family), 'histogram');
    const labels = { method: 'PUT', route: ROW_ROUTE };
    const buckets = metrics.all(`${family}_bucket`, labels).map(({ value }) => value);
    t.same(
      buckets,
      [...buckets].sort((a, b) => a - b),
      'buckets are cumulative',
    );
    t.equal(metrics.all(`${family}_bucket`, labels).at(-1)?.labels.le, '+Inf');
    t.equal(buckets.at(-1), 3);
    t.equal(metrics.sum(`${family}_count`, labels), 3);
    t.ok(metrics.sum(`${family}_sum`, labels) > 0);
  });
});

t.test('a refused request is counted by its route', async (t) => {
  const app = await startApp(t, { tokens: TOKENS });
  await app.send('PUT', '/v1/tables/t/rows/k', { json: {} });
  await app.send('GET', '/v1/tables/t/rows/k', { headers: { host: 'a, b', expect: 'more' } });
  const { text } = await app.send('GET', '/metrics', { headers: bearer(SECRETS.read) });
  const requests = (labels: Record<string, string>) =>
    new PrometheusText(text).sum('shmtable_http_requests_total', labels);
  t.equal(requests({ method: 'PUT', route: ROW_ROUTE, status: '401' }), 1);
  t.equal(requests({ method: 'GET' }), 0, 'what Node itself refuses is not counted');
});

t.test('a valid request id is returned, an invalid one replaced', async (t) => {
  const app = await startApp(t);
  const idOf = async (headers: Record<string, string>) =>
    (await app.send('GET', '/healthz', { headers })).headers['x-request-id'];
  t.equal(await idOf({ 'x-request-id': 'client-7/4' }), 'client-7/4', "the client's own");
  const made = await idOf({});
  const valid = /^[\w-]{12}\.[1-9]\d*$/;
  t.match(made, valid);
  t.not(await idOf({}), made);
  for (const bad of ['x'.repeat(129), 'two words', '{}']) t.match(await idOf({ 'x-request-id': bad }), valid);
});

t.test(
  'a service adds up the counts of all workers, dead ones included, records events, and leaves nothing behind',
  async (t) => {
    const { service, port, workers } = await startService(t, { args: ['--table', 't:10:n=int64'] });
    const connections = new WorkerConnections(t, port);
    const count = (text: PrometheusText) =>
      text.sum('shmtable_http_requests_total', { route: ROW_ROUTE, method: 'PUT' });
    for (const [i, worker] of workers.entries()) {
      for (let n = 0; n <= i; n++) {
        await connections.send(worker, 'PUT', `/v1/tables/t/rows/${worker}`, { json: { n } });
      }
    }
    for (const worker of workers) {
      const { text } = await connections.send(worker, 'GET', '/metrics');
      t.equal(count(new PrometheusText(text)), 3, 'each worker reports what both have counted');
    }
    const [victim] = workers;
    process.kill(victim, 'SIGKILL');
    await service.logged(({ msg }) => msg === 'worker replaced');
    const after = new PrometheusText((await send(port, 'GET', '/metrics')).text);
    t.equal(count(after), 3, 'the counts of a killed worker remain');
    t.equal(after.sum('shmtable_worker_starts_total'), 3);
    t.equal(after.sum('shmtable_worker_deaths_total'), 1);
    t.equal(after.sum('shmtable_worker_ends_total'), 1);

    const { namespace } = service;
    const [name] = ServiceMemory.list(namespace);
    const memory = ServiceMemory.open(name, { readOnly: true });
    t.teardown(() => memory.close());
    t.ok(memory.isAlive);
    const events: ServiceEvent[] = [...memory.events.read()];
    t.match(
      events.filter(({ worker }) => worker === victim),
      [
        { type: 'worker started' },
        { type: 'recovery', table: 't' },
        { type: 'worker ended' },
        { type: 'worker died', signal: 'SIGKILL' },
      ],
    );
    service.signal('SIGTERM');
    t.equal(await service.ended, 0);
    t.notOk(memory.isAlive);
    t.same(ServiceMemory.list(namespace), []);
    t.throws(() => ServiceMemory.open(name), { code: 'ERR_SEGMENT_NOT_FOUND' });
    t.equal(
      [...memory.events.read()].filter(({ type }) => type === 'worker ended').length,
      3,
      'the log contains all events',
    );
  },
);

t.test('the next service removes the memory of a killed one', async (t) => {
  const first = new ServiceProcess(t, { args: ['--port', '0', '--workers', '1'] });
  await first.ready();
  const [left] = ServiceMemory.list(first.namespace);
  const other = ServiceMemory.create(first.namespace, 1);
  t.same(ServiceMemory.list(first.namespace).sort(), [left, other.name].sort(), 'two services may run at once');
  first.signal('SIGKILL');
  await first.ended;
  t.same(ServiceMemory.list(first.namespace), [other.name], 'the remains of a killed service are not listed');
  const next = ServiceMemory.create(first.namespace, 1);
  t.throws(() => ServiceMemory.open(left), { code: 'ERR_SEGMENT_NOT_FOUND' });
  t.same(ServiceMemory.list(first.namespace).sort(), [other.name, next.name].sort());
  other.remove();
  next.remove();
});
