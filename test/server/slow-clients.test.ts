import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { within } from '../fixtures/deadline.js';
import { send, sendRaw } from '../fixtures/http-client.js';
import { startApp } from '../fixtures/server-app.js';

const PUT = 'PUT /v1/tables/t/rows/k HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

t.test('a request that does not arrive in time is rejected', async (t) => {
  const { sendRaw, table } = await startApp(t, { limits: { requestTimeoutMs: 300 } });
  for (const [bytes, what] of [
    ['GET /v1/tables HTT', 'half a request line'],
    ['GET /v1/tables HTTP/1.1\r\nHost: localhost\r\n', 'unfinished headers'],
    [`${PUT}Content-Length: 20\r\n\r\n{"i8":`, 'half a body'],
    [`${PUT}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n`, 'an unfinished body'],
  ]) {
    const started = Date.now();
    const answer = await sendRaw(bytes);
    const tookMs = Date.now() - started;
    t.match(
      answer,
      /^HTTP\/1.1 408 [\s\S]*application\/problem\+json[\s\S]*did not arrive in time","code":"ERR_REQUEST_TIMEOUT"/,
      what,
    );
    t.ok(tookMs < 10_000, `after ${tookMs} ms`);
  }
  t.equal(table.size, 0);
});

t.test('after that the connection ends, whatever the client still sends, and nothing is written', async (t) => {
  const { port, table } = await startApp(t, { limits: { requestTimeoutMs: 300 } });
  const clients: [string, string, string][] = [
    [`${PUT}X: `, 'x', 'headers that never end'],
    [`${PUT}X: `, '\r\nContent-Length: 2\r\n\r\n{}', 'headers that end too late'],
    [`${PUT}Content-Length: 100000\r\n\r\n{"text":"`, 'x', 'a body that never ends'],
    [`${PUT}Content-Length: 10\r\n\r\n`, '{"i8":   1}', 'a body that ends too late'],
    [`GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n${PUT}Content-Length: 2\r\n\r\n`, '{}', 'behind another request'],
    ['GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n', 'x', 'a body after the response'],
  ];
  const all = clients.map(async ([begin, rest, what]) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let response = '';
    const refused = /HTTP\/1\.1 408 [\s\S]*ERR_REQUEST_TIMEOUT/;
    socket.on('data', (chunk) => {
      response += chunk;
    });
    // Its error, if it has one, is no failure.
    const closed = new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve));
    socket.write(begin);
    await once(socket, 'end');
    if (what !== 'a body after the response') t.match(response, refused, what);
    const trickle = setInterval(() => socket.write(rest), 50);
    await within(5000, `${what}: the end of the connection`, closed);
    clearInterval(trickle);
  });
  await Promise.all(all);
  t.equal(table.size, 0);
});

t.test('a response that has begun is not mixed with an error', async (t) => {
  const { port } = await startApp(t, { limits: { requestTimeoutMs: 300 } }, { changes: 65_536 });
  const answer = await sendRaw(
    port,
    'GET /v1/tables/t/changes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx',
  );
  t.match(answer, /^HTTP\/1\.1 200 /);
  t.notMatch(answer, 'HTTP/1.1 408');
});

t.test('a connection without any request is closed', async (t) => {
  const { port } = await startApp(t, { limits: { requestTimeoutMs: 300 } });
  const socket = connect(port, '127.0.0.1');
  await once(socket.resume(), 'close');
});

t.test('a client that does not read its responses is disconnected', async (t) => {
  const { port, table } = await startApp(t, { limits: { requestTimeoutMs: 500 } });
  for (let i = 0; i < 100; i++) table.set(`${i}`.padEnd(255, 'x'), {});
  const socket = connect(port, '127.0.0.1');
  const gone = once(socket, 'error');
  // More responses than the buffers of both ends hold, none of which is read.
  const asking = 'GET /v1/tables/t/rows?limit=100 HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2000);
  socket.pause();
  socket.write(asking);
  const started = Date.now();
  const probe = setInterval(() => socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'), 100);
  t.teardown(() => clearInterval(probe));
  const [error] = await gone;
  t.match(error.code, /^(ECONNRESET|EPIPE)$/, `disconnected after ${Date.now() - started} ms`);
  t.equal((await send(port, 'GET', '/healthz')).status, 200, 'others are served');
});

t.test('also if it goes on sending, even invalid bytes', async (t) => {
  const { port, namespace } = await startApp(t, { limits: { requestTimeoutMs: 300 } });
  using wide = Table.create({ name: 'wide', namespace, capacity: 100, columns: { text: 'string(65535)' } });
  for (let i = 0; i < 100; i++) wide.set(`${i}`, { text: 'x'.repeat(65_535) });
  const socket = connect(port, '127.0.0.1');
  const gone = once(socket, 'error');
  socket.pause();
  socket.write(`${'GET /v1/tables/wide/rows HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(5)}invalid\r\n`);
  const trickle = setInterval(() => socket.write('x'), 100);
  t.teardown(() => clearInterval(trickle));
  const [error] = await within(10_000, 'the end of the connection', gone);
  t.match(error.code, /^(ECONNRESET|EPIPE)$/);
});

t.test('a stream of changes may be silent for longer', async (t) => {
  const { port, send: ask } = await startApp(t, { limits: { requestTimeoutMs: 300 } });
  const made = await ask('PUT', '/v1/tables/fed', { json: { capacity: 10, changes: 65_536, columns: { n: 'int32' } } });
  t.equal(made.status, 201);
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.write('GET /v1/tables/fed/changes HTTP/1.1\r\nHost: localhost\r\n\r\n');
  while (!text.includes('events follow')) await once(socket, 'data');
  // Meanwhile others connect and are disconnected because they send nothing: the stream has been silent for longer.
  for (let i = 0; i < 3; i++) t.match(await sendRaw(port, 'GET /'), /did not arrive in time/);
  await ask('PUT', '/v1/tables/fed/rows/k', { json: { n: 1 } });
  while (!text.includes('event: insert')) await once(socket, 'data');
  t.pass('the stream continues');
});
