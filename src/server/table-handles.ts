/**
 * The tables that this process serves: one handle per name, opened at the first request.
 *
 * Invariants
 * - A response never comes from a destroyed table. A handle whose table was destroyed, by any process, throws
 *   ERR_TABLE_CLOSED before it does anything; it is dropped and the name is opened again, once per request.
 * - An action on a table and the codec that it is given have the same columns. A handle whose table was altered, by any
 *   process, throws ERR_TABLE_CLOSED too, until it is told to follow; then its codec is renewed, and the action repeated.
 *   Streams of changes, which use the same handle, continue.
 */

import { isNearTableName } from '../cluster/near-store.js';
import { hasCode, ShmTableError } from '../errors.js';
import { TableCodec } from '../json/table-codec.js';
import { DEFAULT_BACKEND, SHARES_MEMORY, timers } from '../memory/index.js';
import { companionsOf } from '../table/companions.js';
import type { TableEngine } from '../table/engine.js';
import { engineOf } from '../table/engine.js';
import { parseNamespace, withSchemaDefaults } from '../table/options.js';
import { Table } from '../table/table.js';
import type {
  Alteration,
  AlterOptions,
  BackendName,
  Columns,
  OpenOptions,
  TableInfo,
  TableOptions,
} from '../table/types.js';
import type { ClusterTables } from './cluster-tables.js';
import { type Eventual, when } from './eventual.js';
import { alterTable, conformTable, createLarge, isLarge } from './large-tables.js';
import type { RowStore } from './row-store.js';
import { SharedRows } from './shared-rows.js';
import { createSole, isThere } from './sole-table.js';
import { surveyTablesInTurns } from './table-survey.js';

/** How often handles of destroyed tables are released. */
const SWEEP_INTERVAL_MS = 5000;

/**
 * How often a table may appear and disappear while it is to be created until that is no longer considered a race. Each
 * time a thread may be started, and other large tables wait.
 */
const MAX_RACES = 10;

/** The backends of tables that are created over HTTP, in the order in which a table without a location is looked for. */
export const CREATABLE_BACKENDS: readonly BackendName[] = SHARES_MEMORY ? ['posix', 'sysv'] : ['process'];

/** Location of a configured table. */
export interface TableLocation {
  readonly backend?: BackendName | undefined;
  readonly path?: string | undefined;
}

/** Where a table without a location may be. */
const UNCONFIGURED: readonly TableLocation[] = CREATABLE_BACKENDS.map((backend) => ({ backend }));

interface TableHandlesOptions {
  readonly namespace?: string | undefined;
  /** Maximum wait for a lock; short, because it blocks the event loop. */
  readonly lockTimeoutMs: number;
  readonly locations?: Readonly<Record<string, TableLocation>> | undefined;
  /** Tables that are not in shared memory; none of the same name that is there can be reached. */
  readonly inCluster?: ClusterTables | undefined;
}

/** A table with the JSON reader and writer of its columns. */
export interface ServedTable {
  readonly table: Table<Columns>;
  readonly engine: TableEngine;
  readonly codec: TableCodec;
  readonly rows: RowStore;
}

interface HeldTable extends ServedTable {
  /** Those of the codec. */
  readonly columns: Columns;
}

type NewTable = Omit<TableOptions, 'namespace' | 'lockTimeoutMs'>;

interface CreatedTable {
  readonly created: boolean;
  readonly served: ServedTable;
}

export class TableHandles {
  readonly #options: TableHandlesOptions;
  #locations: ReadonlyMap<string, TableLocation> = new Map();
  readonly #handles = new Map<string, HeldTable>();
  readonly #sweeping = timers.setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS).unref();

  constructor(options: TableHandlesOptions) {
    this.#options = options;
    this.locate(options.locations ?? {});
  }

  /** Replaces the locations of the configured tables. */
  locate(locations: Readonly<Record<string, TableLocation>>): void {
    // Only the location: the other configured options need not match the existing table.
    this.#locations = new Map(Object.entries(locations).map(([name, { backend, path }]) => [name, { backend, path }]));
  }

  /**
   * Runs an action on a table, and again if the table turns out to be altered, or destroyed: then on a new handle. Every
   * method throws ERR_TABLE_CLOSED before it changes anything, so no run repeats a write. For an action that waits, this
   * is decided before it begins.
   */
  use<T>(name: string, action: (served: ServedTable) => T): T {
    this.#options.inCluster?.refuse(name);
    for (let isReopened = false; ; ) {
      const served = this.#handle(name);
      try {
        return action(served);
      } catch (error) {
        if (!hasCode(error, 'ERR_TABLE_CLOSED')) throw error;
        if (served.engine.isBehind) continue;
        if (isReopened) throw error;
        isReopened = true;
        this.#drop(name);
      }
    }
  }

  /** The same with the rows of a table, wherever they are. */
  withRows<T>(name: string, action: (rows: RowStore) => Eventual<T>): Eventual<T> {
    const rows = this.#options.inCluster?.rowsOf(name);
    return rows === undefined ? this.use(name, (served) => action(served.rows)) : when(rows, action);
  }

  /** The columns of a table, also while its cluster cannot be reached. */
  columnsOf(name: string): Columns {
    return this.#options.inCluster?.columnsOf(name) ?? this.use(name, ({ table }) => table.columns);
  }

  /** The tables that are not in shared memory. */
  get inCluster(): ClusterTables | undefined {
    return this.#options.inCluster;
  }

  /**
   * Creates a table, or opens the existing one, whatever its backend: a second one of the same name in the memory of
   * another backend could not be told from the first.
   *
   * @throws {ShmTableError} ERR_SCHEMA_MISMATCH when it exists with another schema
   * @throws {ShmTableError} ERR_TABLE_CORRUPT when what has its name is no table
   */
  create(options: NewTable): CreatedTable {
    const schema = this.#schemaOf(options);
    const { name } = schema;
    for (let races = 0; races < MAX_RACES; races++) {
      const served = this.#openSame(schema);
      if (served !== undefined) return { created: false, served };
      try {
        const table = createSole(schema, this.#othersOf(schema));
        this.#drop(name);
        return { created: true, served: this.#keep(name, table) };
      } catch (error) {
        if (!hasCode(error, 'ERR_TABLE_EXISTS')) throw error;
      }
    }
    throw noTable(name);
  }

  /** The same; a table of any size keeps the event loop for only a few milliseconds. */
  async createInTurns(options: NewTable): Promise<CreatedTable> {
    const schema = this.#schemaOf(options);
    if (!isLarge(schema)) return this.create(options);
    let created = false;
    for (let races = 0; races < MAX_RACES; races++) {
      const served = this.#openSame(schema);
      if (served !== undefined) return { created, served };
      created = (await createLarge(schema, this.#othersOf(schema))) || created;
    }
    throw noTable(schema.name);
  }

  /** How an existing table differs from these options; undefined when it does not, or there is no such table. */
  mismatch(options: NewTable): string | undefined {
    try {
      this.#openSame(this.#schemaOf(options));
      return undefined;
    } catch (error) {
      if (error instanceof ShmTableError && error.code === 'ERR_SCHEMA_MISMATCH') return error.message;
      throw error;
    }
  }

  /** Does what `onMismatch` says with an existing table that has another schema. What `Table.openOrCreate` throws. */
  async conform(options: NewTable): Promise<void> {
    await conformTable(this.#schemaOf(options));
  }

  /**
   * Alters a table; every handle on it follows, here as everywhere.
   *
   * @throws {ShmTableError} ERR_TABLE_NOT_FOUND when there is none, and what `Table.alter` throws
   */
  async alter(name: string, changes: AlterOptions): Promise<Alteration> {
    const { namespace } = this.#options;
    const { backend, path } = this.use(name, ({ table, engine }) => {
      // Throws for what is invalid whatever the rows are.
      engine.bytesAfter(changes);
      return table.options;
    });
    return alterTable(name, { ...changes, namespace, backend, path });
  }

  /** Opens the table with this schema, wherever requests find it; undefined if there is none. */
  #openSame(schema: TableOptions): ServedTable | undefined {
    const { name } = schema;
    // None of these is part of the schema.
    const { maxParticipants: _, backend: _backend, path: _path, ...wanted } = schema;
    try {
      return this.#keepLiving(name, this.#open(name, wanted));
    } catch (error) {
      if (hasCode(error, 'ERR_TABLE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /**
   * Defaults are part of the schema: without them a table with other limits would be considered the same. A configured
   * table is created where requests will look for it.
   */
  #schemaOf(options: NewTable): TableOptions {
    const { namespace, lockTimeoutMs } = this.#options;
    const { backend, path } = this.#locations.get(options.name) ?? options;
    return { ...withSchemaDefaults(options), namespace, lockTimeoutMs, backend, path };
  }

  /** The other backends in which requests would look for such a table, too. */
  #othersOf({ name, backend = DEFAULT_BACKEND }: TableOptions): BackendName[] {
    return this.#locations.has(name) ? [] : CREATABLE_BACKENDS.filter((other) => other !== backend);
  }

  /** Whether there is a table of this name, even if it cannot be opened, unless that is because it belongs to another. */
  exists(name: string): boolean {
    try {
      return this.use(name, () => true);
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
      return error.code !== 'ERR_TABLE_NOT_FOUND' && error.code !== 'ERR_PERMISSION';
    }
  }

  /**
   * Destroys a table for every process, and with the table of a cache the whole cache. If programs have created several
   * of this name, requests find none of them afterwards.
   *
   * @throws {ShmTableError} ERR_TABLE_NOT_FOUND when there is none
   */
  destroy(name: string): void {
    const { namespace } = this.#options;
    let isDestroyed = false;
    let missing: unknown;
    for (const location of this.#placesOf(name)) {
      try {
        Table.destroy(name, { namespace, ...location });
        isDestroyed = true;
      } catch (error) {
        if (!hasCode(error, 'ERR_TABLE_NOT_FOUND')) throw error;
        missing = error;
      }
    }
    this.#drop(name);
    if (!isDestroyed) throw missing;
  }

  /** The names of the tables that are destroyed together with one: those of a cache, or only itself. */
  destroyedWith(name: string): string[] {
    return [name, ...companionsOf({ namespace: parseNamespace(this.#options.namespace), name })];
  }

  /** Every table of the namespace in shared memory. */
  list(): TableInfo[] {
    return Table.list({ namespace: this.#options.namespace }).filter(({ name }) => !isNearTableName(name));
  }

  /**
   * The result of `look` for each wanted table of the namespace, which is opened briefly; other requests are served
   * meanwhile.
   */
  survey<T>(look: (table: Table<Columns>) => T, isWanted: (name: string) => boolean): Promise<T[]> {
    const { namespace, inCluster } = this.#options;
    const isServed = (name: string) => !isNearTableName(name) && inCluster?.has(name) !== true && isWanted(name);
    return surveyTablesInTurns(parseNamespace(namespace), look, isServed);
  }

  close(): void {
    timers.clearInterval(this.#sweeping);
    for (const name of [...this.#handles.keys()]) this.#drop(name);
  }

  /** Closes handles of destroyed tables, which would keep their memory allocated, and of those that no other worker finds. */
  #sweep(): void {
    for (const [name, { table }] of this.#handles) {
      if (!table.isOpen || this.#isHidden(table)) this.#drop(name);
    }
  }

  /** Whether a program has since created a table of the same name where requests look first. */
  #isHidden({ name, backend }: Table<Columns>): boolean {
    const before = CREATABLE_BACKENDS.slice(0, Math.max(CREATABLE_BACKENDS.indexOf(backend), 0));
    if (before.length === 0 || this.#locations.has(name)) return false;
    const { namespace } = this.#options;
    try {
      return before.some((first) => isThere({ name, namespace }, first));
    } catch (error) {
      // It belongs to another user, say.
      if (!(error instanceof ShmTableError)) throw error;
      return false;
    }
  }

  /** The table as it is now. */
  #handle(name: string): ServedTable {
    const held = this.#handles.get(name);
    if (held !== undefined) {
      try {
        held.engine.follow();
        return held.table.columns === held.columns ? held : this.#hold(name, held.table);
      } catch (error) {
        if (!hasCode(error, 'ERR_TABLE_CLOSED')) throw error;
        this.#drop(name);
      }
    }
    // A row that somebody else writes there would be taken for one of the cluster.
    if (isNearTableName(name)) throw new ShmTableError('ERR_TABLE_NOT_FOUND', `table ${name} is part of another one`);
    return this.#keep(name, this.#open(name));
  }

  #open(name: string, wanted: OpenOptions = {}): Table<Columns> {
    const { namespace, lockTimeoutMs } = this.#options;
    let missing: unknown;
    for (const location of this.#placesOf(name)) {
      try {
        return Table.open(name, { ...wanted, namespace, lockTimeoutMs, ...location });
      } catch (error) {
        if (!hasCode(error, 'ERR_TABLE_NOT_FOUND')) throw error;
        missing = error;
      }
    }
    throw missing;
  }

  /** Where a table is looked for, in this order. */
  #placesOf(name: string): readonly TableLocation[] {
    const configured = this.#locations.get(name);
    return configured === undefined ? UNCONFIGURED : [configured];
  }

  #keep(name: string, table: Table<Columns>): ServedTable {
    engineOf(table).followOnlyWhenAsked();
    return this.#hold(name, table);
  }

  #hold(name: string, table: Table<Columns>): ServedTable {
    const { columns } = table;
    const codec = new TableCodec(name, columns);
    const held = { table, engine: engineOf(table), codec, rows: new SharedRows(table, codec), columns };
    this.#handles.set(name, held);
    return held;
  }

  /** Keeps the current handle while its table exists, because streams of changes use it. */
  #keepLiving(name: string, table: Table<Columns>): ServedTable {
    const held = this.#handles.get(name)?.table;
    if (held?.isOpen && held.backend === table.backend) {
      table.close();
      return this.#handle(name);
    }
    this.#drop(name);
    return this.#keep(name, table);
  }

  #drop(name: string): void {
    const held = this.#handles.get(name);
    this.#handles.delete(name);
    try {
      held?.table.close();
    } catch (error) {
      // It is damaged, and closed nevertheless.
      if (!(error instanceof ShmTableError)) throw error;
    }
  }
}

function noTable(name: string): ShmTableError {
  return new ShmTableError('ERR_TABLE_CORRUPT', `what has the name of table ${name} is no table`);
}
