import { constants, existsSync, readdirSync, readlinkSync, readSync, type Stats, writeSync } from 'node:fs';
import { constants as system, tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasCode } from '../errors.js';
import { objectStatus } from './descriptor-status.js';
import { type Descriptor, native, type ShmStatus } from './native.js';
import { assertTrusted, isOwnFile } from './ownership.js';
import { SHM_DIRECTORY } from './shm-directory.js';
import { attempted, attemptedInProc, errnoName, systemError } from './system-error.js';
import type { TemporaryKind } from './temporary-file.js';

/*
 * A System V segment has only a number as its name, cannot be published atomically, and cannot be locked. Its
 * companion, a small file, provides all three: the file has the segment's name, it gets that name when the segment is
 * complete, and byte locks are taken on the file.
 *
 *   companion "a" -> { key, id, bytes, creator, createdAt, … } -> the segment of that id, if all else agrees
 *
 * Invariants
 * - A companion with its final name belongs to a complete segment. When the segment is gone or marked for removal, the
 *   companion is dead: nobody opens it, and the creator of the next segment removes it.
 * - `unlink` removes the segment before the companion's name, both under the companion's name byte.
 * - A temporary companion records the key before the segment is created, and the id after, so that its removal also finds
 *   the incomplete segment.
 * - Ids and keys are specific to an IPC namespace, which the name of a companion therefore contains.
 */

/** A companion's record of its segment; stored as readable JSON. */
export interface SegmentRecord {
  readonly key: number;
  readonly bytes: number;
  /** Process id of its creator in the creator's process namespace. */
  readonly creator: number;
  /** Size of its pages if they are huge, otherwise 0. */
  readonly hugePageBytes: number;
  /** Whether it was marked for removal at creation. */
  readonly removeOnLastDetach: boolean;
  /** -1 before the segment is created. */
  readonly id: number;
  /** Epoch seconds, by the kernel. */
  readonly createdAt: number;
}

/** Fixed size of a record, so that a shorter one overwrites a longer one completely. */
const RECORD_BYTES = 512;

/** The folder of companions: /dev/shm, or the one for temporary files if there is none. */
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

/** Companions of this IPC namespace, with the names of their segments. */
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
  const attempt = () => 'write the record of a System V segment';
  const written = attempted(attempt, () => writeSync(descriptor.number, text, 0, RECORD_BYTES, 0));
  if (written < RECORD_BYTES) throw systemError(-system.errno.ENOSPC, attempt());
}

/** Reads the record in a file; returns undefined when it is not a companion. */
export function readRecord(descriptor: Descriptor): SegmentRecord | undefined {
  const text = Buffer.alloc(RECORD_BYTES);
  const length = attempted(
    () => 'read the record of a System V segment',
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
 * Returns the status of the segment of a record, or undefined when it is gone or marked for removal.
 *
 * @throws {ShmTableError} ERR_PERMISSION when its id now belongs to a segment that this user may not inspect
 */
export function currentStatus(record: SegmentRecord): ShmStatus | undefined {
  const status = native.shmStatus(record.id);
  if (typeof status === 'number') {
    if (isGone(status)) return undefined;
    throw systemError(status, `inspect System V segment ${record.id}`);
  }
  // Ids are reused.
  const isSame = status.bytes === record.bytes && status.createdAt === record.createdAt;
  if (!isSame || !(record.removeOnLastDetach || (!status.removed && status.key === record.key))) return undefined;
  return status;
}

/**
 * `currentStatus` of a segment to be used.
 *
 * @throws {ShmTableError} ERR_PERMISSION when another user could change it
 */
export function statusOf(record: SegmentRecord): ShmStatus | undefined {
  const status = currentStatus(record);
  // Its creator may still change its permissions, too.
  for (const uid of status === undefined ? [] : [status.uid, status.makerUid]) {
    assertTrusted({ uid, mode: status?.mode ?? 0 }, `System V segment ${record.id}`);
  }
  return status;
}

/** Whether a System V call failed because the segment no longer exists. */
export function isGone(result: number): boolean {
  return result < 0 && ['EINVAL', 'EIDRM'].includes(errnoName(result));
}

/** Whether the segment of this user's companion is gone. It belonged to this user, so another user's is another one. */
function isDead(record: SegmentRecord): boolean {
  try {
    return currentStatus(record) === undefined;
  } catch (error) {
    if (hasCode(error, 'ERR_PERMISSION')) return true;
    throw error;
  }
}

/** Removes this user's companions of segments that no longer exist. */
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
    () => 'inspect the record of a System V segment',
    () => objectStatus(descriptor),
  );
}

/** Temporary companions of incomplete segments. */
export function temporaryKind(): TemporaryKind {
  return { prefix: `.shmtable-sysv-temporary-${ipcNamespace()}-`, discard };
}

/**
 * Removes a segment whose creator was killed before publishing it. If the record has no id yet, the segment is
 * recognised by its key, creator and size, and by never having been attached.
 */
function discard(descriptor: Descriptor): void {
  const record = readRecord(descriptor);
  // Two names: it was published, and its creator was killed before it removed the temporary one.
  if (record === undefined || statusOfFile(descriptor).nlink > 1) return;
  const id = record.id >= 0 ? record.id : native.shmFind(record.key);
  if (id < 0) return;
  const status = native.shmStatus(id);
  if (typeof status === 'number' || status.creator !== record.creator || status.bytes !== record.bytes) return;
  if (record.id >= 0 ? status.createdAt === record.createdAt : status.attachedAt === 0) native.shmRemove(id);
}
