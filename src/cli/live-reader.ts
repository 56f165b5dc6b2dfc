/** Samples of the tables and services of a namespace, and the rates between two samples. */

import { monotonicMs, wallTimeMs } from '../memory/index.js';
import type { LoggedEvent } from '../server/event-log.js';
import { type FamilyMetric, familyMetrics } from '../server/metrics/metric-families.js';
import { type Latency, latencySince, sumOf } from '../server/metrics/request-totals.js';
import { liveCountsOfTables, type NamedCounts } from '../server/metrics/table-counts.js';
import { ServiceMemory } from '../server/service-memory.js';

/** Number of events that are shown of each service. */
const MAX_EVENTS = 10;

export interface TableSample {
  readonly name: string;
  /** Without expired rows. */
  readonly rows: number;
  readonly capacity: number;
  readonly bytes: number;
  /** The share of the heap's blocks that is not free, 0 to 1; null for a table without a heap. */
  readonly heapShare: number | null;
  readonly participants: number;
  readonly insertsPerSecond: number;
  readonly updatesPerSecond: number;
  readonly deletesPerSecond: number;
  readonly expirationsPerSecond: number;
  readonly evictionsPerSecond: number;
  readonly lockWaitsPerSecond: number;
  /** Total number. */
  readonly recoveries: number;
}

export interface ServiceSample extends Latency {
  /** Of the primary. */
  readonly pid: number;
  readonly workers: number;
  readonly requestsPerSecond: number;
  /** Responses with a status of 500 or more. */
  readonly failuresPerSecond: number;
  /** Total number of workers that died. */
  readonly deaths: number;
  /** The latest events, oldest first. */
  readonly events: readonly LoggedEvent[];
}

export interface LiveSample {
  readonly namespace: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly intervalMs: number;
  readonly tables: readonly TableSample[];
  readonly services: readonly ServiceSample[];
}

interface ServiceReading {
  readonly memory: ServiceMemory;
  metrics: readonly FamilyMetric[];
  events: readonly LoggedEvent[];
}

export class LiveReader {
  readonly #namespace: string;
  readonly #services = new Map<string, ServiceReading>();
  #tables: ReadonlyMap<string, NamedCounts> = new Map();
  #readAt = monotonicMs();

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** Takes a sample, with the rates since the previous one. Tables and services that are new have no rates. */
  read(): LiveSample {
    const now = monotonicMs();
    const seconds = (now - this.#readAt) / 1000;
    this.#readAt = now;
    const tables = liveCountsOfTables(this.#namespace);
    const before = this.#tables;
    this.#tables = new Map(tables.map((counts) => [counts.table, counts]));
    return {
      namespace: this.#namespace,
      at: wallTimeMs(),
      intervalMs: Math.round(seconds * 1000),
      tables: tables.map((counts) => tableSample(counts, before.get(counts.table) ?? counts, seconds)),
      services: this.#readServices(seconds),
    };
  }

  close(): void {
    for (const { memory } of this.#services.values()) memory.close();
    this.#services.clear();
  }

  #readServices(seconds: number): ServiceSample[] {
    const names = ServiceMemory.list(this.#namespace);
    for (const [name, { memory }] of this.#services) {
      if (names.includes(name)) continue;
      memory.close();
      this.#services.delete(name);
    }
    return names.map((name) => {
      const known = this.#services.get(name);
      const reading = known ?? { memory: ServiceMemory.open(name, { readOnly: true }), metrics: [], events: [] };
      this.#services.set(name, reading);
      const metrics = [...familyMetrics(reading.memory.metrics)];
      const before = known === undefined ? metrics : reading.metrics;
      reading.metrics = metrics;
      const fresh = reading.memory.events.read(reading.events.at(-1)?.sequence);
      reading.events = [...reading.events, ...fresh].slice(-MAX_EVENTS);
      return { pid: reading.memory.pid, ...requestSample(metrics, before, seconds), events: reading.events };
    });
  }
}

function tableSample(now: NamedCounts, before: NamedCounts, seconds: number): TableSample {
  // A table that was created again counts from 0.
  const rate = (count: 'inserts' | 'updates' | 'deletes' | 'expirations' | 'evictions' | 'lockWaits'): number =>
    perSecond(now[count] - before[count], seconds);
  return {
    name: now.table,
    rows: now.rows,
    capacity: now.capacity,
    bytes: now.bytes,
    heapShare: now.heap === undefined ? null : (now.heap.used + now.heap.inFlight) / now.heap.blocks,
    participants: now.participants,
    insertsPerSecond: rate('inserts'),
    updatesPerSecond: rate('updates'),
    deletesPerSecond: rate('deletes'),
    expirationsPerSecond: rate('expirations'),
    evictionsPerSecond: rate('evictions'),
    lockWaitsPerSecond: rate('lockWaits'),
    recoveries: now.recoveries,
  };
}

function requestSample(
  metrics: readonly FamilyMetric[],
  before: readonly FamilyMetric[],
  seconds: number,
): Omit<ServiceSample, 'pid' | 'events'> {
  const requests = (of: readonly FamilyMetric[], fits: (status: number) => boolean): number =>
    sumOf(of, 'shmtable_http_requests_total', ({ status }) => fits(Number(status)));
  const rate = (fits: (status: number) => boolean): number =>
    perSecond(requests(metrics, fits) - requests(before, fits), seconds);
  return {
    workers: sumOf(metrics, 'shmtable_worker_starts_total') - sumOf(metrics, 'shmtable_worker_ends_total'),
    requestsPerSecond: rate(() => true),
    failuresPerSecond: rate((status) => status >= 500),
    ...latencySince(metrics, before),
    deaths: sumOf(metrics, 'shmtable_worker_deaths_total'),
  };
}

function perSecond(count: number, seconds: number): number {
  return seconds > 0 ? Math.round((Math.max(count, 0) / seconds) * 10) / 10 : 0;
}
