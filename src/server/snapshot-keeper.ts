/**
 * Takes snapshots of the service's tables on a schedule and at shutdown, keeps the last few, and restores them at
 * startup. It runs in the primary, while the workers keep serving.
 *
 * A table's snapshots are `<table>.<epoch milliseconds>.snapshot` in one directory. Each appears complete or not at
 * all, so a service killed while writing one leaves the previous one.
 */

import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { hasCode } from '../errors.js';
import { attemptedLater, timers, wallTimeMs } from '../memory/index.js';
import { SCHEMA_DEFAULTS } from '../table/defaults.js';
import { Table } from '../table/table.js';
import type { TableOptions } from '../table/types.js';
import type { SnapshotSettings } from './settings/settings-schema.js';
import type { TableHandles } from './table-handles.js';

const FILE = /^(.+)\.([0-9]{13,16})\.snapshot$/;
/** Unfinished snapshots, by the id of the process that wrote them. */
const UNFINISHED = /\.snapshot\.([0-9]+)\.[0-9a-f]+\.tmp$/;

interface SnapshotFile {
  readonly takenAt: number;
  readonly path: string;
}

export class SnapshotKeeper {
  readonly #settings: SnapshotSettings;
  readonly #handles: TableHandles;
  readonly #log: FastifyBaseLogger;
  #started = false;
  #timer: NodeJS.Timeout | undefined;
  /** The current round. */
  #round: Promise<void> | undefined;

  constructor(settings: SnapshotSettings, handles: TableHandles, log: FastifyBaseLogger) {
    this.#settings = settings;
    this.#handles = handles;
    this.#log = log;
  }

  /** Creates the directory, and removes unfinished snapshots of killed services. */
  async prepare(): Promise<void> {
    const { dir } = this.#settings;
    await attemptedLater(
      () => `prepare the snapshot directory ${dir}`,
      () => this.#prepare(dir),
    );
  }

  async #prepare(dir: string): Promise<void> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(dir)) {
      const writer = UNFINISHED.exec(name)?.[1];
      // This process has written nothing yet, so a file with its id is from an earlier process.
      if (writer === undefined || (Number(writer) !== process.pid && isRunning(Number(writer)))) continue;
      await rm(join(dir, name), { force: true });
      this.#log.warn({ file: join(dir, name) }, 'unfinished snapshot removed');
    }
  }

  /** Restores a table from its newest valid snapshot, with these options; returns false when there is none. */
  async restore(options: TableOptions): Promise<boolean> {
    if (!this.#settings.restoreAtStart) return false;
    // Options not given have the defaults of a new table, not the values in the snapshot.
    const wanted = { ...SCHEMA_DEFAULTS, ...options } as const;
    for (const { path } of await this.#filesOf(options.name)) {
      try {
        const table = await Table.restore(path, wanted);
        this.#log.info({ table: options.name, snapshot: path, rows: table.size }, 'table restored');
        table.close();
        return true;
      } catch (error) {
        if (!hasCode(error, 'ERR_SNAPSHOT_DAMAGED')) throw error;
        this.#log.error({ err: error, table: options.name, snapshot: path }, 'damaged snapshot skipped');
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
      const before = await this.#filesOf(name);
      // Later than the existing ones even if the clock was set back, so that the newest is always last.
      const takenAt = Math.max(wallTimeMs(), (before[0]?.takenAt ?? 0) + 1);
      const path = this.#pathOf(name, takenAt);
      await this.#handles.use(name, ({ table }) => {
        // Here a destroyed table throws synchronously; below it would reject later.
        table.has(' ');
        return table.snapshot(path);
      });
      this.#log.info({ table: name, snapshot: path }, 'snapshot taken');
      for (const old of before.slice(this.#settings.keep - 1)) await rm(old.path, { force: true });
    } catch (error) {
      this.#log.error({ err: error, table: name }, 'cannot take a snapshot or remove old ones');
    }
  }

  #pathOf(table: string, takenAt: number): string {
    return join(this.#settings.dir, `${table}.${takenAt}.snapshot`);
  }

  /** A table's snapshots, newest first. */
  async #filesOf(table: string): Promise<SnapshotFile[]> {
    const { dir } = this.#settings;
    const names = await attemptedLater(
      () => `list the snapshots in ${dir}`,
      () => readdir(dir),
    );
    return names
      .flatMap((name) => {
        const [, owner, takenAt] = FILE.exec(name) ?? [];
        return owner === table ? [{ takenAt: Number(takenAt), path: join(dir, name) }] : [];
      })
      .sort((a, b) => b.takenAt - a.takenAt);
  }
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}
