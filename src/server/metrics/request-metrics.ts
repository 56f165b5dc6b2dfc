/** Counts and times the requests of a worker, and records slow ones as events. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { ShmTableError } from '../../errors.js';
import { monotonicMs, timers } from '../../memory/index.js';
import type { MetricCounter, MetricHistogram } from '../../pools/index.js';
import { hook } from '../request-hooks.js';
import type { ServiceMemory } from '../service-memory.js';
import type { RoutesApp } from '../service-routes.js';
import { counterOf, histogramOf } from './metric-families.js';

/** A request that takes longer is recorded as an event. Its worker may have served nobody else meanwhile. */
const SLOW_MS = 500;
/** Longer paths are truncated in logs and events. */
const MAX_PATH = 200;
const DELAY_SAMPLE_MS = 500;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The response lasts as long as the client listens, so its duration is not recorded. */
    stream?: boolean;
  }
}

export function countRequests(app: RoutesApp, memory: ServiceMemory): void {
  const metrics = new RequestMetrics(memory);
  app.addHook(
    'onResponse',
    hook((request, reply) => metrics.count(request, reply)),
  );
  app.addHook('onReady', async () => {
    const timer = sampleDelay((seconds) => metrics.delayed(seconds));
    app.addHook('onClose', async () => timers.clearInterval(timer));
  });
}

class RequestMetrics {
  readonly #memory: ServiceMemory;
  readonly #requests = new Map<string, MetricCounter>();
  readonly #durations = new Map<string, MetricHistogram>();
  readonly #delays = new Map<string, MetricHistogram>();
  /** Whether the memory for metrics is full; existing ones still count. */
  #full = false;

  constructor(memory: ServiceMemory) {
    this.#memory = memory;
  }

  count(request: FastifyRequest, reply: FastifyReply): void {
    const { method } = request;
    const { url = '', config } = request.routeOptions;
    // Not the path, because the numbers of keys and tables are unbounded. Empty if no route matches.
    const pattern = request.is404 ? '' : (config.pattern ?? url);
    const status = String(reply.statusCode);
    const { metrics } = this.#memory;
    this.#metric(this.#requests, `${method} ${status} ${pattern}`, () =>
      counterOf(metrics, 'shmtable_http_requests_total', { method, route: documented(pattern), status }),
    )?.increment();
    if (config.stream) return;
    const durationMs = reply.elapsedTime;
    this.#metric(this.#durations, `${method} ${pattern}`, () =>
      histogramOf(metrics, 'shmtable_http_request_duration_seconds', { method, route: documented(pattern) }),
    )?.observe(durationMs / 1000);
    if (durationMs >= SLOW_MS) this.#note(request, reply.statusCode, Math.round(durationMs));
  }

  delayed(seconds: number): void {
    const { metrics } = this.#memory;
    this.#metric(this.#delays, '', () => histogramOf(metrics, 'shmtable_event_loop_delay_seconds'))?.observe(seconds);
  }

  #note(request: FastifyRequest, status: number, durationMs: number): void {
    const { method, id } = request;
    // Without the query, in which clients may send secrets.
    const [path] = request.url.split('?', 1);
    const url = path.slice(0, MAX_PATH);
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

  #metric<T>(known: Map<string, T>, key: string, make: () => T): T | undefined {
    const metric = known.get(key);
    if (metric !== undefined || this.#full) return metric;
    try {
      const made = make();
      known.set(key, made);
      return made;
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
      this.#full = true;
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
