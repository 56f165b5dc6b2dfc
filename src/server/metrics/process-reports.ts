/**
 * What each process of the service reports about itself once a second: memory, processor time, connections. The reports
 * are rows of a table that all processes share; those of a process that has ended expire.
 */
import { readdir, readFile } from 'node:fs/promises';
import { ShmTableError } from '../../errors.js';
import { processStartMs, timers } from '../../memory/index.js';
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
  startedAt: 'float64',
  cpuSeconds: 'float64',
  residentBytes: 'float64',
  heapUsedBytes: 'float64',
  heapTotalBytes: 'float64',
  externalBytes: 'float64',
  connections: 'uint32',
  streams: 'uint32',
} as const;

interface ReportedRow {
  readonly role: string;
  /** In seconds since the epoch. */
  readonly startedAt: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
  readonly connections: number;
  readonly streams: number;
}

export interface ProcessReport extends ReportedRow {
  readonly pid: number;
  /** Open descriptors and their limit; undefined if the process has just ended. */
  readonly descriptors: { readonly open: number; readonly limit: number } | undefined;
}

export class ProcessReports {
  readonly #table: Table<typeof COLUMNS>;
  readonly #startedAt: number = processStartMs() / 1000;
  #timer: NodeJS.Timeout | undefined;

  constructor(service: Pick<ServiceSettings, 'namespace' | 'workers'>) {
    this.#table = openOwnTable(service, 'processes', {
      // The predecessors of two reloads, until their reports expire, and the primary.
      capacity: 3 * service.workers + 8,
      columns: COLUMNS,
      lockTimeoutMs: LOCK_TIMEOUT_MS,
    });
  }

  /** Reports this process now and once a second. */
  start(role: 'primary' | 'worker', connections: () => number = () => 0): void {
    const report = (): void => {
      const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
      const { user, system } = process.cpuUsage();
      const row = {
        role,
        startedAt: this.#startedAt,
        cpuSeconds: (user + system) / US_PER_S,
        residentBytes: rss,
        heapUsedBytes: heapUsed,
        heapTotalBytes: heapTotal,
        externalBytes: external,
        connections: connections(),
        streams: openStreams(),
      };
      try {
        this.#table.put(String(process.pid), row, { ttl: TTL_MS });
      } catch (error) {
        // Another process was stopped in the middle of its report. The next one will do.
        if (!(error instanceof ShmTableError)) throw error;
      }
    };
    report();
    this.#timer = timers.setInterval(report, INTERVAL_MS).unref();
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
  try {
    const open = (await readdir(`/proc/${pid}/fd`)).length;
    return { open, limit: descriptorLimit(await readFile(`/proc/${pid}/limits`, 'utf8')) };
  } catch {
    return undefined;
  }
}
