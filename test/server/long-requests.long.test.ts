/** Requests that last longer than a reload: they are completed by the old worker, for a limited time. */
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { eventually, within } from '../fixtures/deadline.js';
import { send } from '../fixtures/http-client.js';
import { startService } from '../fixtures/server-process.js';

const DRAIN_MS = 18_000;

t.test('a reload ends although requests go on, which then have a limited time', { timeout: 120_000 }, async (t) => {
  const tables = { rows: { capacity: 100, columns: { n: 'int32' } as const } };
  const config = { tables, limits: { drainTimeoutMs: DRAIN_MS } };
  const { service, port, workers } = await startService(t, { args: ['--workers', '1'], config });
  const { namespace } = service;
  using table = Table.open('rows', { namespace, columns: tables.rows.columns });
  const load = async (key: string): Promise<ClientRequest> => {
    const headers = { 'content-type': 'application/x-ndjson' };
    const loading = request({ host: '127.0.0.1', port, method: 'POST', path: '/v1/tables/rows/rows', headers });
    loading.write(`{"key":"${key}","row":{}}\n`);
    await eventually(`row ${key}`, () => table.has(key));
    return loading;
  };
  const completed = await load('completed');
  const endless = await load('endless');
  const cut = once(endless, 'error');
  const from = service.log.length;
  service.signal('SIGHUP');
  const replaced = await service.logged(({ msg }) => msg === 'workers replaced', from);
  t.same(replaced.draining, workers, 'the old worker goes on with its requests');
  t.notSame(replaced.workers, workers);
  t.equal((await send(port, 'GET', '/healthz')).headers['shm-worker'], String(replaced.workers?.[0]));

  const response: Promise<IncomingMessage[]> = once(completed, 'response') as Promise<IncomingMessage[]>;
  completed.end('{"key":"last","row":{}}');
  const [{ statusCode, headers }] = await within(5_000, 'the response', response);
  t.match([statusCode, headers['shm-worker']], [200, String(workers[0])]);
  t.ok(table.has('last'));

  await within(30_000, 'the end of the other request', cut);
  t.equal((await service.logged(({ msg }) => msg === 'worker did not finish in time', from)).worker, workers[0]);
  t.ok(table.has('endless'), 'what it has written remains');
  t.same(table.verify(), { ok: true, problems: [] });
});
