/**
 * Metrics of the processes of the service, of its snapshots and of the memory of the machine, read when they are
 * requested.
 */
import { statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Counter, Gauge, type Registry } from 'prom-client';
import { SHARES_MEMORY, SHM_DIRECTORY } from '../../memory/index.js';
import type { ProcessReport } from './process-reports.js';

/** The names are those of the client libraries of Prometheus. */
const PROCESS_METRICS: readonly (readonly [string, string, (report: ProcessReport) => number | undefined])[] = [
  ['process_cpu_seconds_total', 'Processor time of a process in seconds', ({ cpuSeconds }) => cpuSeconds],
  [
    'process_resident_memory_bytes',
    'Resident memory of a process in bytes, with the pages of tables that it has used',
    ({ residentBytes }) => residentBytes,
  ],
  ['process_start_time_seconds', 'Start of a process in seconds since the epoch', ({ startedAt }) => startedAt],
  ['process_open_fds', 'Open file descriptors of a process', ({ descriptors }) => descriptors?.open],
  ['process_max_fds', 'Maximum number of open file descriptors of a process', ({ descriptors }) => descriptors?.limit],
  [
    'nodejs_heap_size_used_bytes',
    'Bytes in use of the JavaScript heap of a process',
    ({ heapUsedBytes }) => heapUsedBytes,
  ],
  ['nodejs_heap_size_total_bytes', 'Bytes of the JavaScript heap of a process', ({ heapTotalBytes }) => heapTotalBytes],
  [
    'nodejs_external_memory_bytes',
    'Bytes of buffers of a process outside its JavaScript heap',
    ({ externalBytes }) => externalBytes,
  ],
  ['shmtable_http_connections', 'Open connections of a process', ({ connections }) => connections],
  ['shmtable_change_streams', 'Streams of changes or of the overview that a process sends', ({ streams }) => streams],
];

export function addProcesses(registry: Registry, reports: readonly ProcessReport[]): void {
  for (const [name, help, look] of PROCESS_METRICS) {
    const configuration = { name, help, registers: [registry], labelNames: ['role', 'pid'] };
    const metric = name.endsWith('_total') ? new Counter(configuration) : new Gauge(configuration);
    for (const report of reports) {
      const value = look(report);
      if (value !== undefined) metric.inc({ role: report.role, pid: String(report.pid) }, value);
    }
  }
}

export async function addMachine(registry: Registry): Promise<void> {
  const registers = [registry];
  const { version } = createRequire(import.meta.url)('shmtable/package.json') as { version: string };
  if (SHARES_MEMORY) {
    const { bsize, blocks, bavail } = await statfs(SHM_DIRECTORY);
    new Gauge({ name: 'shmtable_shm_size_bytes', help: `Bytes of ${SHM_DIRECTORY}`, registers }).set(bsize * blocks);
    new Gauge({ name: 'shmtable_shm_free_bytes', help: `Free bytes of ${SHM_DIRECTORY}`, registers }).set(
      bsize * bavail,
    );
  }
  new Gauge({
    name: 'shmtable_build_info',
    help: 'Always 1; the versions are in the labels',
    registers,
    labelNames: ['version', 'node'],
  }).set({ version, node: process.version }, 1);
}

export function addSnapshots(registry: Registry, newest: readonly (readonly [string, number])[]): void {
  const gauge = new Gauge({
    name: 'shmtable_snapshot_timestamp_seconds',
    help: 'Time of the newest snapshot of a table in seconds since the epoch',
    registers: [registry],
    labelNames: ['table'],
  });
  for (const [table, takenAt] of newest) gauge.set({ table }, takenAt / 1000);
}
