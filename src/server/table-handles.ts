/**
 * The tables that this process serves: one attached handle per name, opened when first asked for.
 *
 * Invariant: an answer never comes from a destroyed table. A handle whose table was destroyed, by whatever process,
 * throws ERR_TABLE_CLOSED before it does anything; it is dropped and the name is opened anew, once per request.
 */

import { hasCode } from '../errors.js';
import { TableCodec } from '../json/table-codec.js';
import { timers } from '../memory/index.js';
import { SCHEMA_DEFAULTS } from '../table/defaults.js';
import type { TableEngine } from '../table/engine.js';
import { engineOf } from '../table/engine.js';
import { Table } from '../table/table.js';
import type { BackendName, Columns, TableInfo, TableOptions } from '../table/types.js';

/** How often handles of destroyed tables are let go. */
const SWEEP_INTERVAL_MS = 5000;

/** Where a table of the configuration is; tables made over HTTP are where `Table.open` looks first. */
export interface TableLocation {
  readonly backend?: BackendName | undefined;
  readonly path?: string | undefined;
}

interface TableHandlesOptions {
  readonly namespace?: string | undefined;
  /** Longest wait for a lock: it stops the event loop, so it is short. */
  readonly lockTimeoutMs: number;
  readonly locations?: Readonly<Record<string, TableLocation>> | undefined;
}

/** A table with its JSON reader and writer. */
export interface ServedTable {
  readonly table: Table<Columns>;
  readonly engine: TableEngine;
  readonly codec: TableCodec;
}

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
    // Only where a table is: what it was configured to be says nothing of the one that stands there now.
    this.#locations = new Map(locations.map(([name, { backend, path }]) => [name, { backend, path }]));
  }

  /**
   * Runs an action on a table; again, on a new handle, if its table turns out to be destroyed. Every method of a
   * table throws ERR_TABLE_CLOSED before it changes anything, so that the second run never repeats a write.
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

  /** Makes a table, or finds the one of the same schema; ERR_SCHEMA_MISMATCH for another one. */
  create(options: Omit<TableOptions, 'namespace' | 'lockTimeoutMs'>): CreatedTable {
    const { name } = options;
    const { namespace, lockTimeoutMs } = this.#options;
    // Defaults are part of the schema: without them an existing table with other limits would count as the same.
    const schema = { ...SCHEMA_DEFAULTS, ...options, namespace, lockTimeoutMs } as const;
    for (;;) {
      try {
        const table: Table<Columns> = Table.create(schema);
        this.#drop(name);
        return { created: true, served: this.#keep(name, table) };
      } catch (error) {
        if (!hasCode(error, 'ERR_TABLE_EXISTS')) throw error;
      }
      try {
        // How many may attach is no part of what makes two schemas the same.
        const { maxParticipants: _, ...wanted } = schema;
        const table: Table<Columns> = Table.open(name, { ...wanted, ...this.#locations.get(name) });
        return { created: false, served: this.#keepLiving(name, table) };
      } catch (error) {
        // Destroyed between the two: it can be made after all.
        if (!hasCode(error, 'ERR_TABLE_NOT_FOUND')) throw error;
      }
    }
  }

  /** Destroys a table for every process; ERR_TABLE_NOT_FOUND. */
  destroy(name: string): void {
    Table.destroy(name, { namespace: this.#options.namespace, ...this.#locations.get(name) });
    this.#drop(name);
  }

  /** Every table of the namespace. */
  list(): TableInfo[] {
    return Table.list({ namespace: this.#options.namespace });
  }

  close(): void {
    timers.clearInterval(this.#sweeping);
    for (const name of [...this.#handles.keys()]) this.#drop(name);
  }

  /** Lets go of handles whose tables are destroyed: they would keep the memory of what is gone. */
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

  /** Keeps the handle that is there while its table lives: streams of changes hang on it. */
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
