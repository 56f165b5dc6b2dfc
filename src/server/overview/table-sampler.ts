/**
 * Samples the tables of a namespace. Opening a table costs a hundred times as much as reading its counters, so they stay
 * open, read-only, from one sample to the next.
 */
import { CacheMemory } from '../../cache/cache-memory.js';
import { countsIn } from '../../cache/owner.js';
import { isNearTableName } from '../../cluster/near-store.js';
import { hasCode, ShmTableError } from '../../errors.js';
import type { SegmentLocation } from '../../memory/index.js';
import { engineOf } from '../../table/engine.js';
import { cacheMemoryName } from '../../table/layout/companions.js';
import { Table } from '../../table/table.js';
import type { Columns } from '../../table/types.js';
import type { ClusterTables } from '../cluster-tables.js';
import { type Place, placesOf } from '../table-survey.js';
import { Turns } from '../turns.js';
import type { TableSample } from './overview-schema.js';

/** Each takes two descriptors; further tables are opened for each sample. */
const MAX_OPEN = 500;

const NO_COUNTERS = {
  inserts: 0,
  updates: 0,
  deletes: 0,
  expirations: 0,
  evictions: 0,
  recoveries: 0,
  lockWaits: 0,
} as const;

const NOTHING_KNOWN = {
  rows: null,
  capacity: null,
  bytes: null,
  evict: 'none',
  heap: null,
  counters: NO_COUNTERS,
  cache: null,
} as const;

export class TableSampler {
  readonly #namespace: string;
  readonly #open = new Map<string, Table<Columns>>();

  readonly #inCluster: ClusterTables | undefined;

  constructor(namespace: string, inCluster?: ClusterTables) {
    this.#namespace = namespace;
    this.#inCluster = inCluster;
  }

  /**
   * A sample of each table that the service has: those among these segments, and those in clusters. Yields to other work
   * of the thread.
   */
  async sample(segments: readonly SegmentLocation[]): Promise<TableSample[]> {
    const turns = new Turns();
    const names = new Set(segments.map(({ name }) => name));
    const samples: TableSample[] = [];
    const found = new Set<string>();
    for (const place of placesOf(this.#namespace, segments)) {
      if (isNearTableName(place[0]) || this.#inCluster?.has(place[0])) continue;
      if (turns.isOver) await turns.next();
      found.add(idOf(place));
      samples.push(...this.#sampleOf(place, names.has(cacheMemoryName(this.#namespace, place[0]))));
    }
    for (const [id, table] of this.#open) {
      if (!found.has(id)) this.#drop(id, table);
    }
    return [...samples, ...this.#clusterSamples()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #clusterSamples(): TableSample[] {
    if (this.#inCluster === undefined) return [];
    const { unopened, lost } = this.#inCluster.unusable();
    return this.#inCluster.list().map(({ name }) => ({
      ...NOTHING_KNOWN,
      name,
      backend: 'cluster',
      kind: 'cluster',
      problem: Object.hasOwn(unopened, name)
        ? `${unopened[name]}: the table has not been opened yet`
        : Object.hasOwn(lost, name)
          ? `${lost[name]}: a server cannot be reached`
          : null,
    }));
  }

  close(): void {
    for (const [id, table] of this.#open) this.#drop(id, table);
  }

  /** None if the table was destroyed meanwhile. */
  #sampleOf(place: Place, isCache: boolean): TableSample[] {
    const id = idOf(place);
    try {
      const table = this.#tableAt(place);
      try {
        return [{ ...stateOf(table), ...(isCache && this.#cacheState(place[0])) }];
      } finally {
        if (!this.#open.has(id)) table.close();
      }
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
      if (hasCode(error, 'ERR_TABLE_NOT_FOUND') || hasCode(error, 'ERR_TABLE_CLOSED')) return [];
      return [unreadable(place, error)];
    }
  }

  /** The table, also if it was destroyed and created again since the last sample. */
  #tableAt(place: Place): Table<Columns> {
    const id = idOf(place);
    const held = this.#open.get(id);
    if (held?.isOpen) return held;
    if (held !== undefined) this.#drop(id, held);
    const table: Table<Columns> = Table.open(...place);
    if (this.#open.size < MAX_OPEN) this.#open.set(id, table);
    return table;
  }

  #drop(id: string, table: Table<Columns>): void {
    table.close();
    this.#open.delete(id);
  }

  /** What a sample of a cache has in addition; nothing if it was destroyed meanwhile, or belongs to another user. */
  #cacheState(name: string): Pick<TableSample, 'kind' | 'cache'> | undefined {
    let memory: CacheMemory | undefined;
    try {
      memory = CacheMemory.openIfThere(cacheMemoryName(this.#namespace, name));
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
    }
    if (memory === undefined) return undefined;
    try {
      return { kind: 'cache', cache: countsIn(memory) };
    } finally {
      memory.close();
    }
  }
}

function idOf([name, { backend, path = '' }]: Place): string {
  return `${backend} ${path} ${name}`;
}

function stateOf(table: Table<Columns>): TableSample {
  const engine = engineOf(table);
  const { rows, capacity, bytes, participants: _, ...counters } = engine.counts();
  const heap = engine.heapUse();
  return {
    name: table.name,
    backend: table.backend,
    kind: 'table',
    rows,
    capacity,
    bytes,
    evict: table.evict,
    heap: heap === undefined ? null : { bytes: heap.bytes, usedBytes: heap.used * heap.blockBytes },
    counters,
    cache: null,
    problem: null,
  };
}

function unreadable([name, { backend }]: Place, { code, message }: ShmTableError): TableSample {
  return {
    ...NOTHING_KNOWN,
    name,
    backend: String(backend),
    kind: 'table',
    rows: 0,
    capacity: 0,
    bytes: 0,
    problem: `${code}: ${message}`,
  };
}
