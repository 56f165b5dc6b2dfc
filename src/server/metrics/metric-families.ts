/** The metrics that the processes of a service share: families of metrics with different labels. */
import type { MetricCounter, MetricHistogram, MetricRegistry, MetricValue } from '../../pools/index.js';

export type Labels = Readonly<Record<string, string>>;

/** Up to 10 s: from a read that hits the processor's cache to a batch over a table of millions of rows. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export const COUNTERS = {
  shmtable_http_requests_total: 'Requests served, by method, route and status',
  shmtable_worker_starts_total: 'Workers that were started',
  shmtable_worker_ends_total: 'Workers that ended, for any reason',
  shmtable_worker_deaths_total: 'Workers that ended unexpectedly',
  shmtable_snapshots_total: 'Snapshots that were taken',
  shmtable_snapshot_failures_total: 'Snapshots that could not be taken',
  shmtable_cluster_unknown_outcomes_total: 'Writes to a cluster that were sent and not answered',
  shmtable_near_hits_total: 'Reads of a row in a cluster that the near cache answered',
  shmtable_near_misses_total: 'Reads that the near cache could not answer',
  shmtable_near_fills_total: 'Rows that were read at their primaries and stored in the near cache',
  shmtable_near_refused_fills_total: 'Rows that were read and not stored: they had changed meanwhile, or did not fit',
  shmtable_near_uncached_reads_total: 'Reads at a primary without an attempt to store the row',
} as const;

export const HISTOGRAMS = {
  shmtable_http_request_duration_seconds: 'Time from a request to its response, without change streams',
  shmtable_event_loop_delay_seconds: 'How late a timer of a worker fires, sampled twice a second',
} as const;

export type CounterFamily = keyof typeof COUNTERS;
export type HistogramFamily = keyof typeof HISTOGRAMS;

/** Returns the metric with these labels; creates it if it does not exist. */
export function counterOf(registry: MetricRegistry, family: CounterFamily, labels: Labels = {}): MetricCounter {
  return registry.counter(nameOf(family, labels));
}

export function histogramOf(registry: MetricRegistry, family: HistogramFamily, labels: Labels = {}): MetricHistogram {
  return registry.histogram(nameOf(family, labels), SECONDS);
}

/** A metric of a service, of any kind. */
export type FamilyMetric = MetricValue & { readonly family: string; readonly labels: Labels };

/** All metrics that have been counted. */
export function* familyMetrics(registry: MetricRegistry): Generator<FamilyMetric> {
  for (const metric of registry.entries()) {
    const end = metric.name.indexOf(' ');
    const labels: Labels = JSON.parse(metric.name.slice(end));
    yield { ...metric, family: metric.name.slice(0, end), labels };
  }
}

function nameOf(family: string, labels: Labels): string {
  return `${family} ${JSON.stringify(labels)}`;
}
