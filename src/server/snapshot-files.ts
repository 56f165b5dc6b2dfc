/**
 * The files of a directory of snapshots:
 *
 *   <table>.<epoch milliseconds>.snapshot   a snapshot, complete
 *   <table>.<epoch milliseconds>.lost       a snapshot from before a sudden loss of rows
 *   <table>.<epoch milliseconds>.deleted    the table was deleted then: earlier snapshots of it are not restored
 *
 * Each appears complete or not at all.
 */
import { type FileHandle, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { attemptedLater, wallTimeMs } from '../memory/index.js';
import { NAME } from '../table/options.js';
import { END, END_BYTES } from '../table/snapshot/format.js';

const DATED = /^(.+)\.([0-9]{13,16})\.(snapshot|lost|deleted)$/;
/** Unfinished snapshots, by the id of the process that wrote them. */
const UNFINISHED = /\.snapshot\.([0-9]+)\.[0-9a-f]+\.tmp$/;
/** Offset of the number of rows in the end record of a snapshot. */
const END_ROWS = 8;

export interface SnapshotFile {
  readonly takenAt: number;
  readonly path: string;
}

interface DatedFile extends SnapshotFile {
  readonly table: string;
  readonly kind: string;
}

export class SnapshotFiles {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Creates the directory, and removes unfinished files of killed services; returns their paths. */
  async prepare(): Promise<string[]> {
    return attemptedLater(
      () => `prepare the snapshot directory ${this.#dir}`,
      async () => {
        await mkdir(this.#dir, { recursive: true, mode: 0o700 });
        const removed: string[] = [];
        for (const name of await readdir(this.#dir)) {
          const writer = UNFINISHED.exec(name)?.[1];
          // This process has written nothing yet, so a file with its id is from an earlier process.
          if (writer === undefined || (Number(writer) !== process.pid && isRunning(Number(writer)))) continue;
          const path = join(this.#dir, name);
          await rm(path, { force: true });
          removed.push(path);
        }
        return removed;
      },
    );
  }

  /** The names of the tables that have snapshots which may be restored. */
  async tables(): Promise<string[]> {
    const files = await this.#dated();
    const names = new Set(files.filter(({ kind }) => kind === 'snapshot').map(({ table }) => table));
    return [...names].filter((name) => NAME.test(name) && living(files, name).length > 0).sort();
  }

  /** The time of the newest snapshot of each table, in milliseconds since the epoch. */
  async newest(): Promise<Map<string, number>> {
    const times = new Map<string, number>();
    for (const { table, takenAt, kind } of await this.#dated()) {
      if (kind === 'snapshot') times.set(table, Math.max(takenAt, times.get(table) ?? 0));
    }
    return times;
  }

  /** A table's snapshots since it was last deleted, newest first. */
  async of(table: string): Promise<readonly SnapshotFile[]> {
    return living(await this.#dated(), table);
  }

  /**
   * The path of a new snapshot, whose time is later than those of all existing ones, even if the clock was set back.
   */
  async next(table: string): Promise<string> {
    const files = await this.#dated();
    const takenAt = Math.max(wallTimeMs(), latest(files, table) + 1);
    return join(this.#dir, `${table}.${takenAt}.snapshot`);
  }

  /**
   * Removes all but the newest of a table's snapshots, likewise of those that were set aside, and the records of
   * deletions that are no longer needed.
   */
  async prune(table: string, keep: number): Promise<void> {
    const files = (await this.#dated()).filter((file) => file.table === table).sort((a, b) => b.takenAt - a.takenAt);
    const lost = files.filter(({ kind }) => kind === 'lost').slice(0, keep);
    const kept = new Set([...living(files, table).slice(0, keep), ...lost]);
    const superfluous = files.filter((file) => !kept.has(file));
    // Records of deletions last: without them, earlier snapshots would be valid again.
    superfluous.sort((a, b) => Number(a.kind === 'deleted') - Number(b.kind === 'deleted'));
    for (const { path } of superfluous) await rm(path, { force: true });
  }

  /** Keeps a snapshot in addition to the others, whatever snapshots follow; returns its new path. */
  async setAside({ path }: SnapshotFile): Promise<string> {
    const aside = path.replace(/snapshot$/, 'lost');
    await rename(path, aside);
    return aside;
  }

  /** Records that a table is deleted now: its snapshots so far, and one that is being written, are not restored. */
  async noteDeletion(table: string): Promise<void> {
    const files = await this.#dated();
    const deletedAt = Math.max(wallTimeMs(), latest(files, table) + 1);
    await write(join(this.#dir, `${table}.${deletedAt}.deleted`));
  }

  async #dated(): Promise<DatedFile[]> {
    const names = await attemptedLater(
      () => `list the snapshots in ${this.#dir}`,
      () => readdir(this.#dir),
    );
    return names.flatMap((name) => {
      const [, table, at, kind] = DATED.exec(name) ?? [];
      return table === undefined ? [] : [{ table, takenAt: Number(at), kind, path: join(this.#dir, name) }];
    });
  }
}

/** The number of rows in a snapshot, from its end record; undefined when the file has none, or is no longer there. */
export async function rowsIn({ path }: Pick<SnapshotFile, 'path'>): Promise<number | undefined> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { size } = await file.stat();
    const end = Buffer.alloc(END_BYTES);
    if (size < END_BYTES) return undefined;
    await file.read(end, 0, END_BYTES, size - END_BYTES);
    return end.readUInt32LE() === END ? end.readDoubleLE(END_ROWS) : undefined;
  } finally {
    await file.close();
  }
}

/** Resolves when the removal is on disk, so that a crash of the machine does not bring back what was deleted. */
async function write(path: string): Promise<void> {
  await writeFile(path, '', { flush: true });
}

function latest(files: readonly DatedFile[], table: string): number {
  return Math.max(0, ...files.filter((file) => file.table === table).map(({ takenAt }) => takenAt));
}

function living(files: readonly DatedFile[], table: string): DatedFile[] {
  const own = files.filter((file) => file.table === table);
  const deletedAt = latest(
    own.filter(({ kind }) => kind === 'deleted'),
    table,
  );
  return own
    .filter(({ kind, takenAt }) => kind === 'snapshot' && takenAt > deletedAt)
    .sort((a, b) => b.takenAt - a.takenAt);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Another user's process cannot be sent a signal.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
