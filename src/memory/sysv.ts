import { constants, readFileSync } from 'node:fs';
import { ShmTableError } from '../errors.js';
import { userNames } from './attachments.js';
import type { Backend, CreateRequest, MemoryObject, OpenRequest, SegmentInfo, SegmentLocation } from './backend.js';
import { DescriptorObject } from './descriptor-object.js';
import { objectStatus } from './descriptor-status.js';
import { hugePageBytes } from './huge-pages.js';
import { availableMemory } from './memory-limits.js';
import { isTaken, openFile } from './named-file.js';
import { type Descriptor, type Mapping, native, type ShmStatus } from './native.js';
import { checkMemory, noSpace, type Place } from './reservation.js';
import { attempted, attemptedInProc, checked, errnoName, systemError } from './system-error.js';
import {
  companionDirectory,
  companionPath,
  companions,
  currentStatus,
  isGone,
  readRecord,
  type SegmentRecord,
  statusOf,
  sweepCompanions,
  temporaryKind,
  writeRecord,
} from './sysv-companion.js';
import { createTemporary, removeTemporary } from './temporary-file.js';

/*
 * System V shared memory: shmget, shmat, shmdt, shmctl. `ipcs -m` shows the segments, `ipcrm -m` removes them. They are
 * found by name through their companions: see `sysv-companion.ts`.
 */

function placeOf(name: string): Place {
  return { subject: `sysv segment "${name}"`, place: 'the machine', remedy: 'request less, or free memory' };
}

function notFound(name: string): ShmTableError {
  return new ShmTableError(
    'ERR_SEGMENT_NOT_FOUND',
    `there is no ${placeOf(name).subject}: the segment of ${companionPath(name)} was removed`,
  );
}

class SysvObject extends DescriptorObject {
  readonly #name: string;
  readonly #path: string;
  readonly #record: SegmentRecord;
  /** The companion's temporary path until it is published. */
  #temporary: string | undefined;
  #isPopulated: boolean;

  constructor(name: string, companion: Descriptor, readOnly: boolean, record: SegmentRecord, temporary?: string) {
    super(companion, readOnly, placeOf(name));
    this.#name = name;
    this.#path = companionPath(name);
    this.#record = record;
    this.#temporary = temporary;
    this.#isPopulated = temporary === undefined;
  }

  override get hasHugePages(): boolean {
    return this.#record.hugePageBytes > 0;
  }

  override size(): number {
    return this.#record.bytes;
  }

  override map(size: number): Mapping {
    const { id, bytes, hugePageBytes: pageBytes } = this.#record;
    const mapping = new native.Mapping();
    const result = mapping.attach(id, bytes, this.readOnly, pageBytes, size);
    if (isGone(result)) throw notFound(this.#name);
    checked(result, () => `attach ${this.place.subject}`);
    try {
      // An attached segment keeps its id, so this checks the attached one.
      if (statusOf(this.#record) === undefined) throw notFound(this.#name);
      if (!this.#isPopulated) this.#populate(mapping);
      return mapping;
    } catch (error) {
      mapping.close();
      throw error;
    }
  }

  #populate(mapping: Mapping): void {
    const { id, bytes, removeOnLastDetach } = this.#record;
    // From now on the kernel removes it with its last attachment, currently this one.
    if (removeOnLastDetach) checked(native.shmRemove(id), () => `mark ${this.place.subject} for removal`);
    if (mapping.populate() < 0) throw noSpace(bytes, 0, availableMemory().bytes, this.place);
    this.#isPopulated = true;
  }

  override reserve(): void {
    throw new ShmTableError(
      'ERR_BACKEND_UNSUPPORTED',
      `${this.place.subject} cannot grow: System V segments have a fixed size`,
    );
  }

  publish(): boolean {
    if (this.#temporary === undefined) return false;
    const result = this.descriptor.link(this.#path);
    if (result < 0 && errnoName(result) === 'EEXIST') return false;
    checked(result, () => `give ${this.place.subject} its name`, 'ERR_BACKEND_UNSUPPORTED');
    this.#removeTemporary(this.#temporary);
    return true;
  }

  unlink(): boolean {
    const { id, removeOnLastDetach } = this.#record;
    const result = this.descriptor.unlinkName(this.#path, removeOnLastDetach ? undefined : id);
    return checked(result, () => `unlink ${this.place.subject}`) === 1;
  }

  override close(): void {
    if (this.#temporary !== undefined) {
      native.shmRemove(this.#record.id);
      this.#removeTemporary(this.#temporary);
    }
    super.close();
  }

  #removeTemporary(temporary: string): void {
    removeTemporary(temporary, this.descriptor);
    this.#temporary = undefined;
  }
}

/** The key that `ipcs` shows: FNV-1a of the name, positive because 0 means "no key". */
function firstKey(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash & 0x7fffffff || 1;
}

/** Number of keys to try, since some may be taken. A system has at most 32,768 segments, usually far fewer. */
const KEYS = 1000;

function kernelLimit(name: string): string {
  const path = `/proc/sys/kernel/${name}`;
  return attemptedInProc(
    () => `read ${path}`,
    () => readFileSync(path, 'utf8'),
  ).trim();
}

/** Creates a segment with the first free key, recording it in the companion before and after. */
function createSegment(name: string, companion: Descriptor, request: CreateRequest, pageBytes: number): SegmentRecord {
  const { size, removeOnLastDetach } = request;
  let key = firstKey(name);
  for (let tries = 0; ; tries++, key = (key % 0x7fffffff) + 1) {
    const record: SegmentRecord = {
      key,
      bytes: size,
      creator: process.pid,
      hugePageBytes: pageBytes,
      removeOnLastDetach,
      id: -1,
      createdAt: 0,
    };
    writeRecord(companion, record);
    const id = native.shmCreate(key, size, pageBytes > 0);
    if (id < 0 && errnoName(id) === 'EEXIST' && tries < KEYS) continue;
    if (id < 0) throw refusal(id, name, size);
    try {
      const status = native.shmStatus(id);
      if (typeof status === 'number') throw systemError(status, `inspect ${placeOf(name).subject}`);
      // In a PID namespace the kernel's id for this process may differ from `process.pid`.
      const made = { ...record, id, creator: status.creator, createdAt: status.createdAt };
      writeRecord(companion, made);
      return made;
    } catch (error) {
      native.shmRemove(id);
      throw error;
    }
  }
}

function refusal(result: number, name: string, size: number): ShmTableError {
  const subject = placeOf(name).subject;
  const tooMuch = (limits: string) =>
    new ShmTableError('ERR_SEGMENT_NO_SPACE', `${subject} of ${size} bytes exceeds a kernel limit: ${limits}`);
  switch (errnoName(result)) {
    case 'EINVAL':
      return tooMuch(`kernel.shmmax is ${kernelLimit('shmmax')} bytes; raise it with sysctl`);
    case 'ENOSPC':
      return tooMuch(
        `kernel.shmall is ${kernelLimit('shmall')} pages for all segments, kernel.shmmni ${kernelLimit('shmmni')} ` +
          'segments; remove some (ipcs -m, ipcrm -m) or raise it with sysctl',
      );
    case 'ENOMEM':
      return noSpace(size, 0, availableMemory().bytes, placeOf(name));
    default:
      return systemError(result, `create ${subject}`);
  }
}

function create(request: CreateRequest): MemoryObject {
  const { name, size } = request;
  const attempt = () => `create ${placeOf(name).subject}`;
  sweepCompanions();
  // Only to save work: the first to publish gets the name.
  if (isTaken(companionPath(name), attempt)) {
    throw new ShmTableError('ERR_SEGMENT_EXISTS', `${placeOf(name).subject} already exists`);
  }
  checkMemory(size, 0, placeOf(name));
  const companion = new native.Descriptor();
  const temporary = createTemporary(companionDirectory(), temporaryKind(), companion, attempt);
  try {
    return new SysvObject(name, companion, false, createSegmentOfPages(name, companion, request), temporary);
  } catch (error) {
    removeTemporary(temporary, companion);
    companion.close();
    throw error;
  }
}

/** Creates a segment of huge pages if requested and available, otherwise of ordinary ones. */
function createSegmentOfPages(name: string, companion: Descriptor, request: CreateRequest): SegmentRecord {
  const pageBytes = request.hugePages ? hugePageBytes(request.size) : 0;
  if (pageBytes > 0) {
    try {
      return createSegment(name, companion, request, pageBytes);
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
    }
  }
  return createSegment(name, companion, request, 0);
}

function open({ name, readOnly }: OpenRequest): MemoryObject {
  const companion = openFile(companionPath(name), readOnly, { subject: placeOf(name).subject, kind: 'a sysv segment' });
  try {
    const record = readRecord(companion);
    if (record === undefined || statusOf(record) === undefined) throw notFound(name);
    return new SysvObject(name, companion, readOnly, record);
  } catch (error) {
    companion.close();
    throw error;
  }
}

/** Returns the status of a companion's segment, or undefined when it is gone or the file is not a companion. */
function listed(companion: Descriptor): ShmStatus | undefined {
  const attempt = () => 'inspect the record of a System V segment';
  if (!attempted(attempt, () => objectStatus(companion)).isFile()) return undefined;
  const record = readRecord(companion);
  if (record === undefined) return undefined;
  try {
    return currentStatus(record);
  } catch {
    // Another user's record may refer to a segment of a third user that this user may not inspect.
    return undefined;
  }
}

/** A segment that is listed. */
interface Found extends SegmentLocation {
  readonly status: ShmStatus;
}

/** Companions that are inspected in one step: each takes several system calls. */
const COMPANIONS_PER_STEP = 50;

function* search(): Generator<Found[]> {
  let found: Found[] = [];
  let looked = 0;
  for (const { name, path } of companions()) {
    const companion = new native.Descriptor();
    if (companion.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0) >= 0) {
      const status = listed(companion);
      companion.close();
      if (status !== undefined) {
        const location = `0x${status.key.toString(16).padStart(8, '0')}`;
        found.push({ name, backend: 'sysv', location, status });
      }
    }
    if (++looked % COMPANIONS_PER_STEP > 0) continue;
    yield found;
    found = [];
  }
  yield found;
}

function list(): SegmentInfo[] {
  const names = userNames();
  return [...search()].flat().map(({ status: { uid, mode, bytes, attached }, ...place }) => {
    return { ...place, owner: names.get(uid) ?? String(uid), mode, bytes, attached };
  });
}

export const sysv: Backend = { create, open, list, search, find: search };
