/**
 * The metrics in the Prometheus text format: the counts of all processes of the service and of its tables. Everything
 * is read from shared memory; no process is queried.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { HeapStats, TableCounts } from '../../table/types.js';
import type { ClusterTableInfo } from '../cluster-tables.js';
import type { ServiceMemory } from '../service-memory.js';
import { Turns } from '../turns.js';
import { addClusterTables } from './cluster-gauges.js';
import { COUNTERS, type FamilyMetric, familyMetrics, HISTOGRAMS } from './metric-families.js';
import type { ProcessReport } from './process-reports.js';
import { addMachine, addProcesses, addSnapshots } from './service-gauges.js';
import { SharedHistogram } from './shared-histogram.js';
import type { NamedCounts } from './table-counts.js';

type CountName = keyof TableCounts;

/** Family, help text, and the corresponding property of a table's counts. */
const TABLE_GAUGES: readonly (readonly [string, string, CountName])[] = [
  ['shmtable_table_rows', 'Rows of the table; expired ones count until they are removed', 'rows'],
  ['shmtable_table_capacity_rows', 'Rows that fit into the table', 'capacity'],
  ['shmtable_table_bytes', "Bytes of the table's segment", 'bytes'],
  ['shmtable_table_participants', 'Threads of all processes that have the table open for writing', 'participants'],
];

const HEAP_GAUGES: readonly (readonly [string, string, Exclude<keyof HeapStats, 'bytes'>])[] = [
  ['shmtable_table_heap_blocks', 'Blocks of the heap for text, blob and json values', 'blocks'],
  ['shmtable_table_heap_block_bytes', 'Bytes of a block of the heap', 'blockBytes'],
  ['shmtable_table_heap_blocks_used', 'Blocks of the heap with values of rows', 'used'],
  ['shmtable_table_heap_blocks_in_flight', 'Blocks of the heap that writes in progress hold', 'inFlight'],
];

const TABLE_COUNTERS: readonly (readonly [string, string, CountName])[] = [
  ['shmtable_table_expirations_total', 'Expired rows that were removed', 'expirations'],
  ['shmtable_table_evictions_total', 'Rows evicted from a full table', 'evictions'],
  ['shmtable_table_recoveries_total', 'Operations of dead processes that were completed or undone', 'recoveries'],
  ['shmtable_table_lock_waits_total', 'Writes that had to wait for a lock', 'lockWaits'],
];

const OPERATIONS: readonly (readonly [string, CountName])[] = [
  ['insert', 'inserts'],
  ['update', 'updates'],
  ['delete', 'deletes'],
];

interface Exposition {
  readonly text: string;
  readonly contentType: string;
}

interface ExposedState {
  readonly memory: ServiceMemory;
  readonly tables: readonly NamedCounts[];
  readonly processes: readonly ProcessReport[];
  readonly inCluster: readonly ClusterTableInfo[];
  /** Whether to show what concerns a table. */
  readonly isVisible: (table: string) => boolean;
  /** The time of the newest snapshot of each table, in milliseconds since the epoch. */
  readonly snapshots: readonly (readonly [string, number])[];
}

/** The text; other requests are served while it is written. */
export async function exposition(state: ExposedState): Promise<Exposition> {
  const { memory, tables, processes, snapshots, inCluster, isVisible } = state;
  const registry = new Registry();
  const turns = new Turns();
  for (const add of tableFamilies(registry, tables)) {
    add();
    if (turns.isOver) await turns.next();
  }
  const metrics = [...familyMetrics(memory.metrics)];
  addFamilies(
    registry,
    metrics.filter(({ labels }) => labels.table === undefined || isVisible(labels.table)),
  );
  addClusterTables(registry, inCluster);
  addProcesses(registry, processes);
  addSnapshots(registry, snapshots);
  await addMachine(registry);
  const families: string[] = [];
  for (const { name } of registry.getMetricsAsArray()) {
    if (turns.isOver) await turns.next();
    families.push(await registry.getSingleMetricAsString(name));
  }
  return { text: `${families.join('\n\n')}\n`, contentType: registry.contentType };
}

/** A step for each family of metrics of the tables. */
function* tableFamilies(registry: Registry, tables: readonly NamedCounts[]): Generator<() => void> {
  const registers = [registry];
  const labelNames = ['table'];
  for (const [name, help, count] of TABLE_GAUGES) {
    yield () => {
      const gauge = new Gauge({ name, help, registers, labelNames });
      for (const counts of tables) gauge.set({ table: counts.table }, counts[count]);
    };
  }
  const heaps = tables.flatMap(({ table, heap }) => (heap === undefined ? [] : [{ table, heap }]));
  for (const [name, help, count] of HEAP_GAUGES) {
    yield () => {
      const gauge = new Gauge({ name, help, registers, labelNames });
      for (const { table, heap } of heaps) gauge.set({ table }, heap[count]);
    };
  }
  for (const [name, help, count] of TABLE_COUNTERS) {
    yield () => {
      const counter = new Counter({ name, help, registers, labelNames });
      for (const counts of tables) counter.inc({ table: counts.table }, counts[count]);
    };
  }
  yield () => {
    const operations = new Counter({
      name: 'shmtable_table_operations_total',
      help: 'Rows inserted, updated and deleted; reads are not counted',
      registers,
      labelNames: ['table', 'operation'],
    });
    for (const counts of tables) {
      for (const [operation, count] of OPERATIONS) operations.inc({ table: counts.table, operation }, counts[count]);
    }
  };
}

function addFamilies(registry: Registry, metrics: readonly FamilyMetric[]): void {
  const registers = [registry];
  for (const [name, help] of Object.entries(COUNTERS)) {
    const own = metrics.filter(({ family }) => family === name);
    const counter = new Counter({ name, help, registers, labelNames: labelNamesOf(own) });
    for (const metric of own) if (metric.kind === 'counter') counter.inc(metric.labels, metric.value);
  }
  for (const [name, help] of Object.entries(HISTOGRAMS)) {
    const own = metrics.filter(({ family }) => family === name);
    registry.registerMetric(new SharedHistogram({ name, help, registers: [] }, own));
  }
}

function labelNamesOf(metrics: readonly FamilyMetric[]): string[] {
  return Object.keys(metrics.at(0)?.labels ?? {});
}
