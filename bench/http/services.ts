/** The HTTP services that are measured: each is started on a free port and filled with rows. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freshKey } from '../../src/bench/fresh-keys.js';
import { benchColumns, rowOf } from '../../src/bench/row-subject.js';
import { scratchFolder } from '../scratch-folder.js';
import { freePort, type ServerCommand, startServer } from '../servers/server-process.js';

export interface HttpService {
  readonly name: string;
  readonly port: number;
  /** The process that was started; it may have started others. */
  readonly pid: number;
  stop(): Promise<void>;
}

const COMMAND = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const MAP_SERVICE = fileURLToPath(new URL('./map-service.js', import.meta.url));
const PLUGIN_SERVICE = fileURLToPath(new URL('./plugin-service.js', import.meta.url));
const HELLO_SERVICE = fileURLToPath(new URL('./hello-service.js', import.meta.url));
const FILLED_AT_ONCE = 1_000;

/** Starts a service with a port. */
export async function startHttp(
  name: string,
  command: (port: number) => Omit<ServerCommand, 'listensAt'>,
): Promise<HttpService> {
  const port = await freePort();
  const server = await startServer({ ...command(port), listensAt: { host: '127.0.0.1', port } });
  return { name, port, pid: server.pid, stop: () => server.stop() };
}

/** `shmtable serve` with a table `rows` that ends with it and has space for one more row. */
export async function startShmtable(workers: number, rows: number): Promise<HttpService> {
  const folder = scratchFolder();
  const config = folder.path('shmtable.config.json');
  const service = await startHttp('shmtable', (port) => {
    const tables = { rows: { capacity: rows + 1, columns: benchColumns, backend: 'anonymous' } };
    writeFileSync(config, JSON.stringify({ port, workers, namespace: `bench-${process.pid}-${workers}`, tables }));
    return { command: process.execPath, args: [COMMAND, 'serve', '--config', config], cleanUp: folder.remove };
  });
  await fillRows(service, rows);
  return service;
}

/** Fastify with the same routes over a `Map` in each worker. */
export function startMapService(workers: number, rows: number): Promise<HttpService> {
  return startHttp('Fastify over a Map', (port) => ({
    command: process.execPath,
    args: [MAP_SERVICE, String(port), String(workers), String(rows)],
  }));
}

/** The routes as a plugin of a Fastify app that has nothing else. */
export async function startPlugin(rows: number): Promise<HttpService> {
  const service = await startHttp('routes as a plugin', (port) => ({
    command: process.execPath,
    args: [PLUGIN_SERVICE, String(port), String(rows)],
  }));
  await fillRows(service, rows);
  return service;
}

export function startHello(framework: 'node' | 'fastify'): Promise<HttpService> {
  const name = framework === 'node' ? 'node:http, one response' : 'Fastify, one response';
  return startHttp(name, (port) => ({ command: process.execPath, args: [HELLO_SERVICE, framework, String(port)] }));
}

async function fillRows({ port }: HttpService, rows: number): Promise<void> {
  for (let first = 0; first < rows; first += FILLED_AT_ONCE) {
    const items = Array.from({ length: Math.min(FILLED_AT_ONCE, rows - first) }, (_, i) => ({
      op: 'put',
      key: freshKey(first + i),
      row: rowOf(first + i),
    }));
    const answer = await fetch(`http://127.0.0.1:${port}/v1/tables/rows/batch`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(items),
    });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`the service refused rows with ${answer.status}`);
  }
}
