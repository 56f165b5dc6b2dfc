/**
 * Snapshots of the service's tables: on a schedule, at shutdown, the last few kept, and read back at start. The
 * primary does it beside the workers, which go on serving.
 *
 * A table's snapshots are `<table>.<epoch milliseconds>.snapshot` in one directory. Each appears whole or not at all,
 * so a service killed while writing one leaves the one before.
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
/** What a process of this id was writing and has not finished. */
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
  /** The round under way. */
  #round: Promise<void> | undefined;

  constructor(settings: SnapshotSettings, handles: TableHandles, log: FastifyBaseLogger) {
    this.#settings = settings;
    this.#handles = handles;
    this.#log = log;
  }

  /** Makes the directory, and removes what killed services have left in it half written. */
  async prepare(): Promise<void> {
    const { dir } = this.#settings;
    await attemptedLater(
      () => `prepare the folder of snapshots ${dir}`,
      () => this.#prepare(dir),
    );
  }

  async #prepare(dir: string): Promise<void> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(dir)) {
      const writer = UNFINISHED.exec(name)?.[1];
      // This process has not written anything yet: what bears its id is of another one that had it before.
      if (writer === undefined || (Number(writer) !== process.pid && isRunning(Number(writer)))) continue;
      await rm(join(dir, name), { force: true });
      this.#log.warn({ file: join(dir, name) }, 'unfinished snapshot removed');
    }
  }

  /** Makes the table of its newest sound snapshot, with these options; false when there is none. */
  async restore(options: TableOptions): Promise<boolean> {
    if (!this.#settings.restoreAtStart) return false;
    // What is not given is as it would be in a new table, and not as it was when the snapshot was taken.
    const wanted = { ...SCHEMA_DEFAULTS, ...options } as const;
    for (const { path } of await this.#filesOf(options.name)) {
      try {
        const table = await Table.restore(path, wanted);
        this.#log.info({ table: options.name, snapshot: path, rows: table.size }, 'table restored');
        table.close();
        return true;
      } catch (error) {
        if (!hasCode(error, 'ERR_SNAPSHOT_DAMAGED')) throw error;
        this.#log.error({ err: error, table: options.name, snapshot: path }, 'damaged snapshot left out');
      }
    }
    return false;
  }

  /** Begins the schedule, if there is one. */
  start(): void {
    this.#started = true;
    const { everyMs } = this.#settings;
    if (everyMs === 0) return;
    this.#timer = timers.setInterval(() => this.#next(), everyMs);
    this.#timer.unref();
  }

  /** Ends the schedule, after a last round if the settings say so and it had begun. */
  async stop(): Promise<void> {
    timers.clearInterval(this.#timer);
    await this.#round;
    if (this.#started && this.#settings.atShutdown) await this.#snapshotAll();
  }

  /** A round that comes due while another is under way is left out. */
  #next(): void {
    this.#round ??= this.#snapshotAll().finally(() => {
      this.#round = undefined;
    });
  }

  /** Never fails: what goes wrong with one table, or once, keeps neither the others nor the next round from it. */
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
      // After those that are there, also when the clock was set back: the newest must be the last in order, too.
      const takenAt = Math.max(wallTimeMs(), (before[0]?.takenAt ?? 0) + 1);
      const path = this.#pathOf(name, takenAt);
      await this.#handles.use(name, ({ table }) => {
        // A handle of a destroyed table shows it at once here, and only later, as a rejection, there.
        table.has(' ');
        return table.snapshot(path);
      });
      this.#log.info({ table: name, snapshot: path }, 'snapshot taken');
      for (const old of before.slice(this.#settings.keep - 1)) await rm(old.path, { force: true });
    } catch (error) {
      this.#log.error({ err: error, table: name }, 'no snapshot taken, or older ones not removed');
    }
  }

  #pathOf(table: string, takenAt: number): string {
    return join(this.#settings.dir, `${table}.${takenAt}.snapshot`);
  }

  /** A table's snapshots, the newest first. */
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
