/** Counts and times the requests of a worker, and records slow ones as events. */

import type { ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyContextConfig } from 'fastify';
import { ShmTableError } from '../../errors.js';
import { monotonicMs, timers } from '../../memory/index.js';
import type { MetricCounter, MetricHistogram } from '../../pools/index.js';
import { loggedPath } from '../access-log.js';
import { openStreams } from '../event-stream.js';
import { requestId } from '../request-ids.js';
import type { ServiceMemory } from '../service-memory.js';
import { statusOf } from '../service-response.js';
import type { RoutesApp } from '../service-routes.js';
import { DelayWindow } from './delay-window.js';
import { type CounterFamily, counterOf, type HistogramFamily, histogramOf, type Labels } from './metric-families.js';
import type { ProcessLoad } from './process-reports.js';

/** A request that takes longer is recorded as an event. Its worker may not have served others meanwhile. */
const SLOW_MS = 500;
const DELAY_SAMPLE_MS = 500;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The request lasts as long as the client sends or listens, so its duration is not recorded. */
    stream?: boolean;
    /** Set when the route is registered. */
    metrics?: RouteMetrics;
  }
}

declare module 'node:http' {
  interface ServerResponse {
    metrics?: RouteMetrics;
  }
}

/** The metrics of the requests that an app serves. */
export class RequestMetrics {
  readonly #memory: ServiceMemory;
  readonly #log: FastifyBaseLogger;
  readonly #ofUnknownPaths = new RouteMetrics(this, '', true);
  #delays: MetricHistogram | undefined;
  readonly #recentDelays = new DelayWindow();
  #begun: number = 0;
  #ended: number = 0;
  /** Whether the memory for metrics is full; existing ones still count. */
  #isFull = false;

  constructor(memory: ServiceMemory, log: FastifyBaseLogger) {
    this.#memory = memory;
    this.#log = log;
  }

  /** Must be called before routes are registered. */
  watch(app: RoutesApp): void {
    app.addHook('onRoute', (route) => {
      // Not the path, because the numbers of keys and tables are unbounded.
      const pattern = documented(route.config?.pattern ?? route.url);
      route.config = { ...route.config, metrics: new RouteMetrics(this, pattern, route.config?.stream !== true) };
    });
    app.addHook('onReady', async () => {
      const timer = sampleDelay((seconds) => this.#delayed(seconds));
      app.addHook('onClose', async () => timers.clearInterval(timer));
    });
  }

  /** A step of every request, before those that may reject it, so that rejected requests are counted too. */
  note({ metrics = this.#ofUnknownPaths }: FastifyContextConfig, response: ServerResponse): void {
    response.metrics = metrics;
    this.#begun++;
  }

  /** What this process has done, and is doing, for clients. */
  get load(): Omit<ProcessLoad, 'connections'> {
    return {
      requests: this.#ended,
      inFlight: Math.max(this.#begun - this.#ended - openStreams(), 0),
      eventLoopDelayP99Ms: this.#recentDelays.p99Ms,
    };
  }

  /** Counts a response that has ended. A response that Fastify did not send has no route. */
  ended(response: ServerResponse): void {
    const { metrics } = response;
    if (metrics === undefined) return;
    this.#ended++;
    try {
      metrics.count(response);
    } catch (error) {
      // Thrown from here, it would end the process.
      this.#log.error({ err: error, reqId: requestId(response.req) }, 'request not counted');
    }
  }

  counter(family: CounterFamily, labels: Labels): MetricCounter | undefined {
    return this.#unlessFull(() => counterOf(this.#memory.metrics, family, labels));
  }

  histogram(family: HistogramFamily, labels?: Labels): MetricHistogram | undefined {
    return this.#unlessFull(() => histogramOf(this.#memory.metrics, family, labels));
  }

  recordSlow(response: ServerResponse, durationMs: number): void {
    const { req: request } = response;
    const status = statusOf(response);
    const { method = '' } = request;
    const id = requestId(request);
    const url = loggedPath(request);
    this.#log.warn({ reqId: id, method, url, status, durationMs }, 'slow request');
    this.#memory.events.add({
      type: 'slow request',
      worker: process.pid,
      requestId: id,
      method,
      url,
      status,
      durationMs,
    });
  }

  #delayed(seconds: number): void {
    this.#delays ??= this.histogram('shmtable_event_loop_delay_seconds');
    this.#delays?.observe(seconds);
    this.#recentDelays.add(seconds * 1000);
  }

  #unlessFull<T>(make: () => T): T | undefined {
    if (this.#isFull) return undefined;
    try {
      return make();
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
      this.#isFull = true;
      return undefined;
    }
  }
}

/** The metrics of a route. Each is found or created when it first counts. */
class RouteMetrics {
  readonly #all: RequestMetrics;
  readonly #route: string;
  readonly #isTimed: boolean;
  readonly #methods = new Map<string, MethodMetrics>();

  /** @param isTimed whether the durations are recorded */
  constructor(all: RequestMetrics, route: string, isTimed: boolean) {
    this.#all = all;
    this.#route = route;
    this.#isTimed = isTimed;
  }

  count(response: ServerResponse): void {
    const { method = '' } = response.req;
    let metrics = this.#methods.get(method);
    if (metrics === undefined) {
      metrics = new MethodMetrics(this.#all, { method, route: this.#route });
      this.#methods.set(method, metrics);
    }
    metrics.count(statusOf(response));
    const { beganMs } = response;
    if (!this.#isTimed || beganMs === undefined) return;
    const durationMs = monotonicMs() - beganMs;
    metrics.observe(durationMs / 1000);
    if (durationMs >= SLOW_MS) this.#all.recordSlow(response, Math.round(durationMs));
  }
}

class MethodMetrics {
  readonly #all: RequestMetrics;
  readonly #labels: { readonly method: string; readonly route: string };
  readonly #requests = new Map<number, MetricCounter>();
  #durations: MetricHistogram | undefined;

  constructor(all: RequestMetrics, labels: { readonly method: string; readonly route: string }) {
    this.#all = all;
    this.#labels = labels;
  }

  count(status: number): void {
    let counter = this.#requests.get(status);
    if (counter === undefined) {
      counter = this.#all.counter('shmtable_http_requests_total', { ...this.#labels, status: String(status) });
      if (counter === undefined) return;
      this.#requests.set(status, counter);
    }
    counter.increment();
  }

  observe(seconds: number): void {
    this.#durations ??= this.#all.histogram('shmtable_http_request_duration_seconds', this.#labels);
    this.#durations?.observe(seconds);
  }
}

/** A route in the notation of the OpenAPI document. */
function documented(pattern: string): string {
  return pattern.replace(/:(\w+)/g, '{$1}');
}

/** Reports twice a second by how many seconds the event loop delayed a timer. */
function sampleDelay(tell: (seconds: number) => void): NodeJS.Timeout {
  let due = monotonicMs() + DELAY_SAMPLE_MS;
  return timers
    .setInterval(() => {
      const now = monotonicMs();
      tell(Math.max(0, now - due) / 1000);
      due = now + DELAY_SAMPLE_MS;
    }, DELAY_SAMPLE_MS)
    .unref();
}
