import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, TLSSocket } from 'node:tls';
import t from 'tap';
import { commandIn } from '../fixtures/command-run.js';
import { sendRaw } from '../fixtures/http-client.js';
import { startApp } from '../fixtures/server-app.js';
import { startService } from '../fixtures/server-process.js';
import { createTlsFiles } from '../fixtures/tls-files.js';

const folder = mkdtempSync(join(tmpdir(), 'shmtable-tls-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const first = createTlsFiles(folder, 'first');
const second = createTlsFiles(folder, 'second');

interface TlsAnswer {
  readonly status: number | undefined;
  readonly hsts: string | undefined;
  /** Common name of the certificate that the service presented. */
  readonly name: string;
}

async function get(port: number, ca: Buffer): Promise<TlsAnswer> {
  const outgoing = request({ host: '127.0.0.1', port, path: '/v1/tables', ca, agent: false }).end();
  const [response] = await once(outgoing, 'response');
  response.resume();
  const { socket, statusCode, headers } = response;
  const name = socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject.CN) : '';
  await once(response, 'end');
  return { status: statusCode, hsts: headers['strict-transport-security'], name };
}

t.test('invalid files prevent startup', async (t) => {
  writeFileSync(join(folder, 'text'), 'no certificate');
  const config = join(folder, 'config.json');
  const shmtable = commandIn(`test-${process.pid}-tls`);
  for (const [tls, message] of [
    [{ cert: first.cert, key: join(folder, 'none') }, /tls\.key .*none/],
    [{ cert: join(folder, 'text'), key: first.key }, /tls\.cert .*text/],
    [{ cert: first.cert, key: second.key }, /tls\.cert .*first\.crt and tls\.key .*second\.key/],
    [{ cert: first.cert }, /tls\.cert is set, but tls\.key is not/],
  ] as const) {
    writeFileSync(config, JSON.stringify({ tls }));
    const { code, stderr } = await shmtable(['serve', '--port', '0', '--workers', '1', '--config', config]);
    t.equal(code, 2);
    t.match(stderr, message);
  }
});

t.test('HTTPS uses new files after SIGHUP', async (t) => {
  const tls = { cert: join(folder, 'used.crt'), key: join(folder, 'used.key') };
  const use = ({ cert, key }: { cert: string; key: string }) => {
    copyFileSync(cert, tls.cert);
    copyFileSync(key, tls.key);
  };
  use(first);
  const { service, port } = await startService(t, { config: { tls } });
  t.match(await get(port, first.ca), { status: 200, name: 'first', hsts: 'max-age=15552000' });
  await t.rejects(get(port, second.ca), 'a client that trusts only another certificate is not served');
  t.equal(
    await sendRaw(port, 'GET /v1/tables HTTP/1.1\r\nHost: localhost\r\n\r\n').catch(() => ''),
    '',
    'nor is one that uses plain HTTP',
  );

  const hangUp = async () => {
    const before = service.log.length;
    service.signal('SIGHUP');
    return service.logged(({ msg }) => /^workers .*replaced$/.test(msg), before);
  };
  copyFileSync(second.cert, tls.cert);
  t.match(
    await hangUp(),
    { msg: 'workers cannot be replaced', err: { message: /tls\.cert/ } },
    'a certificate without its key',
  );
  t.match(await get(port, first.ca), { status: 200 }, 'changes nothing');
  use(second);
  t.match(await hangUp(), { msg: 'workers replaced' });
  for (let i = 0; i < 4; i++) t.match(await get(port, second.ca), { status: 200, name: 'second' });

  const silent = connectTls({ port, host: '127.0.0.1', ca: second.ca });
  await once(silent, 'secureConnect');
  const closed = once(silent.resume(), 'close');
  service.signal('SIGTERM');
  await closed;
  t.equal(await service.ended, 0);
  const isKill = ({ msg }: { msg: string }) => msg === 'worker did not finish in time';
  t.notOk(service.log.some(isKill), 'a connection without a request does not delay a worker');
});

t.test('a client that never completes its handshake is disconnected', async (t) => {
  const tls = { cert: first.cert, key: first.key };
  const { port } = await startApp(t, { tls, limits: { requestTimeoutMs: 300 } });
  const socket = connect(port, '127.0.0.1');
  await once(socket.resume(), 'close');
  t.match(await get(port, first.ca), { status: 200 });
});
