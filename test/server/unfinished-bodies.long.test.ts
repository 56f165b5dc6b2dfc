/** Many clients that send large bodies and do not finish them cannot take all memory of a worker. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { eventually } from '../fixtures/deadline.js';
import { startApp } from '../fixtures/server-app.js';

const MIB = 1024 * 1024;

const COLUMNS = { text: 'text' } as const;
const BODY_BYTES = 20 * MIB;
const CLIENTS = 10;

t.test('unfinished bodies share one limit, and finished ones no longer count', { timeout: 200_000 }, async (t) => {
  const { port, namespace, send } = await startApp(t, { limits: { bodyBytes: BODY_BYTES } });
  using table = Table.create({ name: 'wide', namespace, capacity: 100, columns: COLUMNS, heap: 400 * MIB });
  const begin = `{"text":"${'x'.repeat(BODY_BYTES - 100)}`;
  const rest = `${'x'.repeat(BODY_BYTES - begin.length - 2)}"}`;
  const clients = Array.from({ length: CLIENTS }, (_, i) => new SlowClient(port, `k${i}`));
  t.teardown(() => {
    for (const { socket } of clients) socket.destroy();
  });
  for (const client of clients) await client.write(begin);
  const refused = (): SlowClient[] => clients.filter(({ response }) => response.startsWith('HTTP/1.1 429 '));
  await eventually('some are refused', () => refused().length > 0, 60_000);
  t.match(refused()[0].response, /Retry-After: 1\r\n[\s\S]*"code":"ERR_RATE_LIMITED"/i);
  t.match(
    await send('PUT', '/v1/tables/wide/rows/small', { json: { text: 'x' } }),
    { status: 201 },
    'small ones are accepted',
  );

  for (const client of clients) if (client.response === '') await client.write(rest);
  await eventually('the others get responses', () => clients.every(({ response }) => response !== ''), 60_000);
  const written = clients.filter(({ response }) => response.startsWith('HTTP/1.1 201 '));
  t.equal(written.length + refused().length, CLIENTS);
  t.ok(written.length > 1, `${written.length} written`);
  t.equal(table.size, written.length + 1);
  const late = new SlowClient(port, 'late');
  await late.write(begin);
  await late.write(rest);
  await eventually('there is room again', () => late.response.startsWith('HTTP/1.1 201 '), 60_000);
  late.socket.destroy();
});

class SlowClient {
  readonly socket: Socket;
  response = '';

  constructor(port: number, key: string) {
    this.socket = connect(port, '127.0.0.1');
    this.socket
      .on('error', () => undefined)
      .on('data', (chunk) => {
        this.response += chunk.toString('latin1');
      });
    const head = `PUT /v1/tables/wide/rows/${key} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    this.socket.write(`${head}Content-Length: ${BODY_BYTES}\r\n\r\n`);
  }

  /** Resolves when the service has taken the bytes. */
  async write(text: string): Promise<void> {
    if (!this.socket.write(text)) await once(this.socket, 'drain');
  }
}
