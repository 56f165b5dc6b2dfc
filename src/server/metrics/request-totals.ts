/** What the request metrics of a service amount to over all routes. */
import { isDeepStrictEqual } from 'node:util';
import type { CounterFamily, FamilyMetric, Labels } from './metric-families.js';

/** The sum of the counters of a family whose labels fit. */
export function sumOf(
  metrics: readonly FamilyMetric[],
  wanted: CounterFamily,
  fits: (labels: Labels) => boolean = () => true,
): number {
  let sum = 0;
  for (const metric of metrics) {
    if (metric.kind === 'counter' && metric.family === wanted && fits(metric.labels)) sum += metric.value;
  }
  return sum;
}

/** Percentiles of the response time, rounded up to a bound of the histogram; null without requests. */
export interface Latency {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** The response times on all routes since the previous reading of the metrics. */
export function latencySince(metrics: readonly FamilyMetric[], before: readonly FamilyMetric[]): Latency {
  const durations = durationsSince(metrics, before);
  return { p50Ms: quantileMs(durations, 0.5), p99Ms: quantileMs(durations, 0.99) };
}

interface Durations {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

function durationsSince(metrics: readonly FamilyMetric[], before: readonly FamilyMetric[]): Durations {
  let bounds: readonly number[] = [];
  const counts: number[] = [];
  for (const metric of metrics) {
    if (metric.kind !== 'histogram' || metric.family !== 'shmtable_http_request_duration_seconds') continue;
    bounds = metric.bounds;
    const old = before.find(
      ({ family, labels }) => family === metric.family && isDeepStrictEqual(labels, metric.labels),
    );
    for (const [bucket, count] of metric.counts.entries()) {
      counts[bucket] = (counts[bucket] ?? 0) + count - (old?.kind === 'histogram' ? old.counts[bucket] : 0);
    }
  }
  return { bounds, counts };
}

/** The bound below which this share of durations lies, in milliseconds; the last bound above it. */
function quantileMs({ bounds, counts }: Durations, share: number): number | null {
  const wanted = share * counts.reduce((sum, count) => sum + count, 0);
  if (wanted === 0) return null;
  let below = 0;
  const bucket = counts.findIndex((count) => {
    below += count;
    return below >= wanted;
  });
  return (bounds[bucket] ?? bounds[bounds.length - 1]) * 1000;
}
