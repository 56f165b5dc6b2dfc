/** Metrics of the processes of the service, of its snapshots and of the machine. */
import { once } from 'node:events';
import { get } from 'node:http';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { ChangesClient } from '../fixtures/changes-client.js';
import { within } from '../fixtures/deadline.js';
import { send } from '../fixtures/http-client.js';
import { PrometheusText } from '../fixtures/prometheus-text.js';
import { startApp } from '../fixtures/server-app.js';
import { startService } from '../fixtures/server-process.js';
import type { components } from './client/schema.js';

t.test('each process of a service is measured', async (t) => {
  const { service, port, workers } = await startService(t, { config: { snapshots: { dir: 'kept' } } });
  const read = async () => new PrometheusText((await send(port, 'GET', '/metrics')).text);
  const pidsOf = (text: PrometheusText, role: string) =>
    text.all('process_resident_memory_bytes', { role }).map(({ labels }) => Number(labels.pid));
  let first = await read();
  // A process reports once a second, and does not wait for another that is doing so.
  while (pidsOf(first, 'worker').length < workers.length) {
    await sleep(50);
    first = await read();
  }
  t.same(pidsOf(first, 'primary'), [service.pid]);
  t.same(pidsOf(first, 'worker').sort(), [...workers].sort());
  for (const pid of [service.pid, ...workers]) {
    const of = (name: string) => first.sum(name, { pid: String(pid) });
    t.ok(of('process_resident_memory_bytes') > 10_000_000, 'resident memory');
    t.ok(of('nodejs_heap_size_used_bytes') <= of('nodejs_heap_size_total_bytes'), 'heap');
    t.ok(of('process_cpu_seconds_total') > 0.01, 'processor time');
    t.ok(of('process_open_fds') > 5 && of('process_open_fds') < of('process_max_fds'), 'descriptors');
    t.ok(Math.abs(of('process_start_time_seconds') - Date.now() / 1000) < 600, 'start');
  }
  t.equal(first.types.get('process_cpu_seconds_total'), 'counter');
  t.equal(first.types.get('process_open_fds'), 'gauge');

  const columns = { n: 'int32' };
  await send(port, 'PUT', '/v1/tables/fed', { json: { capacity: 10, columns, changes: 65_536 } });
  t.equal(first.all('shmtable_snapshot_timestamp_seconds').length, 0);
  t.equal((await send(port, 'POST', '/v1/tables/fed/snapshot')).status, 200);
  const [stream] = await once(get({ host: '127.0.0.1', port, path: '/v1/tables/fed/changes' }), 'response');
  let second = await read();
  while (second.sum('shmtable_change_streams') === 0) {
    await sleep(50);
    second = await read();
  }
  t.ok(second.sum('shmtable_http_connections') >= 1);
  t.equal(second.sum('shmtable_snapshots_total'), 1);
  t.equal(second.sum('shmtable_snapshot_failures_total'), 0);
  const [{ labels, value }] = second.all('shmtable_snapshot_timestamp_seconds');
  t.equal(labels.table, 'fed');
  t.ok(Math.abs(value - Date.now() / 1000) < 600, 'the time of the snapshot');
  stream.destroy();

  const overview = await ChangesClient.open<components['schemas']['Overview']>(t, port, '/v1/overview');
  const { data } = (await overview.next()) ?? {};
  t.equal(data?.service.workers.map(({ pid }) => pid).join(), workers.toSorted((a, b) => a - b).join());
  t.match(data?.service.instance, new RegExp(`^${service.pid}-`));
  t.match(
    data?.events.filter(({ type }) => type === 'snapshot'),
    [{ level: 'info', table: 'fed', message: /^snapshot of table fed: 0 rows/ }],
    'the snapshot is an event',
  );
  service.signal('SIGTERM');
  t.equal(await within(10_000, 'the end', overview.ended), true, 'its stream ends in order, though the client listens');
});

t.test('the memory of the machine, and the versions', async (t) => {
  const { send } = await startApp(t);
  const { text } = await send('GET', '/metrics');
  const metrics = new PrometheusText(text);
  t.ok(metrics.sum('shmtable_shm_free_bytes') <= metrics.sum('shmtable_shm_size_bytes'));
  t.match(metrics.all('shmtable_build_info'), [{ value: 1, labels: { version: /^\d/, node: process.version } }]);
  for (const family of metrics.types.keys()) t.ok(text.includes(`# HELP ${family} `), `${family} has a text`);
});

t.test('other requests are served while the metrics of many tables are written', async (t) => {
  const app = await startApp(t);
  const { namespace } = app;
  for (let i = 0; i < 200; i++)
    Table.create({ name: `t${i}`, namespace, capacity: 1, columns: { n: 'int32' } }).close();
  for (const path of ['/metrics', '/v1/tables']) {
    let looks = 0;
    let longest = 0;
    let isOver = false;
    const response = app.send('GET', path).finally(() => {
      isOver = true;
    });
    for (let before = process.cpuUsage(); !isOver; before = process.cpuUsage()) {
      await nextTurn();
      looks++;
      const { user, system } = process.cpuUsage(before);
      longest = Math.max(longest, (user + system) / 1000);
    }
    const { text } = await response;
    if (path === '/metrics') t.equal(new PrometheusText(text).all('shmtable_table_rows').length, 201);
    else t.equal(JSON.parse(text).tables.length, 201);
    const shown = `${looks} turns, the longest of ${Math.round(longest)} ms of processor time`;
    t.ok(looks > 5 && longest < 150, `${path}: ${shown}`);
  }
});
