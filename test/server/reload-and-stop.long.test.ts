/** A service that is stopped while it reloads, settings of any size, and tables that its workers cannot use. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { loadSettings } from '../../src/server/settings/load-settings.js';
import { Table } from '../../src/table/table.js';
import { send } from '../fixtures/http-client.js';
import { startService } from '../fixtures/server-process.js';

const columns = { n: 'int32' } as const;

t.test('SIGTERM during a reload: writes that old workers acknowledge are in the last snapshot', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'shmtable-reload-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const config = { tables: { pages: { capacity: 1000, columns } }, snapshots: { dir } };
  const { service, port, workers } = await startService(t, { args: ['--workers', '1'], config });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const put = (key: string) => send(port, 'PUT', `/v1/tables/pages/rows/${key}`, { agent, json: { n: 1 } });
  t.equal((await put('before')).headers['shm-worker'], String(workers[0]));
  const from = service.log.length;
  service.signal('SIGHUP');
  // The successor serves: its predecessor drains, and keeps the idle connection for now.
  for (;;) {
    const answer = await send(port, 'GET', '/healthz');
    if (answer.headers['shm-worker'] !== String(workers[0])) break;
  }
  service.signal('SIGTERM');
  await service.logged(({ msg }) => msg === 'draining', from);
  // Impatience makes nothing worse.
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGINT'] as const) service.signal(signal);
  const [old] = workers;
  await service.logged(({ msg }) => msg === 'snapshot taken', from);
  t.notOk(existsSync(`/proc/${old}`), 'no worker is left that could acknowledge a write that is not in the snapshot');
  t.equal(await service.ended, 0);
  t.equal(service.stderr, '');
  const failures = service.log.filter(({ level }) => Number(level) >= 50);
  t.same(failures, [], 'nothing failed');
  Table.destroy('pages', { namespace: service.namespace });
  const env = { SHMTABLE_NAMESPACE: service.namespace };
  const again = await startService(t, { args: ['--workers', '1'], config, env });
  t.equal((await send(again.port, 'GET', '/v1/tables/pages/rows/before')).status, 200);
});

t.test('settings of any size reach the workers', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`c${i}_`.padEnd(63, 'x'), 'int32']));
  const tables = { a: { capacity: 1, columns: many }, b: { capacity: 1, columns: many } };
  t.ok(JSON.stringify(tables).length > 131_072, 'more than an environment variable holds');
  const { port } = await startService(t, { args: ['--workers', '1'], config: { tables } });
  t.same((await send(port, 'GET', '/readyz')).json, { status: 'ready' });
});

t.test('a table must have room for all processes of the service', async (t) => {
  const pages = { capacity: 10, maxParticipants: 6, columns };
  const load = (workers: number) =>
    loadSettings(undefined, { SHMTABLE_TABLES: JSON.stringify({ pages }), SHMTABLE_WORKERS: String(workers) }, {});
  t.equal(load(2).settings.workers, 2);
  t.throws(() => load(3), {
    code: 'ERR_ARGUMENT',
    message: /tables\.pages: maxParticipants must be at least 7 for 3 workers.* got 6/,
  });
});

t.test('a worker is not ready while it cannot use a configured table', async (t) => {
  const config = { tables: { pages: { capacity: 10, columns } } };
  const { service, port } = await startService(t, { args: ['--workers', '1'], config });
  const { namespace } = service;
  t.equal((await send(port, 'GET', '/readyz')).status, 200);
  Table.destroy('pages', { namespace });
  const missing = await send(port, 'GET', '/readyz');
  t.match(missing, { status: 503, json: { status: 'unavailable', tables: { pages: 'ERR_TABLE_NOT_FOUND' } } });
  // Created again by another program, for fewer processes than the service has.
  using table = Table.create({ name: 'pages', namespace, capacity: 10, maxParticipants: 1, columns });
  const full = await send(port, 'GET', '/readyz');
  t.match(full, { status: 503, json: { tables: { pages: 'ERR_TOO_MANY_PARTICIPANTS' } } });
  table.close();
  t.equal((await send(port, 'GET', '/readyz')).status, 200, 'ready as soon as it can');
});
