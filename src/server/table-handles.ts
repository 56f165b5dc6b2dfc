/**
 * The tables that this process serves: one handle per name, opened at the first request.
 *
 * Invariant: a response never comes from a destroyed table. A handle whose table was destroyed, by any process, throws
 * ERR_TABLE_CLOSED before it does anything; it is dropped and the name is opened again, once per request.
 */

import { hasCode } from '../errors.js';
import { TableCodec } from '../json/table-codec.js';
import { timers } from '../memory/index.js';
import type { TableEngine } from '../table/engine.js';
import { engineOf } from '../table/engine.js';
import { parseNamespace, withSchemaDefaults } from '../table/options.js';
import { Table } from '../table/table.js';
import type { BackendName, Columns, TableInfo, TableOptions } from '../table/types.js';
import { createLarge, isLarge } from './large-tables.js';
import { surveyTablesInTurns } from './table-survey.js';

/** How often handles of destroyed tables are released. */
const SWEEP_INTERVAL_MS = 5000;

/** Location of a configured table; tables created over HTTP are found by `Table.open` with the name alone. */
export interface TableLocation {
  readonly backend?: BackendName | undefined;
  readonly path?: string | undefined;
}

interface TableHandlesOptions {
  readonly namespace?: string | undefined;
  /** Maximum wait for a lock; short, because it blocks the event loop. */
  readonly lockTimeoutMs: number;
  readonly locations?: Readonly<Record<string, TableLocation>> | undefined;
}

/** A table with its JSON reader and writer. */
export interface ServedTable {
  readonly table: Table<Columns>;
  readonly engine: TableEngine;
  readonly codec: TableCodec;
}

type NewTable = Omit<TableOptions, 'namespace' | 'lockTimeoutMs'>;

interface CreatedTable {
  readonly created: boolean;
  readonly served: ServedTable;
}

export class TableHandles {
  readonly #options: TableHandlesOptions;
  readonly #locations: ReadonlyMap<string, TableLocation>;
  readonly #handles = new Map<string, ServedTable>();
  readonly #sweeping = timers.setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS).unref();

  constructor(options: TableHandlesOptions) {
    this.#options = options;
    const locations = Object.entries(options.locations ?? {});
    // Only the location: the other configured options need not match the existing table.
    this.#locations = new Map(locations.map(([name, { backend, path }]) => [name, { backend, path }]));
  }

  /**
   * Runs an action on a table, and again on a new handle if the table turns out to be destroyed. Every method throws
   * ERR_TABLE_CLOSED before it changes anything, so the second run never repeats a write.
   */
  use<T>(name: string, action: (served: ServedTable) => T): T {
    try {
      return action(this.#handle(name));
    } catch (error) {
      if (!hasCode(error, 'ERR_TABLE_CLOSED')) throw error;
      this.#drop(name);
    }
    return action(this.#handle(name));
  }

  /**
   * Creates a table, or opens the existing one.
   *
   * @throws {ShmTableError} ERR_SCHEMA_MISMATCH when it exists with another schema
   */
  create(options: NewTable): CreatedTable {
    const { name } = options;
    const schema = this.#schemaOf(options);
    for (;;) {
      try {
        const table: Table<Columns> = Table.create(schema);
        this.#drop(name);
        return { created: true, served: this.#keep(name, table) };
      } catch (error) {
        if (!hasCode(error, 'ERR_TABLE_EXISTS')) throw error;
      }
      const served = this.#openSame(schema);
      if (served !== undefined) return { created: false, served };
    }
  }

  /** The same; a table of any size keeps the event loop for only a few milliseconds. */
  async createInTurns(options: NewTable): Promise<CreatedTable> {
    const schema = this.#schemaOf(options);
    if (!isLarge(schema)) return this.create(options);
    for (let created = false; ; ) {
      if (!this.exists(options.name)) created = (await createLarge(schema)) || created;
      const served = this.#openSame(schema);
      if (served !== undefined) return { created, served };
    }
  }

  /** Opens the table with this schema; undefined if it was destroyed in between, so that it can be created. */
  #openSame(schema: TableOptions): ServedTable | undefined {
    const { name } = schema;
    // `maxParticipants` is not part of the schema.
    const { maxParticipants: _, ...wanted } = schema;
    try {
      return this.#keepLiving(name, Table.open(name, { ...wanted, ...this.#locations.get(name) }));
    } catch (error) {
      if (hasCode(error, 'ERR_TABLE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /** Defaults are part of the schema: without them a table with other limits would be considered the same. */
  #schemaOf(options: NewTable): TableOptions {
    const { namespace, lockTimeoutMs } = this.#options;
    return { ...withSchemaDefaults(options), namespace, lockTimeoutMs };
  }

  /** Whether there is a table of this name, even if it cannot be opened. */
  exists(name: string): boolean {
    try {
      return this.use(name, () => true);
    } catch (error) {
      return hasCode(error, 'ERR_TABLE_CORRUPT') || hasCode(error, 'ERR_LAYOUT_VERSION');
    }
  }

  /**
   * Destroys a table for every process.
   *
   * @throws {ShmTableError} ERR_TABLE_NOT_FOUND when there is none
   */
  destroy(name: string): void {
    Table.destroy(name, { namespace: this.#options.namespace, ...this.#locations.get(name) });
    this.#drop(name);
  }

  /** Every table of the namespace. */
  list(): TableInfo[] {
    return Table.list({ namespace: this.#options.namespace });
  }

  /**
   * The result of `look` for each wanted table of the namespace, which is opened briefly; other requests are served
   * meanwhile.
   */
  survey<T>(look: (table: Table<Columns>) => T, isWanted: (name: string) => boolean): Promise<T[]> {
    return surveyTablesInTurns(parseNamespace(this.#options.namespace), look, isWanted);
  }

  close(): void {
    timers.clearInterval(this.#sweeping);
    for (const name of [...this.#handles.keys()]) this.#drop(name);
  }

  /** Closes handles of destroyed tables, which would keep their memory allocated. */
  #sweep(): void {
    for (const [name, { table }] of this.#handles) {
      if (!table.isOpen) this.#drop(name);
    }
  }

  #handle(name: string): ServedTable {
    const served = this.#handles.get(name);
    if (served !== undefined) return served;
    const { namespace, lockTimeoutMs } = this.#options;
    return this.#keep(name, Table.open(name, { namespace, lockTimeoutMs, ...this.#locations.get(name) }));
  }

  #keep(name: string, table: Table<Columns>): ServedTable {
    const served = { table, engine: engineOf(table), codec: new TableCodec(name, table.columns) };
    this.#handles.set(name, served);
    return served;
  }

  /** Keeps the current handle while its table exists, because streams of changes use it. */
  #keepLiving(name: string, table: Table<Columns>): ServedTable {
    const served = this.#handles.get(name);
    if (served?.table.isOpen) {
      table.close();
      return served;
    }
    this.#drop(name);
    return this.#keep(name, table);
  }

  #drop(name: string): void {
    this.#handles.get(name)?.table.close();
    this.#handles.delete(name);
  }
}
