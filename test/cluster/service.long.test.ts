/** The service with a table in a cluster, as processes: reloaded, stopped and killed, alone and beside another one. */
import { existsSync } from 'node:fs';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { ClusterTable } from '../../src/cluster/index.js';
import { Segment } from '../../src/memory/segment.js';
import { eventually, within } from '../fixtures/deadline.js';
import { type HttpAnswer, send } from '../fixtures/http-client.js';
import { type RedisCluster, startCluster } from '../fixtures/redis-servers.js';
import { type ServiceProcess, startService } from '../fixtures/server-process.js';
import { LOAD_COLUMNS, type LoadedRows, ServiceLoad } from '../fixtures/service-load.js';
import { removeNear } from './two-hosts.js';

t.setTimeout(240_000);

const MAX_STALE_MS = 1_000;
const KEYS = 6;

let cluster: RedisCluster;
t.test('a cluster', async () => {
  cluster = await startCluster({ replicas: false });
  t.teardown(() => cluster.stop());
});

/** A service whose only table `c` is in the cluster; in the namespace of another one, if that is given. */
async function start(t: Test, namespace?: string) {
  const near = { capacity: 1_000, maxStaleMs: MAX_STALE_MS };
  const cluster_ = { nodes: cluster.urls, timeoutMs: 20_000 };
  const config = { tables: { c: { columns: LOAD_COLUMNS, cluster: cluster_, near } } };
  const env = namespace === undefined ? {} : { SHMTABLE_NAMESPACE: namespace };
  const started = await startService(t, { config, env });
  t.teardown(() => removeNear(started.service.namespace));
  return started;
}

async function direct(t: Test, namespace: string) {
  const connection = { nodes: cluster.urls, timeoutMs: 20_000 };
  const table = await ClusterTable.connect({ name: 'c', namespace, columns: LOAD_COLUMNS, cluster: connection });
  t.teardown(() => table.close());
  return table;
}

type Direct = Awaited<ReturnType<typeof direct>>;

/** All rows, as a load compares them. */
async function rowsOf(table: Direct): Promise<LoadedRows> {
  const rows = new Map<string, { revision: number; row: { n: number } }>();
  for await (const { key, row, revision } of table.scan()) rows.set(key, { revision, row });
  return { entry: (key) => rows.get(key), get: (key) => rows.get(key)?.row.n };
}

function segmentsOf(namespace: string): string[] {
  return Segment.list().flatMap(({ name }) => (name.includes(`:${namespace}:`) ? [name.split(':')[0]] : []));
}

t.test('reloads and a stop under load: nothing is lost, and the near cache goes on', async (t) => {
  const { service, port, workers } = await start(t);
  const { namespace } = service;
  const table = await direct(t, namespace);
  const started = new Set(workers);
  const load = (keys: string, keepAlive: boolean) =>
    new ServiceLoad({ port, table: 'c', keys, connections: 4, keepAlive });
  const loads = [load('kept', true), load('new', false)];
  for (const signals of [1, 2]) {
    const from = service.log.length;
    for (let i = 0; i < signals; i++) service.signal('SIGHUP');
    await service.logged(({ msg }) => msg === 'workers replaced', from);
    for (const worker of service.workers) started.add(worker);
  }
  t.ok(started.size > workers.length, `${started.size} workers`);
  for (const each of loads) t.match(await each.stop(), { resets: 0, problems: [] });
  const rows = await rowsOf(table);
  for (const each of loads) t.same(each.lost(rows), []);
  const known = async (): Promise<void> => {
    const read = () => send(port, 'GET', '/v1/tables/c/rows/kept-counter');
    while ((await read()).headers['shm-source'] !== 'near') await sleep(10);
  };
  await within(20_000, 'the near cache answers', known());

  const last = load('last', true);
  await eventually('requests are answered', () => last.answers > 20);
  const agents = Array.from({ length: 6 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  t.teardown(() => {
    for (const agent of agents) agent.destroy();
  });
  const onEach = (path: string) => Promise.all(agents.map((agent) => send(port, 'GET', path, { agent })));
  await onEach('/healthz');
  const from = service.log.length;
  const counts = onEach('/v1/tables/c/count');
  service.signal('SIGTERM');
  await service.logged(({ msg }) => msg === 'draining', from);
  // Impatience makes nothing worse.
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) service.signal(signal);
  t.equal(await within(30_000, 'the service ends', service.ended), 0);
  for (const { status, text } of await counts) t.equal(status, 200, `a request under way: ${text}`);
  // Connections made while all listeners close are refused, or reset.
  const { problems } = await last.stop();
  t.same(
    problems.filter((problem) => !problem.includes('ECONNREFUSED')),
    [],
  );
  t.same(last.lost(await rowsOf(table)), []);
  t.same(
    service.log.filter(({ level }) => Number(level) >= 50),
    [],
    'nothing failed',
  );
  t.equal(service.stderr, '');
  t.notOk(
    [...started].some((worker) => existsSync(`/proc/${worker}`)),
    'no worker is left',
  );
  t.same(segmentsOf(namespace).sort(), ['shmtable', 'shmtable-feed'], 'only the near cache stays');
});

/** Reads rows that another host writes all the time, through a service, and its own writes, and notes what is too old. */
class Freshness {
  reads = 0;
  near = 0;
  ownReads = 0;
  readonly problems: string[] = [];
  /** The time at which each number had been written to all rows. */
  readonly #written: number[] = [0];
  readonly #loops: Promise<void>[];
  #isOver = false;

  constructor(table: Direct, port: number) {
    this.#loops = [this.#write(table), this.#writeOwn(port), this.#read(port), this.#read(port)];
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  async #write(table: Direct): Promise<void> {
    while (!this.#isOver) {
      const n = this.#written.length;
      await table.setMany(Array.from({ length: KEYS }, (_, i) => [`k${i}`, { n }] as const));
      this.#written.push(performance.now());
      await sleep(10);
    }
  }

  async #writeOwn(port: number): Promise<void> {
    const path = '/v1/tables/c/rows/own';
    for (let n = 1; !this.#isOver; n++) {
      await this.#try(async () => {
        const written = await send(port, 'PUT', path, { json: { n } });
        const read = await send(port, 'GET', path);
        this.ownReads++;
        if (written.status >= 300 || read.json?.row?.n !== n) {
          this.problems.push(`own write ${n}: ${written.status}, then ${read.text}`);
        }
      });
      await sleep(2);
    }
  }

  async #read(port: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let turn = 0; !this.#isOver; turn++) {
      const began = performance.now();
      await this.#try(async () =>
        this.#check(began, await send(port, 'GET', `/v1/tables/c/rows/k${turn % KEYS}`, { agent })),
      );
      await sleep(2);
    }
    agent.destroy();
  }

  #check(began: number, { status, text, json, headers }: HttpAnswer): void {
    if (status === 404 && this.#written.length < 3) return;
    if (status !== 200) {
      this.problems.push(`${status}: ${text}`);
      return;
    }
    this.reads++;
    if (headers['shm-source'] === 'near') this.near++;
    // The next number was there this long before the question.
    const ageMs = began - (this.#written[json.row.n + 1] ?? began);
    if (ageMs > MAX_STALE_MS) this.problems.push(`${ageMs.toFixed()} ms old, from ${headers['shm-source']}`);
  }

  async #try(request: () => Promise<void>): Promise<void> {
    try {
      await request();
    } catch (error) {
      this.problems.push(String(error));
    }
  }
}

function signalAll(service: ServiceProcess, signal: NodeJS.Signals): void {
  for (const pid of [service.pid, ...service.workers]) process.kill(pid, signal);
}

for (const isShared of [true, false]) {
  const what = isShared ? 'and a near cache' : 'in two namespaces';
  t.test(`two services with one cluster ${what}: what becomes of one does not concern the other`, async (t) => {
    const first = await start(t);
    const { service, port } = await start(t, isShared ? first.service.namespace : undefined);
    const namespace = isShared ? first.service.namespace : service.namespace;
    const freshness = new Freshness(await direct(t, namespace), port);
    /** Waits until many more rows were read from the near cache. */
    const goesOn = async (after: string): Promise<void> => {
      const { near, ownReads } = freshness;
      const holds = (): boolean => freshness.near > near + 100 && freshness.ownReads > ownReads + 20;
      await eventually(`the near cache answers after ${after}`, holds, 30_000, () => freshness.problems);
      t.same(freshness.problems, [], after);
    };
    await goesOn('the start');
    process.kill(first.workers[0], 'SIGKILL');
    await goesOn('the death of a worker of the other one');
    await first.service.logged(({ msg }) => msg === 'worker replaced');
    signalAll(first.service, 'SIGSTOP');
    await sleep(2 * MAX_STALE_MS);
    t.same(freshness.problems, [], 'while the other one stands still');
    signalAll(first.service, 'SIGCONT');
    await goesOn('its standstill');
    const workers = [...first.service.workers];
    first.service.signal('SIGKILL');
    await first.service.ended;
    await eventually('its workers end', () => workers.every((worker) => !existsSync(`/proc/${worker}`)));
    await goesOn('its death');
    const again = await start(t, isShared ? namespace : undefined);
    await goesOn('its start');
    again.service.signal('SIGTERM');
    t.equal(await again.service.ended, 0);
    await goesOn('its end');
    await freshness.stop();
    t.same(freshness.problems, []);
    t.comment(`${freshness.reads} reads, ${freshness.near} of the near cache, ${freshness.ownReads} own writes`);
  });
}
