/** Unusual connections: many requests at once, half-closed, reset, upgraded. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { startApp, type TestApp } from '../fixtures/server-app.js';
import { startService } from '../fixtures/server-process.js';

const GET = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
const PUT = 'HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"i8":5}';

/** Everything that arrives until the service closes. */
async function read(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

function statuses(raw: string): string[] {
  return Array.from(raw.matchAll(/HTTP\/1\.1 (\d+) /g), ([, status]) => status);
}

/** Sends requests over other connections, so that the event loop of the service has run several times. */
async function askOften({ send }: TestApp): Promise<void> {
  for (let i = 0; i < 10; i++) await send('GET', '/healthz');
}

t.test('a request waits until the one before it has its response', async (t) => {
  const app = await startApp(t);
  const json = { capacity: 1, columns: { data: 'bytes(16777215)' } } as const;
  t.equal((await app.send('PUT', '/v1/tables/wide', { json })).status, 201);
  const wide = Table.open('wide', { namespace: app.namespace, columns: json.columns });
  t.teardown(() => wide.close());
  // More as base64 than the buffers of both ends hold.
  wide.set('k', { data: new Uint8Array(16_777_215) });
  const socket = connect(app.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  const get = 'GET /v1/tables/wide/rows/k HTTP/1.1\r\nHost: localhost\r\n\r\n';
  socket.write(`${get}PUT /v1/tables/t/rows/behind ${PUT}`);
  await once(socket, 'readable');
  await askOften(app);
  t.notOk(app.table.has('behind'), 'not executed while the client does not read its response');
  socket.resume();
  while (!app.table.has('behind')) await askOften(app);
  t.pass('then it is executed');
});

t.test('requests sent at once get their responses in order, up to a maximum number', async (t) => {
  const { sendRaw, port } = await startApp(t);
  const last = 'GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  t.same(statuses(await sendRaw(GET.repeat(300) + last)), [...Array(300).fill('200'), '404']);
  const socket = connect(port, '127.0.0.1');
  socket.write(GET.repeat(5000));
  const answered = statuses(await read(socket)).length;
  t.equal(answered, 501);
});

t.test('a client that half-closes its connection gets its responses', async (t) => {
  const { port, table } = await startApp(t);
  const whole = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  // Takes long enough that the service notices the half-close before it responds.
  const batch = JSON.stringify(Array.from({ length: 10_000 }, () => ({ op: 'increment', key: 'k', column: 'u32' })));
  const head = 'HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  whole.end(`POST /v1/tables/t/batch ${head}Content-Length: ${batch.length}\r\n\r\n${batch}${GET}`);
  t.same(statuses(await read(whole)), ['200', '200']);
  t.equal(table.get('k', 'u32'), 10_000);
  const broken = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  broken.end(`PUT /v1/tables/t/rows/k ${PUT}garbage\r\n\r\n`);
  t.same(statuses(await read(broken)), ['200', '400'], 'and the error for the bytes that follow');
});

t.test('an upgrade is ignored, and CONNECT is refused', async (t) => {
  const { sendRaw } = await startApp(t);
  const upgrade = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';
  const last = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  t.same(statuses(await sendRaw(upgrade + last)), ['200'], 'its response is the last of the connection');
  const tunnel = await sendRaw('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n');
  t.match(tunnel, /^HTTP\/1.1 405 [\s\S]*Allow: [\s\S]*ERR_METHOD_NOT_ALLOWED/);
});

t.test('a client that resets its connection is not mistaken for one of a Unix socket', async (t) => {
  const app = await startApp(t);
  for (let i = 0; i < 50; i++) {
    const socket = connect(app.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(`PUT /v1/tables/t/rows/evil ${PUT.replace('localhost', 'evil.example')}`);
    socket.resetAndDestroy();
    await once(socket, 'close');
  }
  await askOften(app);
  t.notOk(app.table.has('evil'));
});

t.test('connections beyond the limit are refused with 503, and those within it are served', async (t) => {
  const { port } = await startApp(t, { limits: { connections: 20 } });
  const within = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'));
  t.teardown(() => {
    for (const socket of within) socket.destroy();
  });
  await Promise.all(within.map((socket) => once(socket, 'connect')));
  for (let i = 0; i < 200; i++) {
    const answer = await read(connect(port, '127.0.0.1'));
    if (!/^HTTP\/1\.1 503 [\s\S]*Retry-After: 1[\s\S]*"code":"ERR_RATE_LIMITED"/.test(answer)) t.fail(answer);
  }
  const [first, second] = within;
  first.write(GET.replace('localhost', 'localhost\r\nConnection: close'));
  t.same(statuses(await read(first)), ['200'], 'a connection within the limit');
  second.destroy();
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    socket.write(GET.replace('localhost', 'localhost\r\nConnection: close'));
    const [status] = statuses(await read(socket));
    if (status === '200') break;
  }
  t.pass('and a new one when one has ended');
});

t.test('a service with few descriptors refuses connections and survives', async (t) => {
  const { service, port, workers } = await startService(t, { args: ['--workers', '1'], descriptors: 500 });
  const many = Array.from({ length: 700 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  t.teardown(() => {
    for (const socket of many) socket.destroy();
  });
  const refused = await service.logged(({ msg }) => msg === 'limit of connections reached');
  t.equal(refused.limit, 250);
  // Gives the worker time to sample its event loop.
  const { log } = service;
  many[0].write(GET);
  await once(many[0], 'data');
  t.same(service.workers, workers);
  t.equal(log.filter(({ msg }) => msg === 'limit of connections reached').length, 1, 'one line');
  t.notOk(log.some(({ msg }) => msg === 'worker died'));
});
