import { constants, existsSync, fstatSync, readdirSync, readlinkSync, readSync, type Stats, writeSync } from 'node:fs';
import { constants as system, tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasCode } from '../errors.js';
import { type Descriptor, native, type ShmStatus } from './native.js';
import { assertTrusted, isOwnFile } from './ownership.js';
import { SHM_DIRECTORY } from './shm-directory.js';
import { attempted, attemptedInProc, errnoName, systemError } from './system-error.js';
import type { TemporaryKind } from './temporary-file.js';

/*
 * A System V segment has a number for a name, no way to appear complete, and nothing that can be locked. Its companion,
 * a small file, gives it all three: the file's name is the segment's, it is linked to it when the segment is finished,
 * and byte locks are the file's.
 *
 *   companion "a" -> { key, id, bytes, creator, createdAt, … } -> the segment of that id, if all else agrees
 *
 * Invariants
 * - A companion with its final name belongs to a finished segment. When the segment has gone, or is marked for removal,
 *   the companion is dead: nobody opens it, and whoever makes the next segment removes it.
 * - `unlink` removes the segment before the companion's name, both under the companion's name byte.
 * - A temporary companion names the key before the segment is made, and the id after, so that whoever sweeps it also
 *   finds the half-made segment.
 * - Ids and keys are those of an IPC namespace, so names of companions tell which.
 */

/** What a companion says of its segment; as JSON, for people to look at. */
export interface SegmentRecord {
  readonly key: number;
  readonly bytes: number;
  /** Process id of its maker, as the kernel has it for the maker: in another process namespace it is another number. */
  readonly creator: number;
  /** Bytes of its pages when they are huge, else 0. */
  readonly hugePageBytes: number;
  /** Marked for removal from the start. */
  readonly removeOnLastDetach: boolean;
  /** -1 before the segment is made. */
  readonly id: number;
  /** Epoch seconds, by the kernel. */
  readonly createdAt: number;
}

/** Room for any record, so that a longer one never leaves the end of another. */
const RECORD_BYTES = 512;

/** The folder of companions: that of POSIX memory, or one for temporary files where there is none. */
export function companionDirectory(): string {
  return existsSync(SHM_DIRECTORY) ? SHM_DIRECTORY : tmpdir();
}

/** `4026531839` of `ipc:[4026531839]`. */
function ipcNamespace(): string {
  const path = '/proc/self/ns/ipc';
  return (
    /\d+/.exec(
      attemptedInProc(
        () => `read ${path}`,
        () => readlinkSync(path),
      ),
    )?.[0] ?? ''
  );
}

function prefix(): string {
  return `.shmtable-sysv:${ipcNamespace()}:`;
}

export function companionPath(name: string): string {
  return join(companionDirectory(), prefix() + name);
}

/** Companions of this namespace by the names of their segments. */
export function companions(): { name: string; path: string }[] {
  const directory = companionDirectory();
  const start = prefix();
  return attempted(
    () => `list ${directory}`,
    () => readdirSync(directory),
  )
    .filter((file) => file.startsWith(start))
    .map((file) => ({ name: file.slice(start.length), path: join(directory, file) }));
}

export function writeRecord(descriptor: Descriptor, record: SegmentRecord): void {
  const text = Buffer.alloc(RECORD_BYTES, ' ');
  text.write(JSON.stringify(record));
  text.write('\n', RECORD_BYTES - 1);
  const attempt = () => 'write what leads to a System V segment';
  const written = attempted(attempt, () => writeSync(descriptor.number, text, 0, RECORD_BYTES, 0));
  if (written < RECORD_BYTES) throw systemError(-system.errno.ENOSPC, attempt());
}

/** What the file says; undefined when it is no companion. */
export function readRecord(descriptor: Descriptor): SegmentRecord | undefined {
  const text = Buffer.alloc(RECORD_BYTES);
  const length = attempted(
    () => 'read what leads to a System V segment',
    () => readSync(descriptor.number, text, 0, RECORD_BYTES, 0),
  );
  try {
    const record: Partial<SegmentRecord> = JSON.parse(text.toString('latin1', 0, length));
    const { key, bytes, creator, hugePageBytes, id, createdAt, removeOnLastDetach } = record;
    for (const number of [key, bytes, creator, hugePageBytes, id, createdAt]) {
      if (!Number.isSafeInteger(number)) return undefined;
    }
    return typeof removeOnLastDetach === 'boolean' ? (record as SegmentRecord) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What the system says of the segment that a record means; undefined when it has gone or is going. `ERR_PERMISSION` when
 * its id is by now that of a segment which this user may not look at.
 */
export function currentStatus(record: SegmentRecord): ShmStatus | undefined {
  const status = native.shmStatus(record.id);
  if (typeof status === 'number') {
    if (isGone(status)) return undefined;
    throw systemError(status, `look at System V segment ${record.id}`);
  }
  // Ids come again, after other segments were made and removed.
  const isSame = status.bytes === record.bytes && status.createdAt === record.createdAt;
  if (!isSame || !(record.removeOnLastDetach || (!status.removed && status.key === record.key))) return undefined;
  return status;
}

/** `currentStatus` of a segment to work with: `ERR_PERMISSION` for one that somebody else could change. */
export function statusOf(record: SegmentRecord): ShmStatus | undefined {
  const status = currentStatus(record);
  // Its maker, too, may still change its rights.
  for (const uid of status === undefined ? [] : [status.uid, status.makerUid]) {
    assertTrusted({ uid, mode: status?.mode ?? 0 }, `System V segment ${record.id}`);
  }
  return status;
}

/** Whether a System V call failed because there is no such segment any more. */
export function isGone(result: number): boolean {
  return result < 0 && ['EINVAL', 'EIDRM'].includes(errnoName(result));
}

/** Whether a companion of this user's stands for nothing. Its segment was its own, so another's is another one. */
function isDead(record: SegmentRecord): boolean {
  try {
    return currentStatus(record) === undefined;
  } catch (error) {
    if (hasCode(error, 'ERR_PERMISSION')) return true;
    throw error;
  }
}

/** Removes the companions of this user whose segments have gone. */
export function sweepCompanions(): void {
  for (const { path } of companions()) {
    const descriptor = new native.Descriptor();
    if (descriptor.open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0) < 0) continue;
    try {
      if (!isOwnFile(statusOfFile(descriptor))) continue;
      const record = readRecord(descriptor);
      if (record !== undefined && isDead(record)) descriptor.unlinkName(path);
    } finally {
      descriptor.close();
    }
  }
}

function statusOfFile(descriptor: Descriptor): Stats {
  return attempted(
    () => 'look at what leads to a System V segment',
    () => fstatSync(descriptor.number),
  );
}

/** Companions that are not finished. */
export function temporaryKind(): TemporaryKind {
  return { prefix: `.shmtable-sysv-temporary-${ipcNamespace()}-`, discard };
}

/**
 * Removes the segment whose maker was killed before it was published. One that the record has no id of yet is told by
 * its key, its maker and its size, and by nobody having ever attached to it.
 */
function discard(descriptor: Descriptor): void {
  const record = readRecord(descriptor);
  // Two names: it was published, and its maker killed before it removed the temporary one.
  if (record === undefined || statusOfFile(descriptor).nlink > 1) return;
  const id = record.id >= 0 ? record.id : native.shmFind(record.key);
  if (id < 0) return;
  const status = native.shmStatus(id);
  if (typeof status === 'number' || status.creator !== record.creator || status.bytes !== record.bytes) return;
  if (record.id >= 0 ? status.createdAt === record.createdAt : status.attachedAt === 0) native.shmRemove(id);
}
