import { constants, fstatSync, lstatSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { ShmTableError } from '../errors.js';
import { DescriptorObject } from './descriptor-object.js';
import { type Descriptor, type Mapping, native } from './native.js';
import { assertTrusted, isOwnFile } from './ownership.js';
import type { Place } from './reservation.js';
import { checkMappable } from './segment-options.js';
import { attempted, checked, errnoName, systemError } from './system-error.js';
import { createTemporary, removeTemporary, type TemporaryKind } from './temporary-file.js';

/*
 * Segments that are files with names: those of /dev/shm and those of any other folder. A file is made nameless, in the
 * folder of its name, and linked to the name when it is finished; where the kernel or the file system has no nameless
 * files it has a temporary name until then.
 */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

const TEMPORARY: TemporaryKind = { prefix: '.shmtable-temporary-' };

/** What has the path, if anything has. What else is wrong with it is a `ShmTableError`. */
export function statusAt(path: string, attempt: () => string): Stats | undefined {
  return attempted(attempt, () => lstatSync(path, { throwIfNoEntry: false }));
}

/**
 * Whether the name of a segment to be made is taken. An empty file of this user's does not count, and is removed: no
 * segment is ever published empty, so it is what some other program, or a crash of the machine, has left.
 */
export function isTaken(path: string, attempt: () => string): boolean {
  const status = statusAt(path, attempt);
  return status !== undefined && !(isEmptyAndOwn(status) && removeEmpty(path, attempt));
}

function isEmptyAndOwn(status: Stats): boolean {
  return status.size === 0 && isOwnFile(status);
}

/**
 * Removes the empty file that has a name; whether the name was free then. Two makers may do so at once: the name goes
 * only if it still is the very file's that was looked at, under that file's name byte, so that a segment which one of
 * them has published there meanwhile stays.
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
    if (!isEmptyAndOwn(attempted(attempt, () => fstatSync(descriptor.number)))) return false;
    checked(descriptor.unlinkName(path), attempt);
    return true;
  } finally {
    descriptor.close();
  }
}

/** A new file: nameless, or with a temporary name. */
export interface NewFile {
  readonly descriptor: Descriptor;
  readonly temporary: string | undefined;
}

/**
 * A new, empty file in a folder.
 *
 * Kernels and file systems say in many ways that they have no nameless files: EOPNOTSUPP, EISDIR, EINVAL, ENOENT, ENOSYS.
 * So whatever the reason, a file with a temporary name is tried: what else is wrong fails there as well, and says so.
 */
export function createFile(directory: string, attempt: () => string): NewFile {
  const descriptor = new native.Descriptor();
  if (descriptor.open(directory, O_TMPFILE | constants.O_RDWR, 0o600) >= 0) return { descriptor, temporary: undefined };
  return { descriptor, temporary: createTemporary(directory, TEMPORARY, descriptor, attempt) };
}

/** What has the name, when open(2) fails because of its kind. */
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
 * Opens the file of a name if it has bytes and may be trusted. `ERR_SEGMENT_NOT_FOUND` when there is none, or something
 * else, `ERR_PERMISSION` when somebody else could change it.
 */
export function openFile(path: string, readOnly: boolean, { subject, kind }: FileSubject): Descriptor {
  const descriptor = new native.Descriptor();
  const flags = constants.O_NOFOLLOW | constants.O_NONBLOCK | (readOnly ? constants.O_RDONLY : constants.O_RDWR);
  const result = descriptor.open(path, flags, 0);
  if (result < 0) {
    const name = errnoName(result);
    if (name === 'ENOENT' || name === 'ENOTDIR') {
      throw new ShmTableError('ERR_SEGMENT_NOT_FOUND', `There is no ${subject} in ${dirname(path)}.`);
    }
    const foreign = FOREIGN_KINDS.get(name);
    throw foreign === undefined ? systemError(result, `open ${subject}`) : notASegment(path, foreign, kind);
  }
  try {
    const status = attempted(
      () => `look at ${subject}`,
      () => fstatSync(descriptor.number),
    );
    assertTrusted(status, `${subject} (${path})`);
    if (status.isFile() && status.size > 0) return descriptor;
    throw notASegment(path, kindOf(status), kind);
  } catch (error) {
    descriptor.close();
    throw error;
  }
}

export function notASegment(path: string, what: string, kind: string): ShmTableError {
  return new ShmTableError('ERR_SEGMENT_NOT_FOUND', `${path} is ${what}, not ${kind}.`);
}

/** A segment that is a file, found by its path. */
export class NamedFile extends DescriptorObject {
  readonly #path: string;
  /** The path that the object has until it gets its own, where it cannot be nameless. */
  #temporary: string | undefined;

  /** A file made by `createFile`, or opened. */
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
    // Through /proc/self/fd.
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
   * Fills a file with holes, which was not made here, as far as it is to be mapped: an access to a hole is a SIGBUS once
   * the file system is full.
   */
  fillHolesIfAny(firstBytes: number | undefined): void {
    const mapped = Math.min(this.size(), firstBytes ?? Number.POSITIVE_INFINITY);
    // What cannot be mapped is not worth the space.
    checkMappable(mapped, this.place.subject);
    const { blocks, size } = attempted(
      () => `look at ${this.place.subject}`,
      () => fstatSync(this.descriptor.number),
    );
    if (blocks * 512 < size) this.fillHoles(mapped);
  }

  #removeTemporary(): void {
    if (this.#temporary !== undefined) removeTemporary(this.#temporary, this.descriptor);
    this.#temporary = undefined;
  }
}
