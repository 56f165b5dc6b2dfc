/** What the overview shows, from one message of the stream to the next: rates, what has gone, events, charts. */
import { type ChartData, NO_DATA, withPoint } from './chart-history.js';
import { HitRates } from './hit-rates.js';
import type { Overview, OverviewEvent, ServiceSample, TableSample, WorkerSample } from './overview-data.js';
import { ratePerSecond, ratesOf, sumOf } from './rates.js';

const TABLE_RATES = ['inserts', 'updates', 'deletes', 'expirations', 'evictions', 'lockWaits'] as const;
const SERVICE_RATES = ['requests', 'errors4xx', 'errors5xx'] as const;

export interface TableView extends TableSample {
  /** Per second; undefined until there are two readings. */
  readonly rates: Readonly<Record<(typeof TABLE_RATES)[number], number>> | undefined;
  /** 0 .. 1, of the reads of the last minute; undefined without reads, and for a table that is no cache. */
  readonly hitRate: number | undefined;
}

export interface ServiceView extends Omit<ServiceSample, 'workers'> {
  /** Whether it is the one that this page was loaded from. */
  readonly isThis: boolean;
  /** Since when it is gone, in epoch milliseconds; undefined for one that is there. */
  readonly goneSince: number | undefined;
  readonly rates: Readonly<Record<(typeof SERVICE_RATES)[number], number>> | undefined;
  /** The longest of its workers. */
  readonly loopDelayMs: number | undefined;
  readonly workers: readonly WorkerView[];
}

export interface WorkerView extends WorkerSample {
  readonly requestRate: number | undefined;
}

export interface OverviewView {
  readonly at: number;
  readonly tables: readonly TableView[];
  readonly services: readonly ServiceView[];
  /** The newest first. */
  readonly events: readonly OverviewEvent[];
  readonly charts: ChartData;
}

const MAX_EVENTS = 300;
/** How long a service that has gone is shown. */
const GONE_MS = 15 * 60_000;

export class OverviewModel {
  #before: Overview | undefined;
  /** A table in which nothing has changed stays the same object, so that it is not drawn again. */
  #shown: readonly TableView[] = [];
  #gone: readonly ServiceView[] = [];
  #events: readonly OverviewEvent[] = [];
  #charts: ChartData = NO_DATA;
  readonly #hitRates = new HitRates();

  /** Takes the next message of the stream, or the first of a new one. */
  take(now: Overview): OverviewView {
    const before = this.#before;
    const tables = this.#tables(now, before);
    const here = [now.service, ...now.services].map((service) => viewOf(service, now, before));
    this.#gone = goneServices(this.#gone, here, now, before);
    this.#events = withEvents(this.#events, now.events);
    this.#charts = withPoint(this.#charts, now.at / 1000, chartPoint(tables, here));
    this.#before = now;
    return { at: now.at, tables, services: [...here, ...this.#gone], events: this.#events, charts: this.#charts };
  }

  #tables(now: Overview, before: Overview | undefined): readonly TableView[] {
    const earlier = new Map(before?.tables.map((table) => [table.name, table]));
    this.#hitRates.keep(new Set(now.tables.map(({ name }) => name)));
    const shown = new Map(this.#shown.map((view) => [view.name, view]));
    this.#shown = now.tables.map((table) => {
      const view = {
        ...table,
        rates: ratesOf(TABLE_RATES, earlier.get(table.name)?.counters, table.counters, before?.at ?? 0, now.at),
        hitRate: table.cache === null ? undefined : this.#hitRates.take(table.name, now.at, table.cache),
      };
      const last = shown.get(table.name);
      return last !== undefined && JSON.stringify(last) === JSON.stringify(view) ? last : view;
    });
    return this.#shown;
  }
}

function viewOf(service: ServiceSample, now: Overview, before: Overview | undefined): ServiceView {
  const all = before === undefined ? [] : [before.service, ...before.services];
  const earlier = all.find(({ instance }) => instance === service.instance);
  const workers = new Map(earlier?.workers.map((worker) => [worker.pid, worker]));
  const delays = service.workers.map(({ eventLoopDelayP99Ms }) => eventLoopDelayP99Ms);
  return {
    ...service,
    isThis: service === now.service,
    goneSince: undefined,
    rates: ratesOf(SERVICE_RATES, earlier, service, before?.at ?? 0, now.at),
    loopDelayMs: delays.length === 0 ? undefined : Math.max(...delays),
    workers: service.workers.map((worker) => {
      const last = workers.get(worker.pid);
      const requestRate =
        last === undefined ? undefined : ratePerSecond(last.requests, worker.requests, before?.at ?? 0, now.at);
      return { ...worker, requestRate };
    }),
  };
}

/** Other services that were there and are not any more. The one of this page has no successor but itself. */
function goneServices(
  gone: readonly ServiceView[],
  here: readonly ServiceView[],
  now: Overview,
  before: Overview | undefined,
): ServiceView[] {
  const present = new Set(here.map(({ instance }) => instance));
  const left = (before?.services ?? []).filter(({ instance }) => !present.has(instance));
  return [
    ...gone.filter(({ instance, goneSince = 0 }) => !present.has(instance) && goneSince > now.at - GONE_MS),
    ...left.map((service) => ({ ...viewOf(service, now, undefined), goneSince: before?.at ?? now.at, workers: [] })),
  ];
}

function withEvents(known: readonly OverviewEvent[], added: readonly OverviewEvent[]): readonly OverviewEvent[] {
  if (added.length === 0) return known;
  const keys = new Set(known.map(keyOf));
  // The first message after a lost connection repeats what is known.
  const fresh = added.filter((event) => !keys.has(keyOf(event)));
  return [...fresh, ...known].sort((a, b) => b.at - a.at || b.sequence - a.sequence).slice(0, MAX_EVENTS);
}

/** Tells an event from all others. */
export function keyOf({ service, sequence }: OverviewEvent): string {
  return `${service}/${sequence}`;
}

function chartPoint(tables: readonly TableView[], services: readonly ServiceView[]) {
  const ofTables = (name: (typeof TABLE_RATES)[number]) => sumOf(tables.map(({ rates }) => rates?.[name]));
  const ofServices = (name: (typeof SERVICE_RATES)[number]) => sumOf(services.map(({ rates }) => rates?.[name]));
  const self = services.find(({ isThis }) => isThis);
  const delays = services.flatMap(({ loopDelayMs }) => loopDelayMs ?? []);
  return {
    requests: ofServices('requests'),
    errors4xx: ofServices('errors4xx'),
    errors5xx: ofServices('errors5xx'),
    p50: self?.latency.p50Ms,
    p99: self?.latency.p99Ms,
    inserts: ofTables('inserts'),
    updates: ofTables('updates'),
    deletes: ofTables('deletes'),
    removals: sumOf([ofTables('expirations'), ofTables('evictions')]),
    loopDelay: delays.length === 0 ? undefined : Math.max(...delays),
  };
}
