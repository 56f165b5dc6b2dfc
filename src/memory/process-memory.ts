import { constants, totalmem, userInfo } from 'node:os';
import { ShmTableError } from '../errors.js';
import type { Backend, CreateRequest, MemoryObject, ObjectPlace, OpenRequest, SegmentInfo } from './backend.js';
import { ByteLocks } from './byte-locks.js';
import type { MappedMemory } from './platform.js';
import { ProcessLocks } from './process-locks.js';
import { announcePrivacy } from './process-notice.js';
import { type ProcessSegment, processMemory } from './process-segments.js';

/*
 * Memory of this process, for development and tests where there is no shared memory. It needs nothing of the system:
 * a segment is an ArrayBuffer, and is found by its name in the thread that created it.
 *
 * Not in the other threads, although they could share a SharedArrayBuffer. A thread may be terminated at any
 * instruction; this package is not told, in any thread, so nobody would release its byte locks, and what it left half
 * done would stay so. And a thread that was started before this package was loaded could not be handed the buffer.
 *
 * All handles have the same buffer. So a handle that was closed or is read-only has no memory of its own that could
 * read zeros or refuse writes; only its methods refuse.
 */

/** Handles that were garbage-collected without `close`. */
const forgotten = new FinalizationRegistry<ProcessSegment>((segment) => segment.handles--);

/** The memory as a `Segment` sees it. */
class ProcessMapping implements MappedMemory {
  readonly buffer: ArrayBuffer;
  readonly #subject: string;

  constructor(buffer: ArrayBuffer, subject: string) {
    this.buffer = buffer;
    this.#subject = subject;
  }

  protect(): number {
    throw new ShmTableError('ERR_BACKEND_UNSUPPORTED', `${this.#subject} cannot be protected: it is ordinary memory`);
  }

  sync(): number {
    return 0;
  }

  useHugePages(): number {
    return -constants.errno.ENOSYS;
  }

  close(): void {}

  detach(): void {}
}

class ProcessObject implements MemoryObject {
  readonly readOnly: boolean;
  readonly hasHugePages = false;
  readonly #segment: ProcessSegment;
  #isOpen = true;

  constructor(segment: ProcessSegment, readOnly: boolean) {
    this.#segment = segment;
    this.readOnly = readOnly;
    segment.handles++;
    forgotten.register(this, segment, this);
  }

  get identity(): string {
    return this.#segment.identity;
  }

  get #subject(): string {
    return subjectOf(this.#segment.name);
  }

  size(): number {
    return this.#segment.buffer.byteLength;
  }

  map(): MappedMemory {
    return new ProcessMapping(this.#segment.buffer, this.#subject);
  }

  reserve(size: number): void {
    if (size === this.size()) return;
    throw new ShmTableError(
      'ERR_BACKEND_UNSUPPORTED',
      `${this.#subject} cannot grow to ${size} bytes: its memory has a fixed size of ${this.size()}`,
    );
  }

  publish(): boolean {
    const { segments } = processMemory();
    if (segments.has(this.#segment.name)) return false;
    segments.set(this.#segment.name, this.#segment);
    return true;
  }

  unlink(): boolean {
    const { segments } = processMemory();
    return segments.get(this.#segment.name) === this.#segment && segments.delete(this.#segment.name);
  }

  openByteLocks(): ByteLocks {
    return new ByteLocks(new ProcessLocks(this.#segment.locks, this.readOnly), this.#subject);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    forgotten.unregister(this);
    this.#segment.handles--;
  }
}

function subjectOf(name: string): string {
  return `process segment "${name}"`;
}

function create({ name, size }: CreateRequest): MemoryObject {
  if (processMemory().segments.has(name)) {
    throw new ShmTableError('ERR_SEGMENT_EXISTS', `${subjectOf(name)} already exists`);
  }
  const buffer = allocate(size, name);
  announcePrivacy();
  const identity = `process:${++processMemory().created}`;
  return new ProcessObject({ name, buffer, identity, locks: new Map(), handles: 0 }, false);
}

function allocate(size: number, name: string): ArrayBuffer {
  // Some systems promise more memory than they have, and end the process that uses it.
  const limit = totalmem();
  try {
    if (size <= limit) return new ArrayBuffer(size);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new ShmTableError(
    'ERR_SEGMENT_NO_SPACE',
    `not enough memory for the ${size} bytes of ${subjectOf(name)}: the machine has ${limit}; request less`,
  );
}

function open({ name, readOnly }: OpenRequest): MemoryObject {
  const segment = processMemory().segments.get(name);
  if (segment !== undefined) return new ProcessObject(segment, readOnly);
  throw new ShmTableError(
    'ERR_SEGMENT_NOT_FOUND',
    `this thread of process ${process.pid} has not created ${subjectOf(name)}, and no other one can share it`,
  );
}

function move(from: ObjectPlace, to: ObjectPlace): boolean {
  const { segments } = processMemory();
  const segment = segments.get(from.name);
  if (segment === undefined) return false;
  segments.delete(from.name);
  segment.name = to.name;
  segments.set(to.name, segment);
  return true;
}

function list(): SegmentInfo[] {
  return [...processMemory().segments.values()].map(({ name, buffer, handles }) => ({
    name,
    backend: 'process',
    owner: ownName(),
    mode: 0o600,
    bytes: buffer.byteLength,
    attached: handles > 0 ? 1 : 0,
    location: `process ${process.pid}`,
  }));
}

function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in the list of users.
    return String(process.geteuid?.() ?? '');
  }
}

export const processBackend: Backend = { create, open, move, list, search: () => [list()], find: () => [list()] };
