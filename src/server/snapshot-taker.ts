/**
 * Takes single snapshots of the service's tables: the primary on its schedule, workers when a request asks for one. Only
 * the last few of a table are kept; one of a table that has suddenly lost its rows does not replace those that contain
 * them.
 */
import { stat } from 'node:fs/promises';
import type { FastifyBaseLogger } from 'fastify';
import { attemptedLater } from '../memory/index.js';
import { type CounterFamily, counterOf } from './metrics/metric-families.js';
import type { ServiceMemory } from './service-memory.js';
import type { SnapshotSettings } from './settings/settings-schema.js';
import { rowsIn, type SnapshotFile, SnapshotFiles } from './snapshot-files.js';
import type { TableHandles } from './table-handles.js';

/** A snapshot with less than this share of the previous rows is a sudden loss, if those were at least MIN_LOSS_ROWS. */
const LOSS_RATIO = 0.5;
const MIN_LOSS_ROWS = 10;

export interface TakenSnapshot {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
}

export class SnapshotTaker {
  readonly #files: SnapshotFiles;
  readonly #keep: number;
  readonly #log: FastifyBaseLogger;
  readonly #memory: ServiceMemory | undefined;
  /**
   * One at a time, here and in the whole service: concurrent snapshots would take the memory and the disk throughput of
   * all of them, and one would remove the file that another still reads.
   */
  #last: Promise<unknown> = Promise.resolve();

  /** @param memory that of the service, of which other processes take snapshots too */
  constructor({ dir, keep }: Pick<SnapshotSettings, 'dir' | 'keep'>, log: FastifyBaseLogger, memory?: ServiceMemory) {
    this.#files = new SnapshotFiles(dir);
    this.#keep = keep;
    this.#log = log;
    this.#memory = memory;
  }

  /** Writes the rows that a table has from now on; rejects if the file cannot be written. */
  take(handles: TableHandles, table: string): Promise<TakenSnapshot> {
    const take = (): Promise<TakenSnapshot> => this.#take(handles, table);
    const taken = this.#last.then(() => this.#memory?.takingSnapshots(take) ?? take());
    this.#last = taken.then(
      ({ rows, bytes }) => {
        this.#count('shmtable_snapshots_total');
        this.#memory?.events.add({ type: 'snapshot', worker: process.pid, table, rows, bytes });
      },
      (error: unknown) => {
        this.#count('shmtable_snapshot_failures_total');
        const reason = error instanceof Error ? error.message : String(error);
        this.#memory?.events.add({ type: 'snapshot failed', worker: process.pid, table, reason });
      },
    );
    return taken;
  }

  #count(family: CounterFamily): void {
    if (this.#memory !== undefined) counterOf(this.#memory.metrics, family).increment();
  }

  async #take(handles: TableHandles, name: string): Promise<TakenSnapshot> {
    const [previous] = await this.#files.of(name);
    const path = await this.#files.next(name);
    await handles.use(name, ({ table }) => table.snapshot(path));
    this.#log.info({ table: name, snapshot: path }, 'snapshot taken');
    const { rows, bytes } = await attemptedLater(
      () => `read snapshot ${path}`,
      async () => ({ rows: (await rowsIn({ path })) ?? 0, bytes: (await stat(path)).size }),
    );
    if (previous !== undefined) await this.#keepLost(name, previous, rows);
    await this.#files.prune(name, this.#keep);
    return { path, rows, bytes };
  }

  /** Sets a snapshot aside whose rows the next one has lost. */
  async #keepLost(table: string, previous: SnapshotFile, rows: number): Promise<void> {
    const rowsBefore = (await rowsIn(previous)) ?? 0;
    if (rowsBefore < MIN_LOSS_ROWS || rows >= rowsBefore * LOSS_RATIO) return;
    const kept = await this.#files.setAside(previous);
    this.#log.warn({ table, rows, rowsBefore, kept }, 'rows lost since the last snapshot, which is kept');
  }
}
