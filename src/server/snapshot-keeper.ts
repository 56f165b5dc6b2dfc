/**
 * Takes snapshots of the service's tables on a schedule and at shutdown, and restores them at startup. It runs in the
 * primary, while the workers keep serving.
 *
 * A service killed while writing a snapshot leaves the previous one, and one killed while restoring a table leaves none,
 * so that the next start restores it.
 */

import type { FastifyBaseLogger } from 'fastify';
import { hasCode } from '../errors.js';
import { timers } from '../memory/index.js';
import { withSchemaDefaults } from '../table/options.js';
import { Table } from '../table/table.js';
import type { RestoreOptions } from '../table/types.js';
import type { ServiceMemory } from './service-memory.js';
import type { SnapshotSettings } from './settings/settings-schema.js';
import { SnapshotFiles } from './snapshot-files.js';
import { SnapshotTaker } from './snapshot-taker.js';
import type { TableHandles } from './table-handles.js';

export class SnapshotKeeper {
  readonly #settings: SnapshotSettings;
  readonly #files: SnapshotFiles;
  readonly #taker: SnapshotTaker;
  readonly #handles: TableHandles;
  readonly #log: FastifyBaseLogger;
  #started = false;
  #timer: NodeJS.Timeout | undefined;
  /** The current round. */
  #round: Promise<void> | undefined;

  constructor(settings: SnapshotSettings, handles: TableHandles, log: FastifyBaseLogger, memory?: ServiceMemory) {
    this.#settings = settings;
    this.#files = new SnapshotFiles(settings.dir);
    this.#taker = new SnapshotTaker(settings, log, memory);
    this.#handles = handles;
    this.#log = log;
  }

  /** Creates the directory, and removes unfinished snapshots of killed services. */
  async prepare(): Promise<void> {
    for (const file of await this.#files.prepare()) this.#log.warn({ file }, 'unfinished snapshot removed');
  }

  /** The names of all tables that `restore` may restore. */
  async restorable(): Promise<string[]> {
    return this.#settings.restoreAtStart ? this.#files.tables() : [];
  }

  /**
   * Restores a table from its newest valid snapshot; returns false when there is none, and true when the table exists.
   * Without other options than its name the table has those in the snapshot; otherwise options not given have the
   * defaults of a new table.
   */
  async restore(options: RestoreOptions & { readonly name: string }): Promise<boolean> {
    if (!this.#settings.restoreAtStart) return false;
    const { name, capacity, columns } = options;
    const isDefined = capacity !== undefined && columns !== undefined;
    const wanted = isDefined ? withSchemaDefaults({ ...options, capacity, columns }) : options;
    for (const { path } of await this.#files.of(name)) {
      try {
        const table = await Table.restore(path, wanted);
        this.#log.info({ table: name, snapshot: path, rows: table.size }, 'table restored');
        table.close();
        return true;
      } catch (error) {
        // Another process has created or restored it meanwhile.
        if (hasCode(error, 'ERR_TABLE_EXISTS')) return true;
        if (!hasCode(error, 'ERR_SNAPSHOT_DAMAGED')) throw error;
        this.#log.error({ err: error, table: name, snapshot: path }, 'damaged snapshot skipped');
      }
    }
    return false;
  }

  /** Starts the schedule, if there is one. */
  start(): void {
    this.#started = true;
    const { everyMs } = this.#settings;
    if (everyMs === 0) return;
    this.#timer = timers.setInterval(() => this.#next(), everyMs);
    this.#timer.unref();
  }

  /** Stops the schedule; if it was started, and the settings say so, takes a last round of snapshots first. */
  async stop(): Promise<void> {
    timers.clearInterval(this.#timer);
    await this.#round;
    if (this.#started && this.#settings.atShutdown) await this.#snapshotAll();
  }

  /** Skips a round that is due while another one is running. */
  #next(): void {
    this.#round ??= this.#snapshotAll().finally(() => {
      this.#round = undefined;
    });
  }

  /** Never throws: a failure affects neither other tables nor the next round. */
  async #snapshotAll(): Promise<void> {
    try {
      const names = new Set(this.#handles.list().map(({ name }) => name));
      // A program may have one of the same namespace in memory that the service does not know.
      for (const name of names) if (this.#handles.exists(name)) await this.#snapshot(name);
    } catch (error) {
      this.#log.error({ err: error }, 'tables cannot be listed for snapshots');
    }
  }

  async #snapshot(name: string): Promise<void> {
    try {
      await this.#taker.take(this.#handles, name);
    } catch (error) {
      this.#log.error({ err: error, table: name }, 'cannot take a snapshot or remove old ones');
    }
  }
}
