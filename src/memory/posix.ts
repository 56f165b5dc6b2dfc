import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ShmTableError } from '../errors.js';
import { describeObjects } from './attachments.js';
import type { Backend, CreateRequest, MemoryObject, OpenRequest, SegmentInfo } from './backend.js';
import { createFile, isTaken, NamedFile, type NewFile, openFile, statusAt } from './named-file.js';
import { isSegmentName } from './segment-options.js';
import { shmDirectory } from './shm-directory.js';
import { attempted } from './system-error.js';

/*
 * POSIX shared memory: object "/X" is the file X of /dev/shm. glibc's shm_open and shm_unlink do nothing but put that
 * folder before the name, so both reach the same objects; they are opened by path here because nameless files and
 * links, which publication needs, exist for paths only.
 */

function subjectOf(name: string): string {
  return `posix segment "${name}"`;
}

function objectOf(name: string, file: NewFile, readOnly: boolean): NamedFile {
  const directory = shmDirectory();
  return new NamedFile(join(directory, name), file, readOnly, {
    subject: subjectOf(name),
    place: directory,
    remedy: `ask for less, remove segments, or enlarge ${directory} (Docker: --shm-size)`,
  });
}

function create({ name, size, hugePages }: CreateRequest): MemoryObject {
  const directory = shmDirectory();
  const attempt = () => `create ${subjectOf(name)} in ${directory}`;
  if (statusAt(directory, attempt) === undefined) {
    throw new ShmTableError(
      'ERR_BACKEND_UNSUPPORTED',
      `There is no posix shared memory here: ${directory} is missing.`,
    );
  }
  // Only spares the work: whoever publishes first has the name.
  if (isTaken(join(directory, name), attempt)) {
    throw new ShmTableError('ERR_SEGMENT_EXISTS', `There is a ${subjectOf(name)} already.`);
  }
  const file = createFile(directory, attempt);
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
  const descriptor = openFile(join(shmDirectory(), name), readOnly, subject);
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
  const directory = shmDirectory();
  const attempt = () => `list ${directory}`;
  if (statusAt(directory, attempt) === undefined) return [];
  const objects = attempted(attempt, () => readdirSync(directory))
    .filter(isSegmentName)
    .flatMap((name) => {
      const location = join(directory, name);
      const status = statusAt(location, attempt);
      return status?.isFile() ? [{ name, status, location, bytes: status.size }] : [];
    });
  return describeObjects('posix', objects);
}

export const posix: Backend = { create, open, list };
