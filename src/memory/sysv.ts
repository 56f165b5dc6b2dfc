import { constants, readFileSync } from 'node:fs';
import { ShmTableError } from '../errors.js';
import { userName } from './attachments.js';
import type { Backend, CreateRequest, MemoryObject, OpenRequest, SegmentInfo } from './backend.js';
import { DescriptorObject } from './descriptor-object.js';
import { hugePageBytes } from './huge-pages.js';
import { availableMemory } from './memory-limits.js';
import { isTaken, openFile } from './named-file.js';
import { type Descriptor, type Mapping, native } from './native.js';
import { checkMemory, noSpace, type Place } from './reservation.js';
import { checked, errnoName, systemError } from './system-error.js';
import {
  companionDirectory,
  companionPath,
  companions,
  isGone,
  readRecord,
  type SegmentRecord,
  statusOf,
  sweepCompanions,
  temporaryKind,
  writeRecord,
} from './sysv-companion.js';
import { createTemporary, linkTemporary, removeTemporary } from './temporary-file.js';

/*
 * System V shared memory: shmget, shmat, shmdt, shmctl. `ipcs -m` shows the segments, `ipcrm -m` removes them. They are
 * found by name through their companions: see `sysv-companion.ts`.
 */

function placeOf(name: string): Place {
  return { subject: `sysv segment "${name}"`, place: 'the machine', remedy: 'ask for less, or free memory' };
}

function notFound(name: string): ShmTableError {
  return new ShmTableError(
    'ERR_SEGMENT_NOT_FOUND',
    `There is no ${placeOf(name).subject}: what ${companionPath(name)} stands for was removed.`,
  );
}

class SysvObject extends DescriptorObject {
  readonly #name: string;
  readonly #path: string;
  readonly #record: SegmentRecord;
  /** The companion's path until it gets its own. */
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
    const { id, hugePageBytes: pageBytes, removeOnLastDetach } = this.#record;
    const mapping = new native.Mapping();
    const result = mapping.attach(id, size, this.readOnly, pageBytes);
    if (isGone(result)) throw notFound(this.#name);
    checked(result, () => `attach ${this.place.subject}`);
    if (this.#isPopulated) return mapping;
    // From here on the kernel removes it with its last attachment, which for now is this one.
    if (removeOnLastDetach) checked(native.shmRemove(id), () => `mark ${this.place.subject} for removal`);
    const populated = mapping.populate();
    if (populated < 0) {
      mapping.close();
      throw noSpace(size, 0, availableMemory().bytes, this.place);
    }
    this.#isPopulated = true;
    return mapping;
  }

  override reserve(): void {
    throw new ShmTableError(
      'ERR_BACKEND_UNSUPPORTED',
      `${this.place.subject} cannot grow: System V segments keep the size that they were made with.`,
    );
  }

  publish(): boolean {
    if (this.#temporary === undefined) return false;
    const linked = linkTemporary(this.#temporary, this.#path);
    if (linked) this.#removeTemporary(this.#temporary);
    return linked;
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

/** Keys to try, of which others may have some: the system has at most 32,768 segments, nearly always far fewer. */
const KEYS = 1000;

function kernelLimit(name: string): string {
  return readFileSync(`/proc/sys/kernel/${name}`, 'utf8').trim();
}

/** Makes the segment that the record describes but for its id, under the first free key; the companion knows of it. */
function makeSegment(name: string, companion: Descriptor, request: CreateRequest, pageBytes: number): SegmentRecord {
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
    const status = native.shmStatus(id);
    if (typeof status === 'number') throw systemError(status, `look at ${placeOf(name).subject}`);
    // In a process-id namespace the kernel's number for us need not be ours.
    const made = { ...record, id, creator: status.creator, createdAt: status.createdAt };
    writeRecord(companion, made);
    return made;
  }
}

function refusal(result: number, name: string, size: number): ShmTableError {
  const subject = placeOf(name).subject;
  const tooMuch = (limits: string) =>
    new ShmTableError(
      'ERR_SEGMENT_NO_SPACE',
      `The ${size} bytes of ${subject} are over a limit of the kernel: ${limits}.`,
    );
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
  // Only spares the work: whoever publishes first has the name.
  if (isTaken(companionPath(name), attempt)) {
    throw new ShmTableError('ERR_SEGMENT_EXISTS', `There is a ${placeOf(name).subject} already.`);
  }
  checkMemory(size, 0, placeOf(name));
  const companion = new native.Descriptor();
  const temporary = createTemporary(companionDirectory(), temporaryKind(), companion, attempt);
  try {
    return new SysvObject(name, companion, false, makeSegmentOfPages(name, companion, request), temporary);
  } catch (error) {
    removeTemporary(temporary, companion);
    companion.close();
    throw error;
  }
}

/** Of huge pages when they are asked for and there are enough, else of ordinary ones. */
function makeSegmentOfPages(name: string, companion: Descriptor, request: CreateRequest): SegmentRecord {
  const pageBytes = request.hugePages ? hugePageBytes(request.size) : 0;
  if (pageBytes > 0) {
    try {
      return makeSegment(name, companion, request, pageBytes);
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
    }
  }
  return makeSegment(name, companion, request, 0);
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

function list(): SegmentInfo[] {
  return companions().flatMap(({ name, path }) => {
    const companion = new native.Descriptor();
    if (companion.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0) < 0) return [];
    const record = readRecord(companion);
    companion.close();
    const status = record === undefined ? undefined : statusOf(record);
    if (status === undefined) return [];
    const { uid, mode, bytes, attached, key } = status;
    const location = `0x${key.toString(16).padStart(8, '0')}`;
    return [{ name, backend: 'sysv', owner: userName(uid), mode, bytes, attached, location }];
  });
}

export const sysv: Backend = { create, open, list };
