/** The service without shared memory: one process has the tables and serves them. */
import { existsSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { commandIn } from '../fixtures/command-run.js';
import { type ServiceOptions, ServiceProcess } from '../fixtures/server-process.js';
import { fixturePath } from '../table/child.js';

/** As on a Mac: the preloaded module refuses all files that only Linux has. */
const env = { NODE_OPTIONS: `--import ${fixturePath('other-system')}`, TEST_SYSTEM: 'darwin' };

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

function send(to: { port: number } | { socketPath: string }, method: string, path: string, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === '' ? {} : { 'content-type': 'application/json' };
    const sent = request({ host: '127.0.0.1', ...to, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, body: text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function start(t: Test, options: ServiceOptions): Promise<{ service: ServiceProcess; port: number }> {
  const service = new ServiceProcess(t, { ...options, env: { ...env, ...options.env } });
  return { service, ...(await service.ready()) };
}

t.test('one process serves all routes, says so, and keeps its rows in snapshots', async (t) => {
  const table = { capacity: 100, columns: { n: 'int32', note: 'text' } };
  const args = ['--port', '0', '--workers', '4'];
  const config = { tables: { a: table }, snapshots: { dir: 'snapshots' }, rateLimit: { max: 10_000 } };
  const { service, port } = await start(t, { args, config });
  t.same(service.workers, [service.pid]);
  t.match(await service.logged(({ workers }) => Number(workers) === 4), { level: 40, msg: /^one process serves/ });
  t.match(service.stderr, /^shmtable: tables with backend process are private to process \d+,[^\n]*\n$/);

  const row = { n: 1, note: 'x'.repeat(5_000) };
  t.equal((await send({ port }, 'PUT', '/v1/tables/a/rows/k', JSON.stringify(row))).status, 201);
  const added = await send({ port }, 'PUT', '/v1/tables/b', JSON.stringify({ capacity: 1, columns: { x: 'int8' } }));
  t.match(JSON.parse(added.body), { name: 'b', backend: 'process' });
  const large = { capacity: 200_000, columns: { x: 'float64', note: 'string(100)' } };
  t.equal((await send({ port }, 'PUT', '/v1/tables/large', JSON.stringify(large))).status, 201);
  t.match(JSON.parse((await send({ port }, 'GET', '/v1/tables/large')).body), { capacity: 200_000 });
  const other = { capacity: 1, columns: { x: 'int8' }, backend: 'posix' };
  t.equal((await send({ port }, 'PUT', '/v1/tables/c', JSON.stringify(other))).status, 422);
  t.equal((await send({ port }, 'GET', '/readyz')).status, 200);
  const metrics = await send({ port }, 'GET', '/metrics');
  t.equal(metrics.status, 200);
  t.match(metrics.body, new RegExp(`process_resident_memory_bytes\\{role="worker",pid="${service.pid}"\\} [1-9]`));
  t.equal((await send({ port }, 'POST', '/v1/tables/b/snapshot')).status, 200);

  service.signal('SIGHUP');
  t.match(await service.logged(({ msg }) => msg === 'workers cannot be replaced'), {
    err: { message: /only the tokens can be replaced/ },
  });
  t.equal((await send({ port }, 'GET', '/v1/tables/a/rows/k')).status, 200, 'it goes on');
  service.signal('SIGTERM');
  t.equal(await service.ended, 0);

  const dir = join(service.folder, 'snapshots');
  const next = await start(t, { args, config: { ...config, snapshots: { dir } } });
  const { body } = await send({ port: next.port }, 'GET', '/v1/tables/a/rows/k');
  t.same(JSON.parse(body).row, row, 'restored at the next start');
  t.equal((await send({ port: next.port }, 'GET', '/v1/tables/b')).status, 200);
});

t.test('only its owner may connect to its Unix socket, which is removed at the end', async (t) => {
  const socketPath = join('/tmp', `shmtable-test-${process.pid}.sock`);
  const { service } = await start(t, { env: { SHMTABLE_SOCKET: socketPath } });
  t.equal(statSync(socketPath).mode & 0o777, 0o600);
  t.equal((await send({ socketPath }, 'GET', '/healthz')).status, 200);
  service.signal('SIGTERM');
  t.equal(await service.ended, 0);
  t.notOk(existsSync(socketPath));
});

t.test('the command says that it sees no tables of other processes', async (t) => {
  Object.assign(process.env, { SHMTABLE_ADDON: 'none' });
  t.teardown(() => Reflect.deleteProperty(process.env, 'SHMTABLE_ADDON'));
  const run = commandIn(`test-${process.pid}`);
  for (const [args, code] of [
    [['ls'], 0],
    [['segments'], 0],
    [['get', 'a', 'k'], 1],
  ] as const) {
    const { stderr, ...ran } = await run(args);
    t.equal(ran.code, code);
    t.match(stderr, /^shmtable: this command sees no tables: without shared memory they are private/);
  }
});

t.test('with shared memory a service has no tables of one process', async (t) => {
  const config = { tables: { a: { capacity: 1, columns: { n: 'int8' }, backend: 'process' } } };
  const service = new ServiceProcess(t, { config });
  t.equal(await service.ended, 2);
  t.match(service.stderr, /tables\.a: backend must be one whose memory processes share/);
});
