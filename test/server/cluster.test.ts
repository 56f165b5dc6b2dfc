import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { prepareAddress } from '../../src/server/listen-address.js';
import { withDefaults } from '../../src/server/settings/settings-schema.js';
import { Table } from '../../src/table/table.js';
import { type HttpAnswer, type HttpOptions, send } from '../fixtures/http-client.js';
import { type LogEntry, ServiceProcess, startService } from '../fixtures/server-process.js';

const columns = { n: 'int64', text: 'string(20)' } as const;

/** Sends until the worker wanted has answered: connections are dealt out in turn. */
async function sendTo(
  port: number,
  worker: number,
  method: string,
  path: string,
  options?: HttpOptions,
): Promise<HttpAnswer> {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await send(port, method, path, options);
    if (Number(answer.headers['shm-worker']) === worker) return answer;
  }
  throw new Error(`worker ${worker} never answered`);
}

function isKill({ msg }: LogEntry): boolean {
  return msg === 'worker did not finish in time';
}

t.test('workers share tables and rows', async (t) => {
  const { service, port, workers } = await startService(t, { args: ['--table', 'given:10:n=int64'] });
  const { namespace } = service;
  t.equal(workers.length, 2);
  t.equal((await send(port, 'GET', '/v1/tables/given')).status, 200, 'configured tables are there');

  const made = await send(port, 'PUT', '/v1/tables/t', { json: { capacity: 10, columns } });
  t.equal(made.status, 201);
  for (const worker of workers) {
    await sendTo(port, worker, 'PUT', `/v1/tables/t/rows/${worker}`, { json: { n: worker } });
  }
  for (const worker of workers) {
    for (const writer of workers) {
      const answer = await sendTo(port, worker, 'GET', `/v1/tables/t/rows/${writer}`);
      t.equal(answer.json.row.n, String(writer), 'each worker reads what the other wrote');
    }
  }

  using old = Table.open('t', { namespace });
  const first = await send(port, 'DELETE', '/v1/tables/t');
  t.equal(first.status, 204);
  const destroyer = Number(first.headers['shm-worker']);
  t.throws(() => old.get('k'), { code: 'ERR_TABLE_CLOSED' }, 'every old handle is closed');
  for (const worker of workers) {
    t.equal(
      (await sendTo(port, worker, 'GET', '/v1/tables/t')).json.code,
      'ERR_TABLE_NOT_FOUND',
      'gone for every worker',
    );
  }
  await sendTo(port, destroyer, 'PUT', '/v1/tables/t', { json: { capacity: 5, columns: { other: 'int8' } } });
  for (const worker of workers) {
    const table = await sendTo(port, worker, 'GET', '/v1/tables/t');
    t.same(table.json.columns, { other: 'int8' }, 'every worker answers from the new one at once');
    t.equal((await sendTo(port, worker, 'PUT', '/v1/tables/t/rows/k', { json: { other: 1 } })).json.row.other, 1);
  }
});

t.test('delete and recreate, again and again, from alternating workers', async (t) => {
  const { port } = await startService(t);
  for (let round = 0; round < 50; round++) {
    const name = `c${round % 3}`;
    const json = { capacity: 5, columns: { [name]: 'int32' } };
    t.equal((await send(port, 'PUT', '/v1/tables/t', { json })).status, 201);
    const row = await send(port, 'PUT', '/v1/tables/t/rows/k', { json: { [name]: round } });
    t.same(row.json.row, { [name]: round });
    t.same((await send(port, 'GET', '/v1/tables/t/rows/k')).json.row, { [name]: round });
    t.equal((await send(port, 'DELETE', '/v1/tables/t')).status, 204);
  }
});

t.test('a worker that dies is replaced and its slots are settled', async (t) => {
  const { service, port, workers } = await startService(t, { args: ['--table', 't:10:n=int64'] });
  using table = Table.open('t', { namespace: service.namespace });
  const writeThrough = (worker: number) =>
    sendTo(port, worker, 'PUT', `/v1/tables/t/rows/${worker}`, { json: { n: 1 } });
  for (const worker of workers) await writeThrough(worker);
  const before = table.stats().participants;
  const [victim] = workers;
  process.kill(victim, 'SIGKILL');
  await service.logged(({ msg, worker }) => msg === 'dead worker settled' && worker === victim);
  t.equal(table.stats().participants, before - 1, 'its slot is free');
  const { workers: now = [] } = await service.logged(({ msg }) => msg === 'worker replaced');
  t.equal(now.length, 2);
  t.notOk(now.includes(victim));
  for (const worker of now) await writeThrough(worker);
  t.same(
    [...table.keys()].sort(),
    [...new Set([...workers, ...now])].map(String).sort(),
    'rows of the dead and the living',
  );
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('an anonymous table is shared by all workers, later ones too', async (t) => {
  const tables = { t: { capacity: 10, backend: 'anonymous', columns } };
  const { service, port, workers } = await startService(t, { config: { tables } });
  const [first, second] = workers;
  await sendTo(port, first, 'PUT', '/v1/tables/t/rows/k', { json: { n: 1 } });
  t.equal((await sendTo(port, second, 'GET', '/v1/tables/t/rows/k')).json.row.n, '1');
  process.kill(first, 'SIGKILL');
  const { workers: now = [] } = await service.logged(({ msg }) => msg === 'worker replaced');
  for (const worker of now) {
    t.equal((await sendTo(port, worker, 'GET', '/v1/tables/t/rows/k')).json.row.n, '1');
    const { tables: listed } = (await sendTo(port, worker, 'GET', '/v1/tables')).json;
    t.match(listed, [{ name: 't', backend: 'anonymous', rows: 1 }]);
  }
});

/** Resolves once nobody listens there any more. */
async function listenerClosed(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
    } catch {
      return;
    } finally {
      socket.destroy();
    }
  }
}

t.test('SIGTERM lets requests finish and ends with 0', async (t) => {
  const { service, port } = await startService(t, { args: ['--table', 't:10:n=int64'] });
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const body = '{"n":"7"}';
  const slow = request({
    port,
    host: '127.0.0.1',
    agent,
    method: 'PUT',
    path: '/v1/tables/t/rows/k',
    headers: { 'content-type': 'application/json', 'content-length': body.length, expect: '100-continue' },
  });
  slow.flushHeaders();
  await once(slow, 'continue');
  service.signal('SIGTERM');
  await listenerClosed(port);
  const answered = once(slow, 'response');
  slow.end(body);
  const [response] = await answered;
  t.equal(response.resume().statusCode, 201, 'a request that had begun before the workers closed');
  t.equal(response.headers.connection, 'close', 'is the last one of its connection');
  t.equal(await service.ended, 0);
  t.notOk(service.log.some(isKill), 'no worker had to be killed');
  using table = Table.open('t', { namespace: service.namespace });
  t.equal(table.get('k', 'n'), 7n, 'rows outlive the service');
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('connections that never sent anything keep no worker', async (t) => {
  const { service, port } = await startService(t);
  const silent = Array.from({ length: 4 }, () => connect(port, '127.0.0.1'));
  t.teardown(() => {
    for (const socket of silent) socket.destroy();
  });
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  // Connections are dealt out in the order in which they come: these have been, once later ones have their answers.
  for (let i = 0; i < 4; i++) await send(port, 'GET', '/healthz');
  const closed = silent.map((socket) => once(socket.resume(), 'close'));
  service.signal('SIGTERM');
  t.equal(await service.ended, 0);
  await Promise.all(closed);
  t.notOk(service.log.some(isKill), 'no worker had to be killed');
});

t.test('workers that are dead before they are told to stop', async (t) => {
  const program = fileURLToPath(new URL('../fixtures/server-dying-workers.js', import.meta.url));
  const { port } = await prepareAddress(withDefaults({ port: 0 }));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    program,
    String(port),
    `test-${process.pid}-dying`,
  ]);
  t.same({ stdout, stderr }, { stdout: 'stopped\n', stderr: '' });
});

t.test('a restart keeps the rows; another schema refuses', async (t) => {
  const { service, port } = await startService(t, { args: ['--table', 't:10:n=int64'] });
  await send(port, 'PUT', '/v1/tables/t/rows/k', { json: { n: 1 } });
  service.signal('SIGTERM');
  t.equal(await service.ended, 0);
  const env = { SHMTABLE_NAMESPACE: service.namespace };
  const refused = new ServiceProcess(t, { args: ['--port', '0', '--table', 't:10:n=int32'], env });
  t.equal(await refused.ended, 1);
  t.match(refused.stderr, /int32[\s\S]*int64|int64[\s\S]*int32/, 'both schemas are shown');
  const again = await startService(t, { args: ['--table', 't:10:n=int64'], env });
  t.equal((await send(again.port, 'GET', '/v1/tables/t/rows/k')).json.row.n, '1');
});

t.test('SIGHUP replaces every worker', async (t) => {
  const { service, port, workers } = await startService(t);
  service.signal('SIGHUP');
  const { msg } = await service.logged(({ msg }) => /^workers .*replaced$/.test(msg));
  t.equal(msg, 'workers replaced');
  t.notOk(service.log.some(isKill), 'no worker had to be killed');
  const now = new Set<number>();
  for (let i = 0; i < 10; i++) now.add(Number((await send(port, 'GET', '/healthz')).headers['shm-worker']));
  t.equal(now.size, 2);
  for (const worker of workers) t.notOk(now.has(worker), 'no old worker answers');
});

t.test('a port that is taken', async (t) => {
  const { port } = await startService(t);
  const second = new ServiceProcess(t, { args: ['--port', String(port), '--workers', '2'] });
  t.equal(await second.ended, 1);
  t.match(second.stderr, /EADDRINUSE/);
});

t.test('a Unix socket, also in the place of a dead one', async (t) => {
  const first = new ServiceProcess(t, { args: ['--workers', '1'], config: { socket: 'service.sock' } });
  await first.ready();
  const socketPath = join(first.folder, 'service.sock');
  const get = (host: string) =>
    new Promise((resolve, reject) => {
      const outgoing = request({ socketPath, path: '/healthz', headers: { host } });
      outgoing.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject);
      outgoing.end();
    });
  t.equal(await get('anything.example'), 200, 'whatever the Host');
  first.signal('SIGKILL');
  await first.ended;
  t.ok(readdirSync(first.folder).includes('service.sock'), 'the dead one left its socket');
  const second = new ServiceProcess(t, { args: ['--workers', '1'], env: { SHMTABLE_SOCKET: socketPath } });
  await second.ready();
  t.equal(await get('localhost'), 200);
});
