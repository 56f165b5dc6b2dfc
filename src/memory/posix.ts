import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ShmTableError } from '../errors.js';
import { describeObjects, type FoundObject } from './attachments.js';
import type {
  Backend,
  CreateRequest,
  MemoryObject,
  ObjectPlace,
  OpenRequest,
  SegmentInfo,
  SegmentLocation,
} from './backend.js';
import { createFile, isTaken, moveFile, NamedFile, type NewFile, openFile, statusAt } from './named-file.js';
import { isSegmentName } from './segment-options.js';
import { SHM_DIRECTORY } from './shm-directory.js';
import { attempted } from './system-error.js';

/*
 * POSIX shared memory: object "/X" is the file X in /dev/shm. glibc's shm_open and shm_unlink only prepend that folder
 * to the name, so both reach the same objects. They are opened by path here, because nameless files and links, which
 * publication needs, require paths.
 */

function subjectOf(name: string): string {
  return `posix segment "${name}"`;
}

function objectOf(name: string, file: NewFile, readOnly: boolean): NamedFile {
  return new NamedFile(join(SHM_DIRECTORY, name), file, readOnly, {
    subject: subjectOf(name),
    place: SHM_DIRECTORY,
    remedy: `request less, remove segments, or enlarge ${SHM_DIRECTORY} (Docker: --shm-size)`,
  });
}

function create({ name, size, hugePages }: CreateRequest): MemoryObject {
  const attempt = () => `create ${subjectOf(name)} in ${SHM_DIRECTORY}`;
  if (statusAt(SHM_DIRECTORY, attempt) === undefined) {
    throw new ShmTableError('ERR_BACKEND_UNSUPPORTED', `there is no posix shared memory: ${SHM_DIRECTORY} is missing`);
  }
  // Only to save work: the first to publish gets the name.
  if (isTaken(join(SHM_DIRECTORY, name), attempt)) {
    throw new ShmTableError('ERR_SEGMENT_EXISTS', `${subjectOf(name)} already exists`);
  }
  const file = createFile(SHM_DIRECTORY, attempt);
  const object = objectOf(name, file, false);
  try {
    object.prepare(size, hugePages);
  } catch (error) {
    object.close();
    throw error;
  }
  return object;
}

function open({ name, readOnly, firstBytes }: OpenRequest): MemoryObject {
  const subject = { subject: subjectOf(name), kind: 'a posix segment' };
  const descriptor = openFile(join(SHM_DIRECTORY, name), readOnly, subject);
  const object = objectOf(name, { descriptor, temporary: undefined }, readOnly);
  try {
    object.fillHolesIfAny(firstBytes);
  } catch (error) {
    object.close();
    throw error;
  }
  return object;
}

function list(): SegmentInfo[] {
  return describeObjects('posix', [...objects()].flat());
}

function* search(): Generator<SegmentLocation[]> {
  for (const found of objects()) yield found.map(({ name, location }) => ({ name, backend: 'posix', location }));
}

/** Files that are inspected in one step. */
const FILES_PER_STEP = 200;

function* objects(): Generator<FoundObject[]> {
  const attempt = () => `list ${SHM_DIRECTORY}`;
  if (statusAt(SHM_DIRECTORY, attempt) === undefined) return;
  const names = attempted(attempt, () => readdirSync(SHM_DIRECTORY)).filter(isSegmentName);
  for (let first = 0; first < names.length; first += FILES_PER_STEP) {
    yield names.slice(first, first + FILES_PER_STEP).flatMap((name) => {
      const location = join(SHM_DIRECTORY, name);
      const status = statusAt(location, attempt);
      return status?.isFile() ? [{ name, status, location, bytes: status.size }] : [];
    });
  }
}

function move(from: ObjectPlace, to: ObjectPlace): boolean {
  return moveFile(
    join(SHM_DIRECTORY, from.name),
    join(SHM_DIRECTORY, to.name),
    () => `rename ${subjectOf(from.name)} to "${to.name}"`,
  );
}

export const posix: Backend = { create, open, move, list, search, find: search };
