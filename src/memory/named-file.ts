import { constants, lstatSync, renameSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode, ShmTableError } from '../errors.js';
import { DescriptorObject } from './descriptor-object.js';
import { objectStatus } from './descriptor-status.js';
import { type Descriptor, type Mapping, native } from './native.js';
import { assertTrusted, isOwnFile } from './ownership.js';
import type { Place } from './reservation.js';
import { checkMappable } from './segment-options.js';
import { attempted, checked, errnoName, systemError } from './system-error.js';
import { createTemporary, removeTemporary, type TemporaryKind } from './temporary-file.js';

/*
 * Segments that are named files, in /dev/shm or any other folder. A file is created nameless, in its final folder, and
 * linked to its name when it is complete. If the kernel or the file system does not support nameless files, it has a
 * temporary name until then.
 */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

const TEMPORARY: TemporaryKind = { prefix: '.shmtable-temporary-' };

/** Returns the status of a path, or undefined if nothing is there. Throws a `ShmTableError` for any other problem. */
export function statusAt(path: string, attempt: () => string): Stats | undefined {
  return attempted(attempt, () => lstatSync(path, { throwIfNoEntry: false }));
}

/**
 * Whether the name of a segment to be created is taken. An empty file of this user does not count and is removed: no
 * segment is ever published empty, so it was left by another program or a crash of the machine.
 */
export function isTaken(path: string, attempt: () => string): boolean {
  const status = statusAt(path, attempt);
  return status !== undefined && !(isEmptyAndOwn(status) && removeEmpty(path, attempt));
}

function isEmptyAndOwn(status: Stats): boolean {
  return status.size === 0 && isOwnFile(status);
}

/**
 * Removes the empty file with a name; returns whether the name is free now. Two creators may do so at once: the name is
 * removed only if it still refers to the inspected file, under the lock of that file's name byte, so that a segment
 * which one of them has published there meanwhile stays.
 */
function removeEmpty(path: string, attempt: () => string): boolean {
  const descriptor = new native.Descriptor();
  const opened = descriptor.open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0);
  if (opened < 0) {
    const name = errnoName(opened);
    if (name === 'ENOENT' || name === 'EACCES') return name === 'ENOENT';
    throw systemError(opened, attempt());
  }
  try {
    if (!isEmptyAndOwn(attempted(attempt, () => objectStatus(descriptor)))) return false;
    checked(descriptor.unlinkName(path), attempt);
    return true;
  } finally {
    descriptor.close();
  }
}

/** A new file, nameless or with a temporary name. */
export interface NewFile {
  readonly descriptor: Descriptor;
  readonly temporary: string | undefined;
}

/**
 * Creates an empty file in a folder.
 *
 * Kernels and file systems report in many ways that they do not support nameless files: EOPNOTSUPP, EISDIR, EINVAL,
 * ENOENT, ENOSYS. So after any error a file with a temporary name is tried; any other problem makes that fail too.
 */
export function createFile(directory: string, attempt: () => string): NewFile {
  const descriptor = new native.Descriptor();
  if (descriptor.open(directory, O_TMPFILE | constants.O_RDWR, 0o600) >= 0) return { descriptor, temporary: undefined };
  return { descriptor, temporary: createTemporary(directory, TEMPORARY, descriptor, attempt) };
}

/** Describes the object with the name, when open(2) fails because of its kind. */
const FOREIGN_KINDS: ReadonlyMap<string, string> = new Map([
  ['ELOOP', 'a symbolic link'],
  ['EISDIR', 'a folder'],
  ['ENXIO', 'a socket or a device'],
]);

function kindOf(status: Stats): string {
  if (status.isDirectory()) return 'a folder';
  if (status.isFIFO()) return 'a pipe';
  if (status.isFile()) return 'an empty file';
  return 'not a file';
}

/** How messages name the segment of a file. */
interface FileSubject {
  /** `posix segment "a"` */
  readonly subject: string;
  /** `a posix segment` */
  readonly kind: string;
}

/**
 * Opens the file of a name.
 *
 * @throws {ShmTableError} ERR_SEGMENT_NOT_FOUND when there is no file, it is empty, or it is something else;
 *   ERR_PERMISSION when anyone but its owner could change it
 */
export function openFile(path: string, readOnly: boolean, { subject, kind }: FileSubject): Descriptor {
  const descriptor = new native.Descriptor();
  const flags = constants.O_NOFOLLOW | constants.O_NONBLOCK | (readOnly ? constants.O_RDONLY : constants.O_RDWR);
  const result = descriptor.open(path, flags, 0);
  if (result < 0) {
    const name = errnoName(result);
    // Without a free descriptor the kernel does not look for the file.
    const isUnknown = name === 'EMFILE' || name === 'ENFILE';
    const isMissing = isUnknown && statusAt(path, () => `find ${subject}`) === undefined;
    if (name === 'ENOENT' || name === 'ENOTDIR' || isMissing) {
      throw new ShmTableError('ERR_SEGMENT_NOT_FOUND', `there is no ${subject} in ${dirname(path)}`);
    }
    const foreign = FOREIGN_KINDS.get(name);
    throw foreign === undefined ? systemError(result, `open ${subject}`) : notASegment(path, foreign, kind);
  }
  try {
    const status = attempted(
      () => `inspect ${subject}`,
      () => objectStatus(descriptor),
    );
    assertTrusted(status, `${subject} (${path})`);
    if (status.isFile() && status.size > 0) return descriptor;
    throw notASegment(path, kindOf(status), kind);
  } catch (error) {
    descriptor.close();
    throw error;
  }
}

/** Renames a file, replacing what has the new name; false when there is no such file. */
export function moveFile(from: string, to: string, attempt: () => string): boolean {
  try {
    attempted(attempt, () => renameSync(from, to));
    return true;
  } catch (error) {
    if (!hasCode(error, 'ERR_SEGMENT_NOT_FOUND')) throw error;
    return false;
  }
}

export function notASegment(path: string, what: string, kind: string): ShmTableError {
  return new ShmTableError('ERR_SEGMENT_NOT_FOUND', `${path} is ${what}, not ${kind}`);
}

/** A segment that is a file, found by its path. */
export class NamedFile extends DescriptorObject {
  readonly #path: string;
  /** The temporary path of an object that cannot be nameless. */
  #temporary: string | undefined;

  /** A file that was created by `createFile` or opened. */
  constructor(
    path: string,
    { descriptor, temporary }: NewFile,
    readOnly: boolean,
    place: Place,
    headBytes: number | undefined = undefined,
  ) {
    super(descriptor, readOnly, place, headBytes);
    this.#path = path;
    this.#temporary = temporary;
  }

  publish(_mapping: Mapping): boolean {
    const result = this.descriptor.link(this.#path);
    if (result < 0 && errnoName(result) === 'EEXIST') return false;
    // This uses /proc/self/fd.
    checked(result, () => `give ${this.place.subject} its name in ${dirname(this.#path)}`, 'ERR_BACKEND_UNSUPPORTED');
    this.#removeTemporary();
    return true;
  }

  unlink(): boolean {
    return checked(this.descriptor.unlinkName(this.#path), () => `unlink ${this.place.subject}`) === 1;
  }

  override close(): void {
    this.#removeTemporary();
    super.close();
  }

  /**
   * Reserves the holes of a sparse file, which this package did not create, as far as it will be mapped: accessing a
   * hole is a SIGBUS when the file system is full.
   */
  fillHolesIfAny(firstBytes: number | undefined): void {
    const mapped = Math.min(this.size(), firstBytes ?? Number.POSITIVE_INFINITY);
    // Do not reserve what cannot be mapped.
    checkMappable(mapped, this.place.subject);
    const { blocks, size } = attempted(
      () => `inspect ${this.place.subject}`,
      () => objectStatus(this.descriptor),
    );
    if (blocks * 512 < size) this.fillHoles(mapped);
  }

  #removeTemporary(): void {
    if (this.#temporary !== undefined) removeTemporary(this.#temporary, this.descriptor);
    this.#temporary = undefined;
  }
}
