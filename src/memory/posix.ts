import { constants, fstatSync, lstatSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { ShmTableError } from '../errors.js';
import { describeObjects } from './attachments.js';
import type { Backend, MemoryObject, SegmentInfo } from './backend.js';
import { DescriptorObject } from './descriptor-object.js';
import { type Descriptor, native } from './native.js';
import { createTemporary, linkTemporary, removeTemporary } from './posix-temporary.js';
import { isSegmentName } from './segment-options.js';
import { checked, errnoName, systemError } from './system-error.js';

/*
 * POSIX shared memory: object "/X" is the file X of /dev/shm. glibc's shm_open and shm_unlink do nothing but put that
 * folder before the name, so both reach the same objects; they are opened by path here because nameless files and
 * links, which publication needs, exist for paths only.
 *
 * The two SHMTABLE_TEST variables lead the tests to a small file system and to the road without O_TMPFILE.
 */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** How open(2) says that the kernel or the file system has no O_TMPFILE: without it the flags mean "write a folder". */
const NO_TMPFILE: ReadonlySet<string> = new Set(['EOPNOTSUPP', 'EISDIR', 'EINVAL']);

function directory(): string {
  return process.env.SHMTABLE_TEST_SHM_DIRECTORY ?? '/dev/shm';
}

class PosixObject extends DescriptorObject {
  readonly #path: string;
  /** The path that the object has until it gets its own, where it cannot be nameless. */
  #temporary: string | undefined;

  constructor(name: string, descriptor: Descriptor, readOnly: boolean, temporary?: string) {
    const remedy = `ask for less, remove segments, or enlarge ${directory()} (Docker: --shm-size)`;
    super(descriptor, readOnly, { subject: `posix segment "${name}"`, place: directory(), remedy });
    this.#path = join(directory(), name);
    this.#temporary = temporary;
  }

  publish(): boolean {
    if (this.#temporary !== undefined) {
      const linked = linkTemporary(this.#temporary, this.#path);
      this.#removeTemporary();
      return linked;
    }
    const result = this.descriptor.link(this.#path);
    if (result < 0 && errnoName(result) === 'EEXIST') return false;
    checked(result, () => `give ${this.place.subject} its name in ${directory()}`);
    return true;
  }

  unlink(): boolean {
    return checked(this.descriptor.unlinkName(this.#path), () => `unlink ${this.place.subject}`) === 1;
  }

  override close(): void {
    this.#removeTemporary();
    super.close();
  }

  #removeTemporary(): void {
    if (this.#temporary !== undefined) removeTemporary(this.#temporary, this.descriptor);
    this.#temporary = undefined;
  }
}

/** A file without a name, or, where the file system has none, one with a temporary name. */
function createFile(name: string): PosixObject {
  const attempt = () => `create posix segment "${name}" in ${directory()}`;
  const descriptor = new native.Descriptor();
  if (process.env.SHMTABLE_TEST_NO_TMPFILE !== '1') {
    const result = descriptor.open(directory(), O_TMPFILE | constants.O_RDWR, 0o600);
    if (result >= 0) return new PosixObject(name, descriptor, false);
    if (!NO_TMPFILE.has(errnoName(result))) throw systemError(result, attempt());
  }
  return new PosixObject(name, descriptor, false, createTemporary(directory(), descriptor, attempt));
}

function create(name: string, size: number): MemoryObject {
  const folder = directory();
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) {
    throw new ShmTableError('ERR_BACKEND_UNSUPPORTED', `There is no posix shared memory here: ${folder} is missing.`);
  }
  // Only spares the work: whoever publishes first has the name.
  if (lstatSync(join(folder, name), { throwIfNoEntry: false }) !== undefined) {
    throw new ShmTableError('ERR_SEGMENT_EXISTS', `There is a posix segment "${name}" already.`);
  }
  const object = createFile(name);
  try {
    object.prepare(size);
  } catch (error) {
    object.close();
    throw error;
  }
  return object;
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

/**
 * Opens a file with bytes in it. One with holes was not made here; its holes are filled first, because an access to a
 * hole is a SIGBUS once the file system is full.
 */
function openFile(name: string, readOnly: boolean, descriptor: Descriptor): PosixObject {
  const flags = constants.O_NOFOLLOW | constants.O_NONBLOCK | (readOnly ? constants.O_RDONLY : constants.O_RDWR);
  const result = descriptor.open(join(directory(), name), flags, 0);
  if (result < 0) {
    if (errnoName(result) === 'ENOENT') {
      throw new ShmTableError('ERR_SEGMENT_NOT_FOUND', `There is no posix segment "${name}" in ${directory()}.`);
    }
    const kind = FOREIGN_KINDS.get(errnoName(result));
    throw kind === undefined ? systemError(result, `open posix segment "${name}"`) : notASegment(name, kind);
  }
  const status = fstatSync(descriptor.number);
  if (!status.isFile() || status.size === 0) throw notASegment(name, kindOf(status));
  const object = new PosixObject(name, descriptor, readOnly);
  if (status.blocks * 512 < status.size) object.fillHoles(status.size);
  return object;
}

function notASegment(name: string, kind: string): ShmTableError {
  return new ShmTableError('ERR_SEGMENT_NOT_FOUND', `${join(directory(), name)} is ${kind}, not a posix segment.`);
}

function open(name: string, readOnly: boolean): MemoryObject {
  const descriptor = new native.Descriptor();
  try {
    return openFile(name, readOnly, descriptor);
  } catch (error) {
    descriptor.close();
    throw error;
  }
}

function list(): SegmentInfo[] {
  const folder = directory();
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  const objects = readdirSync(folder)
    .filter(isSegmentName)
    .flatMap((name) => {
      const status = lstatSync(join(folder, name), { throwIfNoEntry: false });
      return status?.isFile() ? [{ name, status }] : [];
    });
  return describeObjects('posix', objects);
}

export const posix: Backend = { create, open, list };
