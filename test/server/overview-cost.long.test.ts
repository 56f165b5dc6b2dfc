/** What it costs a worker to be watched. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { ChangesClient } from '../fixtures/changes-client.js';
import { startService } from '../fixtures/server-process.js';

const CONSOLES = 10;
const TABLES = 20;
const WATCHED_MS = 6000;
const TICKS_PER_S = 100;

/** Processor time of a process so far, in seconds. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

async function shareDuring(pid: number, ms: number): Promise<number> {
  const before = cpuSeconds(pid);
  const began = performance.now();
  await sleep(ms);
  return (cpuSeconds(pid) - before) / ((performance.now() - began) / 1000);
}

t.test(`${CONSOLES} open consoles take less than 2 % of a core of their worker`, { timeout: 60_000 }, async (t) => {
  const { service, port, workers } = await startService(t, { args: ['--workers', '1'] });
  const columns = { n: 'int64', doc: 'json' } as const;
  const tables = Array.from({ length: TABLES }, (_, i) =>
    Table.create({ name: `table-${i}`, namespace: service.namespace, capacity: 1000, columns }),
  );
  t.teardown(() => {
    for (const table of tables) table.destroy();
  });
  const writing = setInterval(() => {
    for (const table of tables) table.increment('k', 'n');
  }, 20);
  t.teardown(() => clearInterval(writing));
  const [worker] = workers;
  await sleep(1000);
  const idle = await shareDuring(worker, WATCHED_MS);
  const clients = await Promise.all(
    Array.from({ length: CONSOLES }, () => ChangesClient.open(t, port, '/v1/overview')),
  );
  await Promise.all(clients.map((client) => client.take(2)));
  const watched = await shareDuring(worker, WATCHED_MS);
  const messages = await Promise.all(clients.map((client) => client.take(3)));
  t.ok(
    messages.every(({ length }) => length === 3),
    'all get messages',
  );
  const percent = 100 * (watched - idle);
  t.comment(`idle ${(100 * idle).toFixed(2)} %, watched ${(100 * watched).toFixed(2)} %`);
  t.ok(percent < 2, `${percent.toFixed(2)} % of a core`);
});
