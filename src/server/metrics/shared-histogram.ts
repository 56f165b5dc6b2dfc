/** A histogram for prom-client's text output whose observations come from shared memory. */
import { Gauge, type GaugeConfiguration, type MetricObjectWithValues, type MetricValueWithName } from 'prom-client';
import type { FamilyMetric } from './metric-families.js';

export class SharedHistogram extends Gauge {
  // Not prom-client's Histogram, which outputs its own observations whatever `get` returns.
  readonly type = 'histogram';
  readonly #name: string;
  readonly #metrics: readonly FamilyMetric[];

  constructor(configuration: GaugeConfiguration<string>, metrics: readonly FamilyMetric[]) {
    super(configuration);
    this.#name = configuration.name;
    this.#metrics = metrics;
  }

  override async get(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    return { ...(await super.get()), values: this.#metrics.flatMap((metric) => this.#valuesOf(metric)) };
  }

  /** In the text format, buckets are cumulative and the last one is unbounded. */
  #valuesOf(metric: FamilyMetric): MetricValueWithName<string>[] {
    if (metric.kind !== 'histogram') return [];
    const { labels, bounds, counts, count, sum } = metric;
    let below = 0;
    const buckets = counts.map((observed, i) => {
      below += observed;
      return { metricName: `${this.#name}_bucket`, labels: { ...labels, le: bounds[i] ?? '+Inf' }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${this.#name}_sum`, labels, value: sum },
      { metricName: `${this.#name}_count`, labels, value: count },
    ];
  }
}
