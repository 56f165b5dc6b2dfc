/** Rows of megabytes in a cluster: whoever reads many of them holds only a few in memory at a time. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import t from 'tap';
import { ClusterTable } from '../../src/cluster/index.js';
import { send } from '../fixtures/http-client.js';
import { startRedis } from '../fixtures/redis-servers.js';
import { startService } from '../fixtures/server-process.js';

t.setTimeout(120_000);

const columns = { n: 'uint32', page: 'text' } as const;
const ROWS = 128;
const ROW_BYTES = 4 * 1024 * 1024;
/** The garbage collector is late by 200 MiB, however many rows there are. */
const MAX_RISE = (ROWS * ROW_BYTES * 3) / 5;

/** The most memory that a process has had. */
function peakOf(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kilobytes) * 1024;
}

/** The length of a body that is read as it comes, and the number of its lines. */
async function drain(
  port: number,
  path: string,
  headers: Record<string, string>,
): Promise<{ bytes: number; lines: number }> {
  const asked = request({ host: '127.0.0.1', port, path, headers }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  let bytes = 0;
  let lines = 0;
  for await (const chunk of answer) {
    bytes += chunk.length;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
  }
  return { bytes, lines };
}

t.test('an export and a page of long rows', async (t) => {
  const server = await startRedis();
  t.teardown(() => server.stop());
  const nodes = [`redis://127.0.0.1:${server.port}`];
  const { service, port, workers } = await startService(t, {
    config: { tables: { long: { columns, cluster: { nodes } } } },
  });
  const table = await ClusterTable.connect({ name: 'long', columns, namespace: service.namespace, cluster: { nodes } });
  t.teardown(() => table.close());
  const page = 'p'.repeat(ROW_BYTES);
  for (let n = 0; n < ROWS; n++) await table.set(`k${n}`, { n, page });
  const before = Math.max(...workers.map(peakOf));
  let ended = false;
  const lines = drain(port, '/v1/tables/long/rows', { accept: 'application/x-ndjson' }).finally(() => {
    ended = true;
  });
  const statuses = new Set<number>();
  while (!ended) statuses.add((await send(port, 'GET', '/healthz')).status);
  t.same([...statuses], [200], 'other requests are answered meanwhile');
  const all = await lines;
  t.equal(all.lines, ROWS);
  t.ok(all.bytes > ROWS * ROW_BYTES);
  const first = (await send(port, 'GET', '/v1/tables/long/rows?limit=100')).json;
  t.ok(first.rows.length < ROWS / 2 && first.cursor !== null, `a page ends early, after ${first.rows.length} rows`);
  const rise = Math.max(...workers.map(peakOf)) - before;
  t.comment(`peak ${before >> 20} MiB + ${rise >> 20} MiB`);
  t.ok(rise < MAX_RISE, `${rise >> 20} MiB more`);

  let found = 0;
  for await (const { row } of table.scan({ columns: ['n'] })) found += row.n;
  t.equal(found, (ROWS * (ROWS - 1)) / 2, 'without the long column');
});
