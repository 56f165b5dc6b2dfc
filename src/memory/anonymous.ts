import { readdirSync, readlinkSync, type Stats, statfsSync, statSync } from 'node:fs';
import { ShmTableError } from '../errors.js';
import { describeObjects, type FoundObject, identityOf, processes } from './attachments.js';
import type { Backend, CreateRequest, MemoryObject, OpenRequest, SegmentInfo, SegmentLocation } from './backend.js';
import { DescriptorObject } from './descriptor-object.js';
import { objectStatus } from './descriptor-status.js';
import { hugePageBytes } from './huge-pages.js';
import { type Descriptor, native } from './native.js';
import { assertTrusted } from './ownership.js';
import { isSegmentName } from './segment-options.js';
import { attempted, attemptedInProc, checked, errnoName } from './system-error.js';

/*
 * Memory outside of any file system: memfd objects that cluster workers and other child processes inherit and find by
 * name among their descriptors (`native/inherited_memory.h` has the rules). It ends with the last process.
 *
 * Every handle has an open file description of its own. In addition, each process keeps one inheritable descriptor of
 * each published object, from the object's creation or the process's start until the object is unlinked, so that a
 * closed segment can be opened again, like a posix one.
 */
const LINK = /^\/memfd:shmtable-segment:(.*) \(deleted\)$/;

class AnonymousObject extends DescriptorObject {
  readonly #name: string;

  constructor(name: string, descriptor: Descriptor, readOnly: boolean) {
    super(descriptor, readOnly, {
      subject: `anonymous segment "${name}"`,
      place: 'the machine',
      remedy: 'request less, or free memory',
    });
    this.#name = name;
  }

  /** Rounds the size up to whole huge pages. */
  override reserve(size: number, hugePages = false): void {
    const path = `/proc/self/fd/${this.descriptor.number}`;
    const { bsize } = attemptedInProc(
      () => `inspect ${this.place.subject}`,
      () => statfsSync(path),
    );
    super.reserve(this.hasHugePages ? Math.ceil(size / bsize) * bsize : size, hugePages);
  }

  publish(): boolean {
    const result = this.descriptor.publishMemory(this.#name);
    if (result < 0 && errnoName(result) === 'EEXIST') return false;
    checked(result, () => `publish ${this.place.subject}`, 'ERR_BACKEND_UNSUPPORTED');
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

function statusOf(descriptor: Descriptor): Stats {
  return attempted(
    () => 'inspect an anonymous segment',
    () => objectStatus(descriptor),
  );
}

function create(request: CreateRequest): MemoryObject {
  const { name } = request;
  const other = find(name);
  if (other !== undefined) {
    other.close();
    throw new ShmTableError('ERR_SEGMENT_EXISTS', `anonymous segment "${name}" already exists`);
  }
  const pageBytes = request.hugePages ? hugePageBytes(request.size) : 0;
  if (pageBytes > 0) {
    try {
      return createOf('reserved', name, request.size);
    } catch (error) {
      // Others have taken the huge pages meanwhile; use ordinary ones.
      if (!(error instanceof ShmTableError)) throw error;
    }
  }
  return createOf(request.hugePages ? 'transparent' : 'small', name, request.size);
}

/** Reserved huge pages, transparent huge pages as far as available, or ordinary pages. */
type Pages = 'reserved' | 'transparent' | 'small';

function createOf(pages: Pages, name: string, size: number): MemoryObject {
  const descriptor = new native.Descriptor();
  checked(descriptor.openMemory(name, pages === 'reserved'), () => `create anonymous segment "${name}"`);
  const object = new AnonymousObject(name, descriptor, false);
  try {
    object.reserve(size, pages === 'transparent');
  } catch (error) {
    object.close();
    throw error;
  }
  return object;
}

function open({ name, readOnly }: OpenRequest): MemoryObject {
  const descriptor = find(name);
  if (descriptor !== undefined) {
    try {
      assertTrusted(statusOf(descriptor), `anonymous segment "${name}"`);
      return new AnonymousObject(name, descriptor, readOnly);
    } catch (error) {
      descriptor.close();
      throw error;
    }
  }
  throw new ShmTableError(
    'ERR_SEGMENT_NOT_FOUND',
    `process ${process.pid} has neither created nor inherited an anonymous segment "${name}"`,
  );
}

/** The targets of a process's descriptors, with their numbers; none if this user may not read them. */
function* linksOf(pid: string): Generator<{ number: string; link: string }> {
  let numbers: string[];
  try {
    numbers = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return;
  }
  for (const number of numbers) {
    let link: string;
    try {
      link = readlinkSync(`/proc/${pid}/fd/${number}`);
    } catch {
      // Closed since the folder was read; so was the descriptor that was used to read it.
      continue;
    }
    yield { number, link };
  }
}

function nameIn(link: string): string | undefined {
  const name = LINK.exec(link)?.[1];
  return name !== undefined && isSegmentName(name) ? name : undefined;
}

function ownObjects(): FoundObject[] {
  const names = new Set([...linksOf('self')].flatMap(({ link }) => nameIn(link) ?? []));
  return [...names].flatMap((name) => {
    const descriptor = find(name);
    if (descriptor === undefined) return [];
    const status = statusOf(descriptor);
    descriptor.close();
    return [{ name, status, bytes: status.size, location: `memfd:${name}` }];
  });
}

/** Mode of an object that is complete and not unlinked: see `native/inherited_memory.cc`. */
const PUBLISHED = 0o600;

/** Published objects of all processes that this user may inspect, except those in `known`, by device and inode. */
function foreignObjects(known: ReadonlySet<string>): FoundObject[] {
  const found = new Map<string, FoundObject>();
  for (const pid of processes()) {
    for (const { number, link } of linksOf(pid)) {
      const name = nameIn(link);
      if (name === undefined) continue;
      const status = statusThrough(`/proc/${pid}/fd/${number}`);
      if (status === undefined || known.has(identityOf(status)) || (status.mode & 0o7777) !== PUBLISHED) continue;
      found.set(identityOf(status), { name, status, bytes: status.size, location: `memfd:${name} of process ${pid}` });
    }
  }
  return [...found.values()];
}

/** Returns undefined when it was closed meanwhile or its process has ended. */
function statusThrough(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function list(foreign: boolean): SegmentInfo[] {
  const own = ownObjects();
  const others = foreign ? foreignObjects(new Set(own.map(({ status }) => identityOf(status)))) : [];
  return describeObjects('anonymous', [...own, ...others]);
}

/** A service may have a descriptor for each of thousands of connections. */
const LINKS_PER_STEP = 200;

function* search(): Generator<SegmentLocation[]> {
  const names = new Set<string>();
  let links = 0;
  for (const { link } of linksOf('self')) {
    const name = nameIn(link);
    if (name !== undefined && !names.has(name)) {
      names.add(name);
      yield [{ name, backend: 'anonymous', location: `memfd:${name}` }];
    }
    if (++links % LINKS_PER_STEP === 0) yield [];
  }
}

export const anonymous: Backend = { create, open, list, search };
