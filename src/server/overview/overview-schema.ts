/** What an event of the overview contains. */
import type { Static } from 'typebox';
import { nullable, Type } from '../json-schema.js';
import { tableCounters } from '../route-schemas.js';

const count = Type.Integer({ minimum: 0 });
const number = (description: string) => Type.Unsafe<number>({ type: 'number', minimum: 0, description });
const milliseconds = nullable<number>({
  type: 'number',
  description: 'Rounded up to a bound of the histogram; null if no request has ended since the last event',
});

const worker = Type.Object({
  pid: count,
  uptimeS: number('Seconds since the process started'),
  rssBytes: count,
  cpuPercent: number('Processor time in percent of one core'),
  connections: count,
  streams: count,
  requests: Type.Integer({ minimum: 0, description: 'Requests that this process has answered' }),
  inFlight: count,
  eventLoopDelayP99Ms: number('The 99th percentile of the last minute'),
});

const service = Type.Object({
  instance: Type.String({ description: 'Identifies the service among all that ever run in its namespace' }),
  version: nullable<string>(Type.String({ description: 'Of the package; null for another service' })),
  startedAt: Type.Integer({ description: 'Milliseconds since the Unix epoch' }),
  requests: count,
  errors4xx: count,
  errors5xx: count,
  inFlight: count,
  connections: count,
  streams: count,
  latency: Type.Object({ p50Ms: milliseconds, p99Ms: milliseconds }),
  workers: Type.Array(worker),
});

const cacheCounts = Type.Object({
  hits: count,
  misses: count,
  loads: count,
  failedLoads: count,
  waits: count,
  takeovers: count,
});

const orNull = (description: string) => nullable<number>({ ...count, description });

const table = Type.Object({
  name: Type.String(),
  backend: Type.String(),
  kind: Type.Unsafe<'table' | 'cache' | 'cluster'>({ type: 'string', enum: ['table', 'cache', 'cluster'] }),
  rows: orNull('May include expired rows that are not yet removed; null for a table in a cluster'),
  capacity: orNull('Null for a table in a cluster'),
  bytes: orNull('Null for a table in a cluster'),
  evict: Type.String({ examples: ['none'] }),
  heap: nullable<{ bytes: number; usedBytes: number }>(
    Type.Object(
      { bytes: count, usedBytes: count },
      { description: 'Null for a table without text, blob and json columns' },
    ),
  ),
  counters: Type.Object(tableCounters),
  cache: nullable<Static<typeof cacheCounts>>(cacheCounts),
  problem: nullable<string>(
    Type.String({ description: 'Why the table cannot be read, in which case its numbers are 0; null if it can' }),
  ),
});

const event = Type.Object(
  {
    at: Type.Integer({ description: 'Milliseconds since the Unix epoch' }),
    service: Type.String({ description: 'The instance of the service in which it happened' }),
    sequence: Type.Integer({ minimum: 0, description: 'Increases from event to event of a service' }),
    level: Type.Unsafe<'info' | 'warn' | 'error'>({ type: 'string', enum: ['info', 'warn', 'error'] }),
    type: Type.String({ examples: ['slow request'] }),
    message: Type.String(),
    worker: Type.Integer({ minimum: 0, description: 'Process id of the worker that it concerns' }),
    table: Type.Optional(Type.String({ description: 'The table that it concerns' })),
  },
  { description: 'The latest events in the first message, then those since the last message' },
);

export const overviewSchema = {
  ...Type.Object(
    {
      at: Type.Integer({ description: 'Milliseconds since the Unix epoch' }),
      service,
      services: Type.Array(service, { description: 'Other services in the same namespace of this machine' }),
      tables: Type.Array(table),
      events: Type.Array(event),
    },
    {
      description: 'The state of the service and its tables. Counters only increase while their service or table lasts',
    },
  ),
  $id: 'Overview',
} as const;

export type WorkerSample = Static<typeof worker>;
export type ServiceSample = Static<typeof service>;
export type TableSample = Static<typeof table>;
export type OverviewEvent = Static<typeof event>;
