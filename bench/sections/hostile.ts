/**
 * What one client can do to the others: the latency of `/healthz` on a connection of the same worker while an attack
 * runs, and how much memory the worker then has. The attacks come from a thread, so that they do not delay the probe.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Figure } from '../../src/bench/figure.js';
import { type Effort, isTrial, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { spreadOf } from '../../src/bench/spread.js';
import { ATTACKS, type Attack } from '../http/hostile-client.js';
import { type HttpService, startHttp } from '../http/services.js';
import { scratchFolder } from '../scratch-folder.js';

const COMMAND = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const CLIENT = new URL('../http/hostile-client.js', import.meta.url);
const ATTACK_MS = 3000;
const PROBE_MS = 2;
const QUANTILE = 0.999;
const MAX_LATENCY_MS = 100;
const MAX_RESIDENT_MB = 300;
const MANY_TABLES = 300;
const BATCH = 10_000;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const service = await startHostile(effort, rowsFor(effort, rows));
  try {
    const figures: Figure[] = [];
    const attacks = isTrial(effort) ? ATTACKS.slice(0, 1) : ATTACKS;
    for (const attack of attacks) figures.push(...(await measure(service, attack, isTrial(effort) ? 1 : ATTACK_MS)));
    return { figures };
  } finally {
    for (const name of manyTables(effort)) {
      await fetch(`http://127.0.0.1:${service.port}/v1/tables/${name}`, { method: 'DELETE' });
    }
    await service.stop();
  }
}

/** Created over HTTP, which takes less time than at startup, and removed at the end. */
function manyTables(effort: Effort): string[] {
  return Array.from({ length: isTrial(effort) ? 1 : MANY_TABLES }, (_, i) => `t${i}`);
}

/** A service of one worker with rows of 64 KB and 4 MB, many rows, and many tables. */
async function startHostile(effort: Effort, rows: number): Promise<HttpService> {
  const folder = scratchFolder();
  const config = folder.path('shmtable.config.json');
  const table = (capacity: number, columns: object) => ({
    capacity,
    columns,
    backend: 'anonymous',
    maxParticipants: 8,
  });
  const wideRows = isTrial(effort) ? 1 : 100;
  const tables = {
    wide: table(200, { text: 'string(65535)' }),
    large: table(wideRows, { data: 'bytes(4194304)' }),
    rows: table(rows + BATCH, { n: 'int32' }),
  };
  const service = await startHttp('shmtable', (port) => {
    writeFileSync(config, JSON.stringify({ port, workers: 1, namespace: `bench-${process.pid}-hostile`, tables }));
    return { command: process.execPath, args: [COMMAND, 'serve', '--config', config], cleanUp: folder.remove };
  });
  for (const name of manyTables(effort)) await fill(service, name, 'PUT', { capacity: 10, columns: { n: 'int32' } });
  const text = 'x'.repeat(65_535);
  const data = Buffer.alloc(4_194_304, 7).toString('base64');
  for (let i = 0; i < wideRows; i++) {
    await put(service, 'wide', i, { text });
    await put(service, 'large', i, { data });
  }
  for (let first = 0; first < rows; first += BATCH) {
    const operations = Array.from({ length: Math.min(BATCH, rows - first) }, (_, i) => ({
      op: 'put',
      key: `${first + i}`,
      row: { n: i },
    }));
    await fill(service, 'rows/batch', 'POST', operations);
  }
  return service;
}

function put(service: HttpService, table: string, row: number, values: object): Promise<void> {
  return fill(service, `${table}/rows/k${row}`, 'PUT', values);
}

async function fill({ port }: HttpService, path: string, method: string, body: unknown): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/tables/${path}`, {
    method,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`the service refused ${method} ${path} with ${answer.status}`);
}

async function measure({ port }: HttpService, attack: Attack, forMs: number): Promise<Figure[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const { worker } = await probe(port, agent);
  // From now on the peak of the worker's resident memory counts.
  writeFileSync(`/proc/${worker}/clear_refs`, '5');
  const client = new Worker(CLIENT, { workerData: { attack, port, forMs } });
  let isOver = false;
  const over = new Promise<void>((resolve, reject) => {
    client.once('message', () => resolve());
    client.once('error', reject);
  }).finally(() => {
    isOver = true;
  });
  const latencies: number[] = [];
  while (!isOver) {
    latencies.push((await probe(port, agent)).ms);
    await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
  }
  await over;
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const slowest = latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * QUANTILE))];
  const what = `hostile: ${attack}`;
  return [
    {
      what: `${what}, /healthz at p99.9`,
      unit: 'ms',
      value: spreadOf([slowest]),
      target: { below: MAX_LATENCY_MS },
      note: `${latencies.length} probes`,
    },
    {
      what: `${what}, resident memory of the worker`,
      unit: 'MB',
      value: spreadOf([peakResidentMb(worker)]),
      target: { below: MAX_RESIDENT_MB },
    },
  ];
}

function probe(port: number, agent: Agent): Promise<{ ms: number; worker: number }> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: '127.0.0.1', path: '/healthz', agent }, (response) => {
      response.resume().once('end', () => {
        resolve({ ms: performance.now() - began, worker: Number(response.headers['shm-worker']) });
      });
    });
    outgoing.once('error', reject).end();
  });
}

/** Without pages of shared memory, which belong to the tables. */
function peakResidentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return (kilobytes('VmHWM') - kilobytes('RssShmem')) / 1024;
}
