import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { commandIn } from '../fixtures/command-run.js';
import { send } from '../fixtures/http-client.js';
import { type LogEntry, ServiceProcess, startService } from '../fixtures/server-process.js';
import { LOAD_COLUMNS, ServiceLoad } from '../fixtures/service-load.js';
import { tries } from '../fixtures/tries.js';
import { WorkerConnections } from '../fixtures/worker-connections.js';

const columns = { n: 'int64', text: 'string(20)' } as const;

function isKill({ msg }: LogEntry): boolean {
  return msg === 'worker did not finish in time';
}

function isReplaced({ msg }: LogEntry): boolean {
  return /^workers .*replaced$/.test(msg);
}

t.test('workers share tables and rows and are replaced', async (t) => {
  const config = {
    tables: { given: { capacity: 10, columns }, memory: { capacity: 10, backend: 'anonymous', columns } },
  };
  const { service, port, workers } = await startService(t, { config });
  const { namespace } = service;
  const connections = new WorkerConnections(t, port);
  t.equal(workers.length, 2);

  await t.test('a row written by one worker is read by another', async (t) => {
    const [first, second] = workers;
    t.equal((await send(port, 'PUT', '/v1/tables/t', { json: { capacity: 10, columns } })).status, 201);
    for (const table of ['given', 'memory', 't']) {
      const path = `/v1/tables/${table}/rows/k`;
      t.equal((await connections.send(first, 'PUT', path, { json: { n: 1 } })).status, 201, table);
      t.equal((await connections.send(second, 'GET', path)).json.row.n, '1', 'a worker reads what another wrote');
    }
  });

  await t.test('a table that is destroyed and created again is the new one for every worker', async (t) => {
    using old = Table.open('t', { namespace });
    const [destroyer] = workers;
    t.equal((await connections.send(destroyer, 'DELETE', '/v1/tables/t')).status, 204);
    t.throws(() => old.get('k'), { code: 'ERR_TABLE_CLOSED' }, 'every old handle is closed');
    for (const worker of workers) {
      const answer = await connections.send(worker, 'GET', '/v1/tables/t');
      t.equal(answer.json.code, 'ERR_TABLE_NOT_FOUND', 'destroyed for every worker');
    }
    await connections.send(destroyer, 'PUT', '/v1/tables/t', { json: { capacity: 5, columns: { other: 'int8' } } });
    for (const worker of workers) {
      const table = await connections.send(worker, 'GET', '/v1/tables/t');
      t.same(table.json.columns, { other: 'int8' }, 'every worker uses the new table immediately');
      const row = await connections.send(worker, 'PUT', '/v1/tables/t/rows/k', { json: { other: 1 } });
      t.equal(row.json.row.other, 1);
    }
  });

  await t.test('alternating workers may create and destroy it repeatedly', async (t) => {
    let turn = 0;
    const alternate = (method: string, path: string, json?: unknown) =>
      connections.send(workers[turn++ % 2], method, path, { json });
    for (let round = 0; round < 50; round++) {
      const name = `c${round % 3}`;
      const made = await alternate('PUT', '/v1/tables/again', { capacity: 5, columns: { [name]: 'int32' } });
      t.equal(made.status, 201);
      t.same((await alternate('PUT', '/v1/tables/again/rows/k', { [name]: round })).json.row, { [name]: round });
      if (round % 2 === 0) turn++;
      t.same((await alternate('GET', '/v1/tables/again/rows/k')).json.row, { [name]: round });
      t.equal((await alternate('DELETE', '/v1/tables/again')).status, 204);
    }
  });

  await t.test('a worker that dies is replaced, and its slots are recovered', async (t) => {
    using table = Table.open('given', { namespace, columns });
    const before = table.stats().participants;
    const [victim] = workers;
    process.kill(victim, 'SIGKILL');
    await service.logged(({ msg, worker }) => msg === 'dead worker settled' && worker === victim);
    t.equal(table.stats().participants, before - 1, 'its slot is free');
    const { workers: now = [] } = await service.logged(({ msg }) => msg === 'worker replaced');
    t.equal(now.length, 2);
    t.notOk(now.includes(victim));
    for (const worker of now) {
      await connections.send(worker, 'PUT', `/v1/tables/given/rows/${worker}`, { json: { n: worker } });
      const inherited = await connections.send(worker, 'GET', '/v1/tables/memory/rows/k');
      t.equal(inherited.json.row.n, '1', 'later workers also have the anonymous table');
      const { tables } = (await connections.send(worker, 'GET', '/v1/tables')).json;
      t.ok(tables.some((info: { name: string; backend: string }) => info.name === 'memory'));
    }
    t.same([...table.keys()].sort(), ['k', ...now.map(String)].sort(), 'rows written by dead and live workers');
    t.same(table.verify(), { ok: true, problems: [] });
  });

  await t.test('SIGHUP replaces every worker; no request is refused or reset', async (t) => {
    connections.close();
    const options = { capacity: 100, columns: LOAD_COLUMNS };
    t.equal((await send(port, 'PUT', '/v1/tables/load', { json: options })).status, 201);
    using table = Table.open('load', { namespace, columns: LOAD_COLUMNS });
    const common = { port, table: 'load', connections: 4 };
    const loads = [
      new ServiceLoad({ ...common, keys: 'kept', keepAlive: true }),
      new ServiceLoad({ ...common, keys: 'new', keepAlive: false }),
    ];
    const old = new Set(service.workers);
    for (let round = 0; round < tries(1, 2); round++) {
      const from = service.log.length;
      service.signal('SIGHUP');
      const { msg, workers: now = [] } = await service.logged(isReplaced, from);
      t.equal(msg, 'workers replaced');
      t.equal(now.length, 2);
      for (const worker of now) t.notOk(old.has(worker), 'each worker is new');
    }
    for (const load of loads) {
      const before = load.answers;
      const { answers, resets, problems } = await load.stop();
      t.comment(`${answers} answers`);
      t.ok(before > 0);
      t.equal(resets, 0);
      t.same(problems, []);
      t.same(load.lost(table), []);
    }
    t.notOk(service.log.some(isKill), 'no worker had to be killed');
  });

  await t.test('SIGTERM lets requests finish and exits with code 0', async (t) => {
    const [worker] = service.workers;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.teardown(() => agent.destroy());
    const idle = new WorkerConnections(t, port);
    for (const each of service.workers) {
      t.same((await idle.send(each, 'GET', '/readyz')).json, { status: 'ready' });
    }
    const body = '{"n":"7"}';
    const slow = request({
      port,
      host: '127.0.0.1',
      agent,
      method: 'PUT',
      path: '/v1/tables/given/rows/k',
      headers: { 'content-type': 'application/json', 'content-length': body.length, expect: '100-continue' },
    });
    slow.flushHeaders();
    await once(slow, 'continue');
    const silent = Array.from({ length: 4 }, () => connect(port, '127.0.0.1'));
    t.teardown(() => {
      for (const socket of silent) socket.destroy();
    });
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    // The kernel's queue keeps their order: the connections before this one have been accepted when it gets its
    // response.
    t.equal((await send(port, 'GET', '/readyz')).status, 200);
    const silentEnd = silent.map((socket) => once(socket.resume(), 'close'));
    service.signal('SIGTERM');
    // Used continuously: a connection that is idle while all listeners close may be closed before it is used again.
    let unready = await idle.send(worker, 'GET', '/readyz');
    while (unready.status === 200) unready = await idle.send(worker, 'GET', '/readyz');
    t.equal(unready.status, 503, 'a draining worker is not ready');
    t.same(unready.json, { status: 'draining' });
    t.equal(unready.headers.connection, 'close');
    await listenerClosed(port);
    const answered = once(slow, 'response');
    slow.end(body);
    const [response] = await answered;
    t.equal(response.resume().statusCode, 200, 'a request that began before the workers stopped gets its response');
    t.equal(response.headers.connection, 'close', 'as the last one on its connection');
    t.equal(await service.ended, 0);
    await Promise.all(silentEnd);
    t.notOk(service.log.some(isKill), 'connections that never sent anything did not delay a worker');
    using table = Table.open('given', { namespace, columns });
    t.equal(table.get('k', 'n'), 7n, 'rows outlive the service');
    t.same(table.verify(), { ok: true, problems: [] });
  });

  await t.test('a restart keeps the rows; another schema prevents startup', async (t) => {
    const env = { SHMTABLE_NAMESPACE: namespace };
    const shmtable = commandIn(namespace);
    const refused = await shmtable(['serve', '--port', '0', '--table', 'given:10:n=int32']);
    t.equal(refused.code, 1);
    t.match(refused.stderr, /int32[\s\S]*int64|int64[\s\S]*int32/, 'both schemas are shown');
    const args = ['--port', '0', '--workers', '1', '--table', 'given:10:n=int64,text=string(20)'];
    const again = new ServiceProcess(t, { args, env });
    const { port: newPort } = await again.ready();
    t.equal((await send(newPort, 'GET', '/v1/tables/given/rows/k')).json.row.n, '7');
    const taken = await shmtable(['serve', '--port', String(newPort), '--workers', '1']);
    t.equal(taken.code, 1);
    t.match(taken.stderr, /cannot listen on .*EADDRINUSE/);
  });
});

/** Resolves when nothing listens there any longer. */
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

t.test('workers that die before they are told to stop do not delay the shutdown', async (t) => {
  const program = fileURLToPath(new URL('../fixtures/server-dying-workers.js', import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, `test-${process.pid}-dying`]);
  t.same({ stdout, stderr }, { stdout: 'stopped\n', stderr: '' });
});
