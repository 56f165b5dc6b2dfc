/** What an event of the stream `/v1/overview` contains. Counters are cumulative. */

export interface Overview {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly service: ServiceSample;
  /** The other services of this namespace on the host. */
  readonly services: readonly ServiceSample[];
  readonly tables: readonly TableSample[];
  /** New since the last message; the first one has the latest events. */
  readonly events: readonly OverviewEvent[];
}

export interface ServiceSample {
  readonly instance: string;
  readonly version: string | null;
  readonly startedAt: number;
  readonly requests: number;
  readonly errors4xx: number;
  readonly errors5xx: number;
  readonly inFlight: number;
  readonly connections: number;
  readonly streams: number;
  /** Null if no request has ended since the last message. */
  readonly latency: { readonly p50Ms: number | null; readonly p99Ms: number | null };
  readonly workers: readonly WorkerSample[];
}

export interface WorkerSample {
  readonly pid: number;
  readonly uptimeS: number;
  readonly rssBytes: number;
  readonly cpuPercent: number;
  readonly requests: number;
  readonly eventLoopDelayP99Ms: number;
}

export interface TableSample {
  readonly name: string;
  readonly backend: string;
  readonly kind: 'table' | 'cache' | 'cluster';
  /** Null, as are capacity and bytes, for a table in a cluster. */
  readonly rows: number | null;
  readonly capacity: number | null;
  readonly bytes: number | null;
  readonly evict: string;
  readonly heap: { readonly bytes: number; readonly usedBytes: number } | null;
  readonly counters: TableCounters;
  readonly cache: { readonly hits: number; readonly misses: number } | null;
  /** Why the table cannot be read; its numbers are then 0. */
  readonly problem: string | null;
}

interface TableCounters {
  readonly inserts: number;
  readonly updates: number;
  readonly deletes: number;
  readonly expirations: number;
  readonly evictions: number;
  readonly recoveries: number;
  readonly lockWaits: number;
}

export interface OverviewEvent {
  readonly at: number;
  /** The instance of the service in which it happened. */
  readonly service: string;
  /** Increases from event to event of a service. */
  readonly sequence: number;
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly table?: string;
}
