/**
 * Snapshots of the service's tables: on a schedule, at shutdown, the last few kept, and read back at start. The
 * primary does it beside the workers, which go on serving.
 *
 * A table's snapshots are `<table>.<epoch milliseconds>.snapshot` in one directory. Each appears whole or not at all,
 * so a service killed while writing one leaves the one before.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { ShmTableError } from '../errors.js';
import { Table } from '../table/table.js';
import type { TableOptions } from '../table/types.js';
import type { SnapshotSettings } from './settings/settings-schema.js';
import type { TableHandles } from './table-handles.js';

const FILE = /^(.+)\.([0-9]{13,16})\.snapshot$/;

interface SnapshotFile {
  readonly table: string;
  readonly takenAt: number;
  readonly path: string;
}

export class SnapshotKeeper {
  readonly #settings: SnapshotSettings;
  readonly #handles: TableHandles;
  readonly #log: FastifyBaseLogger;
  #timer: NodeJS.Timeout | undefined;
  /** The round under way; rounds come one after the other. */
  #round: Promise<void> = Promise.resolve();

  constructor(settings: SnapshotSettings, handles: TableHandles, log: FastifyBaseLogger) {
    this.#settings = settings;
    this.#handles = handles;
    this.#log = log;
  }

  /** Makes the table of its newest sound snapshot, with these options; false when there is none. */
  async restore(options: TableOptions): Promise<boolean> {
    if (!this.#settings.restoreAtStart) return false;
    for (const file of await this.#filesOf(options.name)) {
      try {
        const table = await Table.restore(file.path, options);
        table.close();
        this.#log.info({ table: options.name, snapshot: file.path }, 'table restored');
        return true;
      } catch (error) {
        if (!(error instanceof ShmTableError) || error.code !== 'ERR_SNAPSHOT_DAMAGED') throw error;
        this.#log.error({ err: error, table: options.name }, 'damaged snapshot left out');
      }
    }
    return false;
  }

  /** Begins the schedule, if there is one. */
  async start(): Promise<void> {
    await mkdir(this.#settings.dir, { recursive: true, mode: 0o700 });
    const { everyMs } = this.#settings;
    if (everyMs === 0) return;
    this.#timer = setInterval(() => this.#next(), everyMs);
    this.#timer.unref();
  }

  /** Ends the schedule, after a last round if the settings say so. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#settings.atShutdown) this.#next();
    await this.#round;
  }

  #next(): void {
    this.#round = this.#round.then(() => this.#snapshotAll());
  }

  async #snapshotAll(): Promise<void> {
    for (const { name } of this.#handles.list()) {
      try {
        await this.#snapshot(name);
      } catch (error) {
        this.#log.error({ err: error, table: name }, 'no snapshot taken');
      }
    }
  }

  async #snapshot(name: string): Promise<void> {
    const path = join(this.#settings.dir, `${name}.${Date.now()}.snapshot`);
    await this.#handles.use(name, ({ table }) => table.snapshot(path));
    this.#log.info({ table: name, snapshot: path }, 'snapshot taken');
    for (const { path: old } of (await this.#filesOf(name)).slice(this.#settings.keep)) await rm(old, { force: true });
  }

  /** A table's snapshots, the newest first. */
  async #filesOf(table: string): Promise<SnapshotFile[]> {
    const names = await readdir(this.#settings.dir).catch(() => []);
    return names
      .flatMap((name) => {
        const [, owner, takenAt] = FILE.exec(name) ?? [];
        return owner === table ? [{ table, takenAt: Number(takenAt), path: join(this.#settings.dir, name) }] : [];
      })
      .sort((a, b) => b.takenAt - a.takenAt);
  }
}
