import { constants, fstatSync, lstatSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { ShmTableError } from '../errors.js';
import { DescriptorObject } from './descriptor-object.js';
import { type Descriptor, type Mapping, native } from './native.js';
import type { Place } from './reservation.js';
import { checked, errnoName, systemError } from './system-error.js';
import { createTemporary, linkTemporary, removeTemporary, type TemporaryKind } from './temporary-file.js';

/*
 * Segments that are files with names: those of /dev/shm and those of any other folder. A file is made nameless, in the
 * folder of its name, and linked to the name when it is finished; where the kernel or the file system has no nameless
 * files it has a temporary name until then.
 */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** How open(2) says that the kernel or the file system has no O_TMPFILE: without it the flags mean "write a folder". */
const NO_TMPFILE: ReadonlySet<string> = new Set(['EOPNOTSUPP', 'EISDIR', 'EINVAL']);

const TEMPORARY: TemporaryKind = { prefix: '.shmtable-temporary-' };

/** Whether anything has the path. What else is wrong with it is a `ShmTableError`. */
export function isTaken(path: string, attempt: () => string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') {
      throw systemError(error.errno, attempt());
    }
    throw error;
  }
}

/** A new file: nameless, or with a temporary name. */
export interface NewFile {
  readonly descriptor: Descriptor;
  readonly temporary: string | undefined;
}

/** A new, empty file in a folder. SHMTABLE_TEST_NO_TMPFILE leads the tests to the road without nameless files. */
export function createFile(directory: string, attempt: () => string): NewFile {
  const descriptor = new native.Descriptor();
  if (process.env.SHMTABLE_TEST_NO_TMPFILE !== '1') {
    const result = descriptor.open(directory, O_TMPFILE | constants.O_RDWR, 0o600);
    if (result >= 0) return { descriptor, temporary: undefined };
    if (!NO_TMPFILE.has(errnoName(result))) throw systemError(result, attempt());
  }
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
export interface FileSubject {
  /** `posix segment "a"` */
  readonly subject: string;
  /** `a posix segment` */
  readonly kind: string;
}

/**
 * Opens the file of a name if it has bytes. `ERR_SEGMENT_NOT_FOUND` when there is none, or something else.
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
  const status = fstatSync(descriptor.number);
  if (status.isFile() && status.size > 0) return descriptor;
  descriptor.close();
  throw notASegment(path, kindOf(status), kind);
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
    if (this.#temporary !== undefined) {
      const linked = linkTemporary(this.#temporary, this.#path);
      this.#removeTemporary();
      return linked;
    }
    const result = this.descriptor.link(this.#path);
    if (result < 0 && errnoName(result) === 'EEXIST') return false;
    checked(result, () => `give ${this.place.subject} its name in ${dirname(this.#path)}`);
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
   * Fills a file with holes, which was not made here: an access to a hole is a SIGBUS once the file system is full.
   */
  fillHolesIfAny(): void {
    const { blocks, size } = fstatSync(this.descriptor.number);
    if (blocks * 512 < size) this.fillHoles();
  }

  #removeTemporary(): void {
    if (this.#temporary !== undefined) removeTemporary(this.#temporary, this.descriptor);
    this.#temporary = undefined;
  }
}
