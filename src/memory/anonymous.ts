import { fstatSync, readdirSync, readlinkSync } from 'node:fs';
import { ShmTableError } from '../errors.js';
import { describeObjects } from './attachments.js';
import type { Backend, CreateRequest, MemoryObject, OpenRequest, SegmentInfo } from './backend.js';
import { DescriptorObject } from './descriptor-object.js';
import { type Descriptor, native } from './native.js';
import { isSegmentName } from './segment-options.js';
import { checked, errnoName } from './system-error.js';

/*
 * Memory without a place in any file system: memfd objects that cluster workers and other child processes inherit and
 * find by name among their own descriptors (`native/inherited_memory.h` has the rules). It ends with the last process.
 *
 * Every handle works on a private description of its own. Besides those, each process keeps one inheritable descriptor
 * of each published object from its creation, or the process's start, until the object is unlinked: so a segment that
 * was closed can be opened again, as a posix one can.
 */
const LINK = /^\/memfd:shmtable-segment:(.*) \(deleted\)$/;

class AnonymousObject extends DescriptorObject {
  readonly #name: string;

  constructor(name: string, descriptor: Descriptor, readOnly: boolean) {
    super(descriptor, readOnly, {
      subject: `anonymous segment "${name}"`,
      place: 'the machine',
      remedy: 'ask for less, or free memory',
    });
    this.#name = name;
  }

  publish(): boolean {
    const result = this.descriptor.publishMemory(this.#name);
    if (result < 0 && errnoName(result) === 'EEXIST') return false;
    checked(result, () => `publish ${this.place.subject}`);
    return true;
  }

  unlink(): boolean {
    return checked(this.descriptor.withdrawMemory(), () => `unlink ${this.place.subject}`) === 1;
  }
}

function find(name: string): Descriptor | undefined {
  const descriptor = new native.Descriptor();
  const result = descriptor.openPublished(name);
  if (result < 0 && errnoName(result) === 'ENOENT') return undefined;
  checked(result, () => `open anonymous segment "${name}"`);
  return descriptor;
}

function create({ name, size }: CreateRequest): MemoryObject {
  const other = find(name);
  if (other !== undefined) {
    other.close();
    throw new ShmTableError('ERR_SEGMENT_EXISTS', `There is an anonymous segment "${name}" already.`);
  }
  const descriptor = new native.Descriptor();
  checked(descriptor.openMemory(name, false), () => `create anonymous segment "${name}"`);
  const object = new AnonymousObject(name, descriptor, false);
  try {
    object.reserve(size);
  } catch (error) {
    object.close();
    throw error;
  }
  return object;
}

function open({ name, readOnly }: OpenRequest): MemoryObject {
  const descriptor = find(name);
  if (descriptor !== undefined) return new AnonymousObject(name, descriptor, readOnly);
  throw new ShmTableError(
    'ERR_SEGMENT_NOT_FOUND',
    `There is no anonymous segment "${name}" in process ${process.pid}, nor did it inherit one.`,
  );
}

function list(): SegmentInfo[] {
  const names = new Set<string>();
  for (const number of readdirSync('/proc/self/fd')) {
    try {
      const name = LINK.exec(readlinkSync(`/proc/self/fd/${number}`))?.[1];
      if (name !== undefined && isSegmentName(name)) names.add(name);
    } catch {
      // Closed since the folder was read, as the descriptor of the reading itself.
    }
  }
  const objects = [...names].flatMap((name) => {
    const descriptor = find(name);
    if (descriptor === undefined) return [];
    const status = fstatSync(descriptor.number);
    descriptor.close();
    return [{ name, status, bytes: status.size, location: `memfd:shmtable-segment:${name}` }];
  });
  return describeObjects('anonymous', objects);
}

export const anonymous: Backend = { create, open, list };
