/** Unusual connections: many requests at once, half-closed, reset, upgraded. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { startApp, type TestApp } from '../fixtures/server-app.js';

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

t.test('a request waits until the one before it is answered', async (t) => {
  const app = await startApp(t);
  const json = { capacity: 200, columns: { text: 'string(65535)' } } as const;
  t.equal((await app.send('PUT', '/v1/tables/wide', { json })).status, 201);
  const wide = Table.open('wide', { namespace: app.namespace, columns: json.columns });
  t.teardown(() => wide.close());
  for (let row = 0; row < 100; row++) wide.set(`k${row}`, { text: 'x'.repeat(65_535) });
  const socket = connect(app.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  const page = 'GET /v1/tables/wide/rows?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n';
  socket.write(`${page}PUT /v1/tables/t/rows/behind ${PUT}`);
  await once(socket, 'readable');
  await askOften(app);
  t.notOk(app.table.has('behind'), 'not executed while the client does not read the page');
  socket.resume();
  while (!app.table.has('behind')) await askOften(app);
  t.pass('then it is executed');
});

t.test('requests sent at once are answered in order, up to a maximum number', async (t) => {
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
  whole.end(`PUT /v1/tables/t/rows/k ${PUT}${GET}`);
  t.same(statuses(await read(whole)), ['201', '200']);
  t.ok(table.has('k'));
  const broken = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  broken.end(`PUT /v1/tables/t/rows/k ${PUT}garbage\r\n\r\n`);
  t.same(statuses(await read(broken)), ['200', '400'], 'and the error for the bytes behind them');
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
