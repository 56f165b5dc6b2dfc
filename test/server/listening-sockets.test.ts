import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ListeningSockets } from '../../src/server/listening-sockets.js';
import { ServiceProcess } from '../fixtures/server-process.js';

async function open(t: Test, address: Partial<Parameters<typeof ListeningSockets.open>[0]>): Promise<ListeningSockets> {
  const sockets = await ListeningSockets.open({ host: '127.0.0.1', port: 0, socket: undefined, ...address });
  t.teardown(() => sockets.close());
  return sockets;
}

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'shmtable-test-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

t.test('a port in use is an error that names it', async (t) => {
  const { port } = await open(t, {});
  const holder = createServer().listen(0, '127.0.0.1');
  t.teardown(() => holder.close());
  await once(holder, 'listening');
  const taken = Number(Object(holder.address()).port);
  t.not(port, taken);
  await t.rejects(ListeningSockets.open({ host: '127.0.0.1', port: taken, socket: undefined }), {
    code: 'ERR_INTERNAL',
    message: `cannot listen on 127.0.0.1:${taken}: EADDRINUSE`,
  });
});

t.test('an address of another machine is an error that names it', async (t) => {
  await t.rejects(ListeningSockets.open({ host: '192.0.2.1', port: 0, socket: undefined }), {
    code: 'ERR_INTERNAL',
    message: 'cannot listen on 192.0.2.1:0: EADDRNOTAVAIL',
  });
});

t.test('localhost stands for all of its addresses, on one port', async (t) => {
  const { port, address, descriptors } = await open(t, { host: 'localhost' });
  t.equal(address, `localhost:${port}`);
  t.ok(descriptors.length >= 1 && descriptors.length <= 2);
});

t.test('an IPv6 address is shown in brackets', async (t) => {
  const { address, port } = await open(t, { host: '::1' });
  t.equal(address, `[::1]:${port}`);
});

t.test('only its owner can connect to a Unix socket, and closing removes it', async (t) => {
  const path = join(folder(t), 'service.sock');
  const sockets = await ListeningSockets.open({ host: '127.0.0.1', port: 0, socket: path });
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.equal(sockets.address, path);
  t.equal(sockets.port, undefined);
  sockets.close();
  t.notOk(statSync(path, { throwIfNoEntry: false }));
});

t.test('a Unix socket replaces neither another file nor the socket of a live service', async (t) => {
  const file = join(folder(t), 'file');
  writeFileSync(file, 'text');
  await t.rejects(open(t, { socket: file }), {
    code: 'ERR_ARGUMENT',
    message: `socket ${file} exists and is not a socket`,
  });
  const used = join(folder(t), 'used.sock');
  const other = createServer().listen(used);
  t.teardown(() => other.close());
  await once(other, 'listening');
  await t.rejects(open(t, { socket: used }), {
    code: 'ERR_INTERNAL',
    message: `cannot listen on ${used}: another service is listening on it`,
  });
  const nowhere = join(folder(t), 'missing', 'service.sock');
  await t.rejects(open(t, { socket: nowhere }), { code: 'ERR_INTERNAL', message: /EACCES|ENOENT/ });
});

t.test('a service listens on a Unix socket, and replaces that of a dead service', async (t) => {
  const first = new ServiceProcess(t, { args: ['--workers', '1'], config: { socket: 'service.sock' } });
  await first.ready();
  const socketPath = join(first.folder, 'service.sock');
  const get = async (host: string) => {
    const [response] = await once(request({ socketPath, path: '/healthz', headers: { host } }).end(), 'response');
    return { status: response.resume().statusCode, worker: Number(response.headers['shm-worker']) };
  };
  t.equal((await get('anything.example')).status, 200, 'with any Host');
  first.signal('SIGKILL');
  await first.ended;
  t.ok(readdirSync(first.folder).includes('service.sock'), 'the dead service left its socket');
  const second = new ServiceProcess(t, { args: ['--workers', '1'], env: { SHMTABLE_SOCKET: socketPath } });
  const { workers } = await second.ready();
  t.same(await get('localhost'), { status: 200, worker: workers[0] });
  process.kill(workers[0], 'SIGKILL');
  await second.logged(({ msg }) => msg === 'worker died');
  const { status, worker } = await get('localhost');
  t.equal(status, 200, 'connections wait while no worker is alive');
  t.not(worker, workers[0], 'and the next worker responds');
  second.signal('SIGTERM');
  t.equal(await second.ended, 0);
  t.notOk(readdirSync(first.folder).includes('service.sock'), 'a service that ends normally leaves none');
});
