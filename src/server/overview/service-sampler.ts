/** Samples the services of a namespace: the own one, and others that run on this machine. */
import { createRequire } from 'node:module';
import { ShmTableError } from '../../errors.js';
import { type SegmentLocation, wallTimeMs } from '../../memory/index.js';
import { describeEvent, levelOf } from '../event-text.js';
import { type FamilyMetric, familyMetrics } from '../metrics/metric-families.js';
import type { ProcessReports } from '../metrics/process-reports.js';
import { latencySince, sumOf } from '../metrics/request-totals.js';
import { ServiceMemory } from '../service-memory.js';
import type { OverviewEvent, ServiceSample, WorkerSample } from './overview-schema.js';

type Reports = ReturnType<ProcessReports['readRows']>;

interface Reading {
  readonly memory: ServiceMemory;
  metrics: readonly FamilyMetric[] | undefined;
  lastEvent: number;
}

interface ServicesSample {
  readonly service: ServiceSample;
  readonly services: ServiceSample[];
  /** New ones, oldest first. */
  readonly events: OverviewEvent[];
}

export class ServiceSampler {
  readonly #namespace: string;
  readonly #reports: ProcessReports;
  readonly #own: Reading;
  readonly #others = new Map<string, Reading>();

  constructor(namespace: string, memory: ServiceMemory, reports: ProcessReports) {
    this.#namespace = namespace;
    this.#reports = reports;
    this.#own = readingOf(memory);
  }

  sample(segments: readonly SegmentLocation[]): ServicesSample {
    this.#followOthers(segments);
    const reports = this.#reports.readRows();
    const readings = [this.#own, ...this.#others.values()];
    const [service, ...services] = readings.map((reading) => sampleOf(reading, reports));
    const events = readings.flatMap((reading) => eventsOf(reading)).sort((a, b) => a.at - b.at);
    return { service: { ...service, version: ownVersion() }, services, events };
  }

  /** Forgets what was read, so that the next sample begins anew. */
  reset(): void {
    for (const { memory } of this.#others.values()) memory.close();
    this.#others.clear();
    Object.assign(this.#own, readingOf(this.#own.memory));
  }

  #followOthers(segments: readonly SegmentLocation[]): void {
    const names = ServiceMemory.list(this.#namespace, segments).filter((name) => name !== this.#own.memory.name);
    for (const [name, { memory }] of this.#others) {
      if (names.includes(name)) continue;
      memory.close();
      this.#others.delete(name);
    }
    for (const name of names) {
      if (this.#others.has(name)) continue;
      try {
        this.#others.set(name, readingOf(ServiceMemory.open(name, { readOnly: true })));
      } catch (error) {
        // It has just ended.
        if (!(error instanceof ShmTableError)) throw error;
      }
    }
  }
}

function readingOf(memory: ServiceMemory): Reading {
  return { memory, metrics: undefined, lastEvent: 0 };
}

function sampleOf(reading: Reading, allReports: Reports): ServiceSample {
  const { memory, metrics: before } = reading;
  const metrics = [...familyMetrics(memory.metrics)];
  reading.metrics = metrics;
  const reports = allReports.filter(({ service }) => service === memory.instance);
  const workers = reports.filter(({ role }) => role === 'worker');
  const total = (of: 'inFlight' | 'connections' | 'streams'): number =>
    workers.reduce((sum, worker) => sum + worker[of], 0);
  const requests = (fits: (status: number) => boolean): number =>
    sumOf(metrics, 'shmtable_http_requests_total', ({ status }) => fits(Number(status)));
  const now = wallTimeMs();
  return {
    instance: memory.instance,
    version: null,
    startedAt: Math.round(1000 * Math.min(now / 1000, ...reports.map(({ startedAt }) => startedAt))),
    requests: requests(() => true),
    errors4xx: requests((status) => status >= 400 && status < 500),
    errors5xx: requests((status) => status >= 500),
    inFlight: total('inFlight'),
    connections: total('connections'),
    streams: total('streams'),
    latency: before === undefined ? { p50Ms: null, p99Ms: null } : latencySince(metrics, before),
    workers: workers.map((worker) => workerSample(worker, now)).sort((a, b) => a.pid - b.pid),
  };
}

function workerSample(report: Reports[number], now: number): WorkerSample {
  return {
    pid: report.pid,
    uptimeS: rounded(Math.max(now / 1000 - report.startedAt, 0)),
    rssBytes: report.residentBytes,
    cpuPercent: rounded(report.cpuPercent),
    connections: report.connections,
    streams: report.streams,
    requests: report.requests,
    inFlight: report.inFlight,
    eventLoopDelayP99Ms: rounded(report.eventLoopDelayP99Ms),
  };
}

function eventsOf(reading: Reading): OverviewEvent[] {
  const { events, instance } = reading.memory;
  return [...events.read(reading.lastEvent)].map((event) => {
    reading.lastEvent = event.sequence;
    return {
      at: event.at,
      service: instance,
      sequence: event.sequence,
      level: levelOf(event),
      type: event.type,
      message: describeEvent(event),
      worker: event.worker,
      ...tableIn(event),
    };
  });
}

/** The table that an event concerns. */
function tableIn(event: Parameters<typeof describeEvent>[0]): Pick<OverviewEvent, 'table'> {
  if ('table' in event) return { table: event.table };
  if (event.type !== 'slow request') return {};
  const [, name] = /^\/v1\/tables\/([^/]+)/.exec(event.url) ?? [];
  return name === undefined ? {} : { table: name };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

let version: string | undefined;

function ownVersion(): string {
  version ??= String(Object(createRequire(import.meta.url)('shmtable/package.json')).version);
  return version;
}
