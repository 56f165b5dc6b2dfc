/** A worker whose descriptors are used up by tables refuses requests, and goes on. */
import { Agent } from 'node:http';
import t from 'tap';
import { monotonicMs, pause } from '../../src/memory/index.js';
import { send } from '../fixtures/http-client.js';
import { startService } from '../fixtures/server-process.js';

const DESCRIPTORS = 100;
/** Some reports of the process. */
const WATCHED_MS = 3000;

t.test('tables take all descriptors', { timeout: 120_000 }, async (t) => {
  const { service, port, workers } = await startService(t, { args: ['--workers', '1'], descriptors: DESCRIPTORS });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const json = { capacity: 10, columns: { n: 'int32' } };
  let status = 201;
  let tables = 0;
  for (; status === 201 && tables < DESCRIPTORS; tables++) {
    ({ status } = await send(port, 'PUT', `/v1/tables/t${tables}`, { agent, json }));
  }
  t.ok(status >= 500, `${status} after ${tables} tables`);
  for (const began = monotonicMs(); monotonicMs() - began < WATCHED_MS; ) {
    const { headers } = await send(port, 'GET', '/healthz', { agent });
    if (headers['shm-worker'] !== String(workers[0])) t.fail('another worker');
    await pause(50);
  }
  t.notOk(service.log.some(({ msg }) => msg === 'worker died'));
  t.equal(service.stderr, '');
});
