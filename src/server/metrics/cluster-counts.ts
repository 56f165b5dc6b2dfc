/** Counts of tables in clusters, which each worker has for itself, added up for all of them. */
import type { ClusterTableStats } from '../../cluster/cluster-table.js';
import type { MetricRegistry } from '../../pools/index.js';
import { type CounterFamily, counterOf } from './metric-families.js';

const NEAR_COUNTS = {
  shmtable_near_hits_total: 'hits',
  shmtable_near_misses_total: 'misses',
  shmtable_near_fills_total: 'fills',
  shmtable_near_refused_fills_total: 'refusedFills',
  shmtable_near_uncached_reads_total: 'uncachedReads',
} as const;

/** Of one table in this process. */
export class ClusterCounts {
  readonly #registry: MetricRegistry;
  readonly #table: string;
  readonly #added = new Map<CounterFamily, number>();

  constructor(registry: MetricRegistry, table: string) {
    this.#registry = registry;
    this.#table = table;
  }

  /** Adds what has been counted since the last call. */
  add({ unknownOutcomes, near }: ClusterTableStats): void {
    this.#addTo('shmtable_cluster_unknown_outcomes_total', unknownOutcomes);
    if (near === undefined) return;
    for (const [family, count] of Object.entries(NEAR_COUNTS)) this.#addTo(family as CounterFamily, near[count]);
  }

  #addTo(family: CounterFamily, count: number): void {
    const added = this.#added.get(family);
    if (added !== undefined && added >= count) return;
    counterOf(this.#registry, family, { table: this.#table }).increment(count - (added ?? 0));
    this.#added.set(family, count);
  }
}
