/** Counts and times the requests of a worker, and records slow ones as events. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { ShmTableError } from '../../errors.js';
import { monotonicMs, timers } from '../../memory/index.js';
import type { MetricCounter, MetricHistogram } from '../../pools/index.js';
import { loggedPath } from '../access-log.js';
import { addRouteHook, hook } from '../request-hooks.js';
import type { ServiceMemory } from '../service-memory.js';
import type { RoutesApp } from '../service-routes.js';
import { type CounterFamily, counterOf, type HistogramFamily, histogramOf, type Labels } from './metric-families.js';

/** A request that takes longer is recorded as an event. Its worker may not have served others meanwhile. */
const SLOW_MS = 500;
const DELAY_SAMPLE_MS = 500;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The request lasts as long as the client sends or listens, so its duration is not recorded. */
    stream?: boolean;
  }
}

export function countRequests(app: RoutesApp, memory: ServiceMemory): void {
  const metrics = new RequestMetrics(memory);
  app.addHook('onRoute', (route) => {
    // Not the path, because the numbers of keys and tables are unbounded.
    const pattern = documented(route.config?.pattern ?? route.url);
    const ofRoute = new RouteMetrics(metrics, pattern, route.config?.stream !== true);
    addRouteHook(
      route,
      'onResponse',
      hook((request, reply) => ofRoute.count(request, reply)),
    );
  });
  const ofUnknownPaths = new RouteMetrics(metrics, '', true);
  app.addHook(
    'onResponse',
    hook((request, reply) => {
      if (request.is404) ofUnknownPaths.count(request, reply);
    }),
  );
  app.addHook('onReady', async () => {
    const timer = sampleDelay((seconds) => metrics.delayed(seconds));
    app.addHook('onClose', async () => timers.clearInterval(timer));
  });
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

  count(request: FastifyRequest, reply: FastifyReply): void {
    const { method } = request;
    let metrics = this.#methods.get(method);
    if (metrics === undefined) {
      metrics = new MethodMetrics(this.#all, { method, route: this.#route });
      this.#methods.set(method, metrics);
    }
    const { statusCode } = reply;
    metrics.count(statusCode);
    if (!this.#isTimed) return;
    const durationMs = reply.elapsedTime;
    metrics.observe(durationMs / 1000);
    if (durationMs >= SLOW_MS) this.#all.note(request, statusCode, Math.round(durationMs));
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

class RequestMetrics {
  readonly #memory: ServiceMemory;
  #delays: MetricHistogram | undefined;
  /** Whether the memory for metrics is full; existing ones still count. */
  #isFull = false;

  constructor(memory: ServiceMemory) {
    this.#memory = memory;
  }

  counter(family: CounterFamily, labels: Labels): MetricCounter | undefined {
    return this.#unlessFull(() => counterOf(this.#memory.metrics, family, labels));
  }

  histogram(family: HistogramFamily, labels?: Labels): MetricHistogram | undefined {
    return this.#unlessFull(() => histogramOf(this.#memory.metrics, family, labels));
  }

  delayed(seconds: number): void {
    this.#delays ??= this.histogram('shmtable_event_loop_delay_seconds');
    this.#delays?.observe(seconds);
  }

  note(request: FastifyRequest, status: number, durationMs: number): void {
    const { method, id } = request;
    const url = loggedPath(request);
    request.log.warn({ method, url, status, durationMs }, 'slow request');
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
