import { constants } from 'node:fs';
import { ShmTableError } from '../errors.js';
import { userName } from './attachments.js';
import type { Backend, CreateRequest, MemoryObject, OpenRequest, SegmentInfo } from './backend.js';
import { DescriptorObject } from './descriptor-object.js';
import { availableMemory } from './memory-limits.js';
import { type Descriptor, type Mapping, native } from './native.js';
import { checkMemory, noSpace, type Place } from './reservation.js';
import { checked } from './system-error.js';

/*
 * A mapping of /dev/zero: private memory of its creator. A bare fork would share it, but Node starts child programs
 * with exec, which inherit no mappings. The name is only a label: nothing is found by it, not even in the same process,
 * and two segments may have the same name.
 *
 * Byte locks, which are also private, are taken on an empty memory object.
 */
const PATH = '/dev/zero';

/** Name and size of the published segments of this thread, by identity, for its listing. */
const published = new Map<symbol, { readonly name: string; readonly bytes: number }>();

/**
 * For segments that were garbage-collected without `close`. A WeakRef would keep each one alive until the current job
 * ends.
 */
const forgotten = new FinalizationRegistry<symbol>((self) => published.delete(self));

class DevzeroObject extends DescriptorObject {
  readonly name: string;
  readonly #size: number;
  readonly #self = Symbol();

  constructor(name: string, locks: Descriptor, size: number, place: Place) {
    super(locks, false, place);
    this.name = name;
    this.#size = size;
    forgotten.register(this, this.#self, this);
  }

  override get hasHugePages(): boolean {
    return false;
  }

  override size(): number {
    return this.#size;
  }

  override map(size: number): Mapping {
    const zero = new native.Descriptor();
    const opened = zero.open(PATH, constants.O_RDWR, 0);
    checked(opened, () => `open ${PATH}`, 'ERR_BACKEND_UNSUPPORTED');
    const mapping = new native.Mapping();
    const result = mapping.map(zero.number, size, false);
    zero.close();
    checked(result, () => `map ${size} bytes of ${this.place.subject}`);
    if (mapping.populate() >= 0) return mapping;
    mapping.close();
    throw noSpace(size, 0, availableMemory().bytes, this.place);
  }

  override reserve(): void {
    throw new ShmTableError(
      'ERR_BACKEND_UNSUPPORTED',
      `${this.place.subject} cannot grow: a mapping of ${PATH} has a fixed size`,
    );
  }

  publish(): boolean {
    published.set(this.#self, { name: this.name, bytes: this.#size });
    return true;
  }

  unlink(): boolean {
    return published.delete(this.#self);
  }

  override close(): void {
    published.delete(this.#self);
    forgotten.unregister(this);
    super.close();
  }
}

function create({ name, size }: CreateRequest): MemoryObject {
  const place = { subject: `devzero segment "${name}"`, place: 'the machine', remedy: 'request less, or free memory' };
  checkMemory(size, 0, place);
  const locks = new native.Descriptor();
  checked(locks.openMemory(name, false), () => `create ${place.subject}`);
  return new DevzeroObject(name, locks, size, place);
}

function open({ name }: OpenRequest): MemoryObject {
  throw new ShmTableError(
    'ERR_SEGMENT_NOT_FOUND',
    `cannot open devzero segment "${name}": such a segment belongs to the handle that created it`,
  );
}

function list(): SegmentInfo[] {
  const owner = userName(process.geteuid?.() ?? 0);
  return [...published.values()].map(({ name, bytes }) => {
    return { name, backend: 'devzero', owner, mode: 0o600, bytes, attached: 1, location: PATH };
  });
}

export const devzero: Backend = { create, open, list, search: () => [list()], find: () => [list()] };
