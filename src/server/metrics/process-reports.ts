/**
 * What each process of the service reports about itself once a second: memory, processor time, connections. The reports
 * are rows of a table that all processes share; those of a process that has ended expire.
 */
import { readdir, readFile } from 'node:fs/promises';
import { ShmTableError } from '../../errors.js';
import { monotonicMs, processStartMs, SHARES_MEMORY, timers } from '../../memory/index.js';
import type { Table } from '../../table/table.js';
import { descriptorLimit } from '../descriptor-limit.js';
import { openStreams } from '../event-stream.js';
import { openOwnTable } from '../own-table.js';
import type { ServiceSettings } from '../settings/settings-schema.js';

const INTERVAL_MS = 1000;
/** A process that was too busy to report for this long is still shown. */
const TTL_MS = 10_000;
/** A report is not worth waiting for. */
const LOCK_TIMEOUT_MS = 2;
const US_PER_S = 1e6;

const COLUMNS = {
  role: 'string(8)',
  service: 'string(64)',
  startedAt: 'float64',
  cpuSeconds: 'float64',
  residentBytes: 'float64',
  heapUsedBytes: 'float64',
  heapTotalBytes: 'float64',
  externalBytes: 'float64',
  connections: 'uint32',
  streams: 'uint32',
  cpuPercent: 'float64',
  requests: 'float64',
  inFlight: 'uint32',
  eventLoopDelayP99Ms: 'float64',
} as const;

/** What a process does for clients. */
export interface ProcessLoad {
  readonly connections: number;
  /** Requests that have been answered since the process started. */
  readonly requests: number;
  /** Requests that are being answered, without streams. */
  readonly inFlight: number;
  /** See `DelayWindow`. */
  readonly eventLoopDelayP99Ms: number;
}

const NO_LOAD: ProcessLoad = { connections: 0, requests: 0, inFlight: 0, eventLoopDelayP99Ms: 0 };

interface ReportedRow extends ProcessLoad {
  readonly role: string;
  /** Its service: `ServiceMemory.instance`. */
  readonly service: string;
  /** In seconds since the epoch. */
  readonly startedAt: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
  readonly streams: number;
  /** Processor time in percent of one core since the previous report. */
  readonly cpuPercent: number;
}

export interface ProcessReport extends ReportedRow {
  readonly pid: number;
  /** Open descriptors and their limit; undefined if the process has just ended, and without /proc. */
  readonly descriptors: { readonly open: number; readonly limit: number } | undefined;
}

export class ProcessReports {
  readonly #table: Table<typeof COLUMNS>;
  readonly #startedAt: number = processStartMs() / 1000;
  #timer: NodeJS.Timeout | undefined;
  #cpuSeconds: number = 0;
  #reportedMs: number = 0;

  constructor(service: Pick<ServiceSettings, 'namespace' | 'workers'>) {
    this.#table = openOwnTable(service, 'processes', {
      // The predecessors of two reloads, until their reports expire, and the primary.
      capacity: 3 * service.workers + 8,
      columns: COLUMNS,
      lockTimeoutMs: LOCK_TIMEOUT_MS,
    });
  }

  /** Reports this process now and once a second. */
  start(role: 'primary' | 'worker', service: string, load: () => ProcessLoad = () => NO_LOAD): void {
    const report = (): void => {
      try {
        this.#put(role, service, load());
      } catch (error) {
        // Another process was stopped in the middle of its report, or this one has no descriptor left for a look at its
        // memory. The next report will do.
        if (!(error instanceof ShmTableError) && Object(error).code !== 'EMFILE') throw error;
      }
    };
    report();
    this.#timer = timers.setInterval(report, INTERVAL_MS).unref();
  }

  #put(role: 'primary' | 'worker', service: string, load: ProcessLoad): void {
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / US_PER_S;
    const now = monotonicMs();
    const seconds = (now - this.#reportedMs) / 1000;
    // The first report covers the start of the process, of which there is no earlier one.
    const cpuPercent = this.#reportedMs === 0 ? 0 : (100 * (cpuSeconds - this.#cpuSeconds)) / seconds;
    this.#cpuSeconds = cpuSeconds;
    this.#reportedMs = now;
    const row = {
      role,
      service,
      startedAt: this.#startedAt,
      cpuSeconds,
      cpuPercent,
      residentBytes: rss,
      heapUsedBytes: heapUsed,
      heapTotalBytes: heapTotal,
      externalBytes: external,
      streams: openStreams(),
      ...load,
    };
    this.#table.put(String(process.pid), row, { ttl: TTL_MS });
  }

  /** The latest report of each process of all services of the namespace, without its descriptors. */
  readRows(): (ReportedRow & { readonly pid: number })[] {
    return this.#rows().map(([pid, row]) => ({ ...row, pid: Number(pid) }));
  }

  /** The latest report of each process; none if a process was stopped in the middle of its own. */
  read(): Promise<ProcessReport[]> {
    const rows = this.#rows();
    return Promise.all(
      rows.map(async ([pid, row]) => ({ ...row, pid: Number(pid), descriptors: await descriptorsOf(Number(pid)) })),
    );
  }

  #rows(): [string, ReportedRow][] {
    try {
      return [...this.#table.entries()];
    } catch (error) {
      if (error instanceof ShmTableError) return [];
      throw error;
    }
  }

  close(): void {
    timers.clearInterval(this.#timer);
    this.#table.close();
  }
}

async function descriptorsOf(pid: number): Promise<ProcessReport['descriptors']> {
  if (!SHARES_MEMORY) return undefined;
  try {
    const open = (await readdir(`/proc/${pid}/fd`)).length;
    return { open, limit: descriptorLimit(await readFile(`/proc/${pid}/limits`, 'utf8')) };
  } catch {
    return undefined;
  }
}
