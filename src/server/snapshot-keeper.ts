/**
 * Takes snapshots of the service's tables on a schedule and at shutdown, keeps the last few, and restores them at
 * startup. It runs in the primary, while the workers keep serving.
 *
 * A service killed while writing a snapshot leaves the previous one, and one killed while restoring a table restores it
 * again at its next start. A snapshot of a table that has suddenly lost its rows replaces none that has them.
 */

import type { FastifyBaseLogger } from 'fastify';
import { hasCode } from '../errors.js';
import { timers } from '../memory/index.js';
import { withSchemaDefaults } from '../table/options.js';
import { Table } from '../table/table.js';
import type { RestoreOptions } from '../table/types.js';
import type { SnapshotSettings } from './settings/settings-schema.js';
import { rowsIn, type SnapshotFile, SnapshotFiles } from './snapshot-files.js';
import type { TableHandles } from './table-handles.js';

/** Fewer rows than this share of the previous snapshot's are a sudden loss, if that had at least a minimum number. */
const LOSS_RATIO = 0.5;
const MIN_LOSS_ROWS = 10;

export class SnapshotKeeper {
  readonly #settings: SnapshotSettings;
  readonly #files: SnapshotFiles;
  readonly #handles: TableHandles;
  readonly #log: FastifyBaseLogger;
  #started = false;
  #timer: NodeJS.Timeout | undefined;
  /** The current round. */
  #round: Promise<void> | undefined;

  constructor(settings: SnapshotSettings, handles: TableHandles, log: FastifyBaseLogger) {
    this.#settings = settings;
    this.#files = new SnapshotFiles(settings.dir);
    this.#handles = handles;
    this.#log = log;
  }

  /** Creates the directory, and removes unfinished snapshots of killed services. */
  async prepare(): Promise<void> {
    for (const file of await this.#files.prepare()) this.#log.warn({ file }, 'unfinished snapshot removed');
  }

  /** Whether a table is what a restore that was cut off left of it. */
  isTorn(table: string): boolean {
    return this.#files.isTorn(table);
  }

  /** The names of all tables that `restore` may restore. */
  async restorable(): Promise<string[]> {
    return this.#settings.restoreAtStart ? this.#files.tables() : [];
  }

  /**
   * Restores a table from its newest valid snapshot; returns false when there is none. Without other options than its
   * name the table has those in the snapshot; otherwise options not given have the defaults of a new table.
   */
  async restore(options: RestoreOptions & { readonly name: string }): Promise<boolean> {
    if (!this.#settings.restoreAtStart) return false;
    const { name, capacity, columns } = options;
    const isDefined = capacity !== undefined && columns !== undefined;
    const wanted = isDefined ? withSchemaDefaults({ ...options, capacity, columns }) : options;
    await this.#files.beginRestoring(name);
    try {
      return await this.#restoreNewest(name, wanted);
    } finally {
      // A failed restore has removed the table that it created.
      await this.#files.endRestoring(name);
    }
  }

  async #restoreNewest(name: string, wanted: RestoreOptions): Promise<boolean> {
    for (const { path } of await this.#files.of(name)) {
      try {
        const table = await Table.restore(path, wanted);
        this.#log.info({ table: name, snapshot: path, rows: table.size }, 'table restored');
        table.close();
        return true;
      } catch (error) {
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

  /** Stops the schedule, after a last round if the settings say so and it was started. */
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
      for (const { name } of this.#handles.list()) await this.#snapshot(name);
    } catch (error) {
      this.#log.error({ err: error }, 'tables cannot be listed for snapshots');
    }
  }

  async #snapshot(name: string): Promise<void> {
    try {
      const [previous] = await this.#files.of(name);
      const path = await this.#files.next(name);
      await this.#handles.use(name, ({ table }) => {
        // Here a destroyed table throws synchronously; below it would reject later.
        table.has(' ');
        return table.snapshot(path);
      });
      this.#log.info({ table: name, snapshot: path }, 'snapshot taken');
      if (previous !== undefined) await this.#keepLost(name, previous, { path });
      await this.#files.prune(name, this.#settings.keep);
    } catch (error) {
      this.#log.error({ err: error, table: name }, 'cannot take a snapshot or remove old ones');
    }
  }

  /** Sets a snapshot aside whose rows the next one has lost. */
  async #keepLost(table: string, previous: SnapshotFile, next: Pick<SnapshotFile, 'path'>): Promise<void> {
    const before = (await rowsIn(previous)) ?? 0;
    const now = (await rowsIn(next)) ?? 0;
    if (before < MIN_LOSS_ROWS || now >= before * LOSS_RATIO) return;
    const kept = await this.#files.setAside(previous);
    this.#log.warn({ table, rows: now, rowsBefore: before, kept }, 'rows lost since the last snapshot, which is kept');
  }
}
