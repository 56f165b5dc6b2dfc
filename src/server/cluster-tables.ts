/**
 * The configured tables in clusters, in one process. A cluster may be away at any time: until a table has been opened,
 * that is tried again and again, and its requests are refused; afterwards its connections are made again by themselves.
 */
import type { FastifyBaseLogger } from 'fastify';
import type { ClusterTable, ClusterTableStats } from '../cluster/cluster-table.js';
import { CLUSTER_LIMITS } from '../cluster/defaults.js';
import { type ErrorCode, ShmTableError } from '../errors.js';
import { TableCodec } from '../json/table-codec.js';
import { pause, timers } from '../memory/index.js';
import { TABLE_DEFAULTS } from '../table/defaults.js';
import type { Columns } from '../table/types.js';
import type { Eventual } from './eventual.js';
import { ClusterCounts } from './metrics/cluster-counts.js';
import type { RemoteRows } from './remote-rows.js';
import type { ServiceMemory } from './service-memory.js';
import { clusterOptions } from './settings/cluster-options.js';
import type { ServiceSettings } from './settings/settings-schema.js';
import { type ClusterTableSettings, clusterTables } from './settings/table-schema.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
/** A worker that waits for its tables accepts no requests for others. */
const LONGEST_WAIT_MS = 3000;
const COUNT_MS = 1000;

interface Place {
  readonly settings: ClusterTableSettings;
  opened?: { readonly table: ClusterTable<Columns>; readonly rows: RemoteRows; readonly counts: ClusterCounts };
  /** The first attempt to open it, while that lasts. */
  opening?: Promise<boolean> | undefined;
  /** Why it is not open. */
  problem: ShmTableError;
}

type ClusterSettings = Pick<ServiceSettings, 'tables' | 'namespace' | 'workers' | 'onMismatch'>;

interface Surroundings {
  readonly log: FastifyBaseLogger;
  readonly memory: ServiceMemory;
}

export interface ClusterTableInfo {
  readonly name: string;
  readonly columns: Columns;
  readonly maxKeyBytes: number;
  /** Undefined until the table has been opened. */
  readonly stats: ClusterTableStats | undefined;
}

export class ClusterTables {
  readonly #settings: ClusterSettings;
  readonly #log: FastifyBaseLogger;
  readonly #memory: ServiceMemory;
  readonly #places = new Map<string, Place>();
  readonly #stop = new AbortController();
  #counting: NodeJS.Timeout | undefined;

  private constructor(settings: ClusterSettings, { log, memory }: Surroundings) {
    this.#settings = settings;
    this.#log = log;
    this.#memory = memory;
    for (const [name, table] of Object.entries(clusterTables(settings.tables))) {
      const problem = new ShmTableError('ERR_CLUSTER_UNAVAILABLE', 'it is being opened');
      this.#places.set(name, { settings: table, problem });
    }
  }

  /** Undefined if no table is in a cluster. */
  static of(settings: ClusterSettings, surroundings: Surroundings): ClusterTables | undefined {
    const tables = new ClusterTables(settings, surroundings);
    return tables.#places.size === 0 ? undefined : tables;
  }

  /**
   * Begins to open the tables. Resolves when each is open, or has failed once, or after a while; those that have failed
   * are tried again and again. Never rejects.
   */
  async open(): Promise<void> {
    const tried = [...this.#places].map(([name, place]) => this.#open(name, place));
    const enough = new AbortController();
    await Promise.race([Promise.all(tried), pause(LONGEST_WAIT_MS, enough.signal)]);
    enough.abort();
    this.#counting = timers.setInterval(() => this.#count(), COUNT_MS).unref();
  }

  async #open(name: string, place: Place): Promise<void> {
    place.opening = this.#tryToOpen(name, place);
    try {
      if (!(await place.opening)) void this.#keepTrying(name, place);
    } finally {
      place.opening = undefined;
    }
  }

  async #keepTrying(name: string, place: Place): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    do {
      await pause(pauseMs * (0.5 + Math.random()), this.#stop.signal);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    } while (!this.#stop.signal.aborted && !(await this.#tryToOpen(name, place)));
  }

  async #tryToOpen(name: string, place: Place): Promise<boolean> {
    try {
      // A service without such tables does not load any of it.
      const { ClusterTable } = await import('../cluster/cluster-table.js');
      const { RemoteRows } = await import('./remote-rows.js');
      const table = await ClusterTable.connect<Columns>(clusterOptions(name, place.settings, this.#settings));
      if (this.#stop.signal.aborted) {
        await table.close();
        return true;
      }
      const rows = new RemoteRows(table, new TableCodec(name, table.columns));
      place.opened = { table, rows, counts: new ClusterCounts(this.#memory.metrics, name) };
      this.#log.info({ table: name }, 'table in cluster opened');
      return true;
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
      if (error.message !== place.problem.message) {
        this.#log.warn({ table: name, code: error.code, detail: error.message }, 'table in cluster cannot be opened');
      }
      place.problem = error;
      return false;
    }
  }

  /**
   * The rows of a table; undefined if the name is not that of a table in a cluster. While it is opened for the first time
   * this is waited for, as long as an operation may take: the worker before this one has it open.
   *
   * @throws {ShmTableError} ERR_CLUSTER_UNAVAILABLE when it has not been opened yet
   */
  rowsOf(name: string): Eventual<RemoteRows> | undefined {
    const place = this.#places.get(name);
    if (place === undefined) return undefined;
    return place.opening === undefined ? openRows(name, place) : this.#whenOpened(name, place, place.opening);
  }

  async #whenOpened(name: string, place: Place, opening: Promise<unknown>): Promise<RemoteRows> {
    const { timeoutMs = CLUSTER_LIMITS.timeoutMs.default } = place.settings.cluster;
    const enough = new AbortController();
    await Promise.race([opening, pause(timeoutMs, enough.signal)]);
    enough.abort();
    return openRows(name, place);
  }

  columnsOf(name: string): Columns | undefined {
    return this.#places.get(name)?.settings.columns;
  }

  has(name: string): boolean {
    return this.#places.has(name);
  }

  /** Throws ERR_BACKEND_UNSUPPORTED for what only a table in shared memory can do. */
  refuse(name: string, instead = 'where the service only reads and writes rows'): void {
    if (!this.#places.has(name)) return;
    throw new ShmTableError('ERR_BACKEND_UNSUPPORTED', `table ${name} is in a cluster, ${instead}`);
  }

  /** All of them, in the order of their names. */
  list(): ClusterTableInfo[] {
    return [...this.#places.keys()].sort().flatMap((name) => this.info(name) ?? []);
  }

  info(name: string): ClusterTableInfo | undefined {
    const place = this.#places.get(name);
    if (place === undefined) return undefined;
    const { columns, maxKeyBytes = TABLE_DEFAULTS.maxKeyBytes } = place.settings;
    return { name, columns, maxKeyBytes, stats: place.opened?.table.stats() };
  }

  /** Tables that were never opened, and tables of which a server cannot be reached, each with the code of the error. */
  unusable(): { readonly unopened: Record<string, ErrorCode>; readonly lost: Record<string, ErrorCode> } {
    const unopened: Record<string, ErrorCode> = {};
    const lost: Record<string, ErrorCode> = {};
    for (const [name, { opened, problem }] of this.#places) {
      if (opened === undefined) unopened[name] = problem.code;
      else {
        const { primaries, connected } = opened.table.stats();
        if (connected < Math.max(primaries, 1)) lost[name] = 'ERR_CLUSTER_UNAVAILABLE';
      }
    }
    return { unopened, lost };
  }

  /** Adds what this process has counted to the metrics of the service. */
  #count(): void {
    for (const { opened } of this.#places.values()) opened?.counts.add(opened.table.stats());
  }

  async close(): Promise<void> {
    this.#stop.abort();
    timers.clearInterval(this.#counting);
    this.#count();
    await Promise.all([...this.#places.values()].map(({ opened }) => opened?.table.close()));
  }
}

function openRows(name: string, { opened, problem }: Place): RemoteRows {
  if (opened !== undefined) return opened.rows;
  throw new ShmTableError('ERR_CLUSTER_UNAVAILABLE', `table ${name} is not open: ${problem.message}`);
}
