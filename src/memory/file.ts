import { closeSync, constants, fstatSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { ShmTableError } from '../errors.js';
import { describeObjects, type FoundObject, sharedFiles } from './attachments.js';
import type {
  Backend,
  CreateRequest,
  MemoryObject,
  ObjectPlace,
  OpenRequest,
  SegmentInfo,
  SegmentLocation,
} from './backend.js';
import { objectStatus } from './descriptor-status.js';
import { HEAD_BYTES, readHead, writeHead } from './file-head.js';
import {
  createFile,
  isTaken,
  moveFile,
  NamedFile,
  type NewFile,
  notASegment,
  openFile,
  statusAt,
} from './named-file.js';
import { type Descriptor, type Mapping, native } from './native.js';
import { checkPath } from './segment-options.js';
import { attempted, checked } from './system-error.js';

/*
 * Memory in a regular file at a path chosen by the caller; it lasts as long as the file. The kernel writes it back at
 * its own pace; `sync` does so immediately.
 */
const KIND = 'a file segment';

class SegmentFile extends NamedFile {
  readonly #path: string;

  constructor({ name, path }: { name: string; path: string }, file: NewFile, readOnly: boolean) {
    const place = {
      subject: subjectOf(name),
      place: `the file system of ${path}`,
      remedy: 'request less, or remove files',
    };
    super(path, file, readOnly, place, HEAD_BYTES);
    this.#path = path;
  }

  /**
   * Writes everything to disk before the name, so that after a crash of the machine no name refers to an incomplete
   * segment; and then the name, so that what is done next may rely on it. Also maps the file again by its name, so that `list` finds it, since it was created without one.
   */
  override publish(mapping: Mapping): boolean {
    attempted(
      () => `write ${this.place.subject} to ${this.place.place}`,
      () => fsyncSync(this.descriptor.number),
    );
    if (!super.publish(mapping)) return false;
    syncFolder(dirname(this.#path));
    const named = new native.Descriptor();
    if (named.open(this.#path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0) >= 0) {
      try {
        this.#mapBy(named, mapping);
      } finally {
        named.close();
      }
    }
    return true;
  }

  /** Does nothing if the file was unlinked meanwhile and the name given to another. */
  #mapBy(named: Descriptor, mapping: Mapping): void {
    const attempt = () => `map ${this.place.subject} by its name`;
    const [mine, other] = attempted(attempt, () => [objectStatus(this.descriptor), objectStatus(named)]);
    if (mine.dev === other.dev && mine.ino === other.ino) checked(mapping.replace(named.number, HEAD_BYTES), attempt);
  }
}

function subjectOf(name: string): string {
  return `file segment "${name}"`;
}

function create({ name, size, ...place }: CreateRequest): MemoryObject {
  const path = checkPath(place.path);
  const directory = dirname(path);
  const attempt = () => `create ${subjectOf(name)} at ${path}`;
  if (statusAt(directory, attempt) === undefined) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `cannot create ${subjectOf(name)} at ${path}: there is no folder ${directory}`,
    );
  }
  // Only to save work: the first to publish gets the name.
  if (isTaken(path, attempt)) {
    throw new ShmTableError('ERR_SEGMENT_EXISTS', `cannot create ${subjectOf(name)}: file ${path} already exists`);
  }
  const file = createFile(directory, attempt);
  const object = new SegmentFile({ name, path }, file, false);
  try {
    object.prepare(size, false);
    attempted(attempt, () => writeHead(file.descriptor.number, name));
  } catch (error) {
    object.close();
    throw error;
  }
  return object;
}

function open({ readOnly, firstBytes, ...place }: OpenRequest): MemoryObject {
  const { name } = place;
  const path = checkPath(place.path);
  const descriptor = openFile(path, readOnly, { subject: `${subjectOf(name)} (${path})`, kind: KIND });
  const object = new SegmentFile({ name, path }, { descriptor, temporary: undefined }, readOnly);
  try {
    const head = attempted(
      () => `read ${path}`,
      () => readHead(descriptor.number),
    );
    checkFile({ name, path }, head, object.size());
    object.fillHolesIfAny(firstBytes);
  } catch (error) {
    object.close();
    throw error;
  }
  return object;
}

function checkFile({ name, path }: ObjectPlace & { path: string }, found: string | undefined, size: number): void {
  if (found === undefined) throw notASegment(path, 'another kind of file', KIND);
  if (found !== name) throw notASegment(path, `segment "${found}"`, `segment "${name}"`);
  if (size <= 0) throw notASegment(path, 'a truncated file', KIND);
}

/** Finds the segment at a path, if there is one and this user may read it. */
export function describeFile(path: string): SegmentInfo[] {
  return describeObjects('file', inspect(path));
}

function inspect(location: string): FoundObject[] {
  let descriptor: number;
  try {
    descriptor = openSync(location, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    // The file is missing, belongs to another user, or cannot be opened.
    return [];
  }
  try {
    return attempted(
      () => `inspect ${location}`,
      () => {
        const status = fstatSync(descriptor);
        const name = status.isFile() && status.size > HEAD_BYTES ? readHead(descriptor) : undefined;
        return name === undefined ? [] : [{ name, status, location, bytes: status.size - HEAD_BYTES }];
      },
    );
  } finally {
    closeSync(descriptor);
  }
}

/** Finds the segments that are open in a process that this user may inspect. */
function list(): SegmentInfo[] {
  return describeObjects('file', [...sharedFiles(HEAD_BYTES)].flat().flatMap(inspect));
}

function* search(): Generator<SegmentLocation[]> {
  for (const paths of sharedFiles(HEAD_BYTES)) {
    yield paths.flatMap(inspect).map(({ name, location }) => ({ name, backend: 'file', location }));
  }
}

function move(from: ObjectPlace, to: ObjectPlace): boolean {
  const [source, target] = [checkPath(from.path), checkPath(to.path)];
  const attempt = () => `rename ${source} to ${target}`;
  if (!moveFile(source, target, attempt)) return false;
  // Otherwise the old segment could have the name again after a crash of the machine.
  syncFolder(dirname(target));
  return true;
}

/**
 * Writes the names in a folder to disk, if that is possible: the folder may not be readable for this user, and some file
 * systems refuse it. The name has been given by then.
 */
function syncFolder(path: string): void {
  let folder: number | undefined;
  try {
    folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    fsyncSync(folder);
  } catch {
    // Only a crash of the machine could still undo it.
  } finally {
    if (folder !== undefined) closeSync(folder);
  }
}

export const file: Backend = { create, open, move, list, search };
