import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { LiveReader } from '../../src/cli/live-reader.js';
import { screenOf } from '../../src/cli/top-screen.js';
import { counterOf, histogramOf } from '../../src/server/metrics/metric-families.js';
import { ServiceMemory } from '../../src/server/service-memory.js';
import { Table } from '../../src/table/table.js';
import { COMMAND, commandIn } from '../fixtures/command-run.js';
import { eventually } from '../fixtures/deadline.js';

const namespace = `test-${process.pid}-top`;
const run = commandIn(namespace);

const table = Table.create({ name: 't', namespace, capacity: 200, columns: { n: 'int32' } });
t.teardown(() => table.destroy());

t.test('a sample shows tables, rates, services and their latest events', async (t) => {
  const memory = ServiceMemory.create(namespace, 1);
  t.teardown(() => memory.remove());
  const reader = new LiveReader(namespace);
  t.teardown(() => reader.close());
  const labels = { method: 'GET', route: '/r' };
  counterOf(memory.metrics, 'shmtable_worker_starts_total').increment(3);
  counterOf(memory.metrics, 'shmtable_worker_ends_total').increment();
  counterOf(memory.metrics, 'shmtable_worker_deaths_total').increment();
  counterOf(memory.metrics, 'shmtable_http_requests_total', { ...labels, status: '200' }).increment(5);
  const first = reader.read();
  t.match(first.tables, [{ name: 't', rows: 0, capacity: 200, bytes: table.stats().bytes, participants: 1 }]);
  t.match(
    first.services,
    [{ pid: process.pid, workers: 2, requestsPerSecond: 0, p50Ms: null, p99Ms: null, deaths: 1, events: [] }],
    'no rates in the first sample',
  );

  for (let i = 0; i < 100; i++) table.set(`${i}`, { n: i });
  table.set('1', { n: 5 });
  table.delete('2');
  counterOf(memory.metrics, 'shmtable_http_requests_total', { ...labels, status: '200' }).increment(10);
  counterOf(memory.metrics, 'shmtable_http_requests_total', { ...labels, status: '503' }).increment(2);
  const durations = histogramOf(memory.metrics, 'shmtable_http_request_duration_seconds', labels);
  for (let i = 0; i < 98; i++) durations.observe(0.002);
  for (let i = 0; i < 2; i++) durations.observe(0.4);
  for (let worker = 1; worker <= 12; worker++) memory.events.add({ type: 'worker started', worker });
  const second = reader.read();
  const { intervalMs, tables, services } = second;
  // Rates are rounded to a tenth, and the interval to a millisecond.
  const inAll = (perSecond: number) => (perSecond * Math.max(intervalMs, 1)) / 1000;
  const [counts] = tables;
  t.equal(counts.rows, 99);
  const tolerance = Math.max(0.2, 100 / Math.max(intervalMs, 1));
  for (const [rate, count] of [
    [counts.insertsPerSecond, 100],
    [counts.updatesPerSecond, 1],
    [counts.deletesPerSecond, 1],
    [services[0].requestsPerSecond, 12],
    [services[0].failuresPerSecond, 2],
  ] as const) {
    t.ok(Math.abs(inAll(rate) - count) <= tolerance, `${inAll(rate)} is ${count}`);
  }
  t.match(services, [{ p50Ms: 2.5, p99Ms: 500 }]);
  t.same(
    services[0].events.map((event) => event.worker),
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    'the latest ten',
  );

  memory.events.add({
    type: 'slow request',
    worker: 7,
    requestId: 'id',
    method: 'GET',
    url: '/\u001b[31m',
    status: 200,
    durationMs: 700,
  });
  const third = reader.read();
  t.equal(third.services[0].events.length, 10);
  const screen = screenOf(third, 1000);
  t.match(screen, /^t +99 +50% /m);
  t.match(screen, /slow request: GET \/\?\[31m 200 took 700 ms in worker 7 \(id\)/);
  t.equal(screenOf(third, 12).split('\n').length, 11, 'all lines of the screen except that of the cursor');
  t.match(screenOf(third, 12), /slow request/, 'the latest events are shown');
});

t.test('a service that has ended is missing from the next sample', async (t) => {
  const memory = ServiceMemory.create(namespace, 1);
  const reader = new LiveReader(namespace);
  t.teardown(() => reader.close());
  t.equal(reader.read().services.length, 1);
  memory.remove();
  t.same(reader.read().services, []);
});

t.test('without a terminal the command prints one sample', async (t) => {
  using other = Table.create({ name: 'other', namespace, capacity: 5, columns: { n: 'int32' } });
  t.teardown(() => Table.destroy('other', { namespace }));
  other.set('k', { n: 1 });
  const memory = ServiceMemory.create(namespace, 1);
  t.teardown(() => memory.remove());
  memory.events.add({ type: 'worker died', worker: 77, code: null, signal: 'SIGKILL' });
  const { code, stdout } = await run(['top', '--json', '--interval', '60']);
  t.equal(code, 0);
  const sample = JSON.parse(stdout);
  t.match(sample, {
    namespace,
    tables: [{ name: 'other', rows: 1 }],
    services: [{ pid: process.pid, events: [{ type: 'worker died', worker: 77 }] }],
  });
  t.ok(sample.intervalMs >= 50);
  const text = await run(['top', '--interval', '60']);
  t.equal(text.code, 0, 'one sample without a terminal');
  t.match(text.stdout, /^other +1 +20%/m);
  t.match(text.stdout, /worker 77 died \(SIGKILL\)/);
});

for (const [name, key] of [
  ['Ctrl-C', '\u0003'],
  ['q', 'q'],
]) {
  t.test(`on a terminal it runs until ${name}, and restores the terminal`, async (t) => {
    // util-linux' `script` gives the command a terminal.
    const child = spawn(
      'script',
      [
        '-qec',
        `stty rows 30 cols 120; ${process.execPath} ${COMMAND} top --interval 60; code=$?; stty -a | grep -o ' icanon'; exit $code`,
        '/dev/null',
      ],
      {
        env: { ...process.env, SHMTABLE_NAMESPACE: namespace, TERM: 'xterm' },
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const ended = once(child, 'exit');
    t.teardown(() => child.kill());
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    await eventually('two frames', () => output.split('namespace').length > 2);
    child.stdin.write(key);
    const [code] = await ended;
    t.equal(code, 0);
    t.ok(output.lastIndexOf('\u001b[?25h') > output.lastIndexOf('\u001b[?25l'), 'the cursor is shown again');
    t.match(output, ' icanon', 'and input is line by line again');
  });
}

t.test('top, stat and ls agree about expired rows that have not been removed', async (t) => {
  const table = Table.create({ name: 'expiring', namespace, capacity: 10, columns: { n: 'int32' } });
  t.teardown(() => Table.destroy('expiring', { namespace }));
  table.set('stays', { n: 1 });
  for (let i = 0; i < 5; i++) table.set(`goes-${i}`, { n: i }, { ttl: 1 });
  await eventually('the rows have expired', () => table.size === 1);
  // No process that could sweep has the table open.
  table.close();
  const [top, stat, ls] = await Promise.all([
    run(['top', '--json', '--interval', '60']),
    run(['stat', 'expiring', '--json']),
    run(['ls', '--json']),
  ]);
  const rowsOf = (tables: { name: string; rows: number }[]) => tables.find(({ name }) => name === 'expiring')?.rows;
  t.same([rowsOf(JSON.parse(top.stdout).tables), rowsOf(JSON.parse(ls.stdout))], [1, 1]);
  const { rows, unsweptRows, inserts, expirations } = JSON.parse(stat.stdout).stats;
  t.same({ rows, all: rows + unsweptRows }, { rows: 1, all: inserts - expirations });
});
