import { ShmTableError } from '../errors.js';
import { anonymous } from './anonymous.js';
import { type Backend, type BackendName, DEFAULT_BACKEND, type MemoryObject, type SegmentInfo } from './backend.js';
import { ANY_BACKEND, firstFound, firstSupported } from './backend-choice.js';
import type { ByteLocks } from './byte-locks.js';
import { devzero } from './devzero.js';
import { describeFile, file } from './file.js';
import { useHugePages } from './huge-pages.js';
import { checkOptions } from './known-options.js';
import type { Mapping } from './native.js';
import { posix } from './posix.js';
import {
  checkCreateOptions,
  checkFlag,
  checkMappable,
  checkName,
  checkOpenOptions,
  checkPath,
  checkPlace,
  checkRemoval,
  checkSize,
  type SegmentOpenOptions,
  type SegmentOptions,
} from './segment-options.js';
import { checked } from './system-error.js';
import { sysv } from './sysv.js';

const BACKENDS: Readonly<Partial<Record<string, Backend>>> = {
  posix,
  anonymous,
  sysv,
  file,
  devzero,
} satisfies Record<Exclude<BackendName, 'auto'>, Backend>;

function backendOf(name: BackendName): Backend {
  const backend = Object.hasOwn(BACKENDS, name) ? BACKENDS[name] : undefined;
  if (backend !== undefined) return backend;
  throw new ShmTableError(
    'ERR_BACKEND_UNSUPPORTED',
    `There is no backend "${name}" here; there are: ${Object.keys(BACKENDS).join(', ')}.`,
  );
}

function openObject(backend: BackendName, { name, path, readOnly, firstBytes }: SegmentOpenOptions): MemoryObject {
  return backendOf(backend).open({
    name: checkName(name),
    path: checkPlace(backend, path),
    firstBytes: firstBytes === undefined ? undefined : checkSize(firstBytes),
    readOnly: checkFlag('readOnly', readOnly),
  });
}

/**
 * A range of memory that several processes share, found by name.
 *
 * A segment is published complete: whoever opens it finds the size it was made with and everything that `initialise`
 * wrote. All of its bytes are reserved, so no access ever fails for want of memory. Its handles end with `close`, with
 * garbage collection, or with their worker thread; the memory ends when its name is removed and nobody has it open.
 */
export class Segment {
  readonly backend: BackendName;
  readonly name: string;
  /** Opened read-only: mapped so, and never writable. */
  readonly readOnly: boolean;
  readonly #object: MemoryObject;
  readonly #hugePages: boolean;
  readonly #firstBytes: number;
  #mapping: Mapping | undefined;
  #mappedBytes = 0;
  #protection: 'read' | 'readwrite';

  private constructor(
    backend: BackendName,
    name: string,
    object: MemoryObject,
    hugePages: boolean,
    firstBytes = Number.POSITIVE_INFINITY,
  ) {
    this.backend = backend;
    this.name = name;
    this.readOnly = object.readOnly;
    this.#object = object;
    this.#hugePages = hugePages;
    this.#firstBytes = firstBytes;
    this.#protection = object.readOnly ? 'read' : 'readwrite';
    try {
      this.#map(this.#wantedBytes());
    } catch (error) {
      object.close();
      throw error;
    }
  }

  /**
   * Makes a segment of zeroed, reserved memory.
   *
   * @param initialise runs on the still nameless memory; the finished segment is published after it, atomically. When
   *   it throws, nothing was made.
   * @throws ERR_SEGMENT_EXISTS the name is taken, also when it was lost in a race after `initialise` ran
   * @throws ERR_SEGMENT_NO_SPACE · ERR_SEGMENT_TOO_LARGE · ERR_PERMISSION · ERR_ARGUMENT · ERR_BACKEND_UNSUPPORTED
   */
  static create(options: SegmentOptions, initialise?: (segment: Segment) => void): Segment {
    checkCreateOptions(options);
    const name = checkName(options.name);
    const backendName = options.backend ?? DEFAULT_BACKEND;
    if (backendName === 'auto') {
      return firstSupported(ANY_BACKEND, (backend) => Segment.create({ ...options, backend }, initialise));
    }
    const backend = backendOf(backendName);
    const hugePages = checkFlag('hugePages', options.hugePages);
    if (checkFlag('readOnly', options.readOnly)) {
      throw new ShmTableError('ERR_ARGUMENT', `Segment "${name}" cannot be created read-only: it would stay empty.`);
    }
    const object = backend.create({
      name,
      path: checkPlace(backendName, options.path),
      size: checkSize(options.size),
      hugePages,
      removeOnLastDetach: checkRemoval(backendName, options.removeOnLastDetach),
    });
    const segment = new Segment(backendName, name, object, hugePages);
    let mayHaveName = false;
    try {
      initialise?.(segment);
      const mapping = segment.#open();
      mayHaveName = true;
      if (object.publish(mapping)) return segment;
    } catch (error) {
      if (mayHaveName) unlinkIfPossible(object);
      segment.close();
      throw error;
    }
    segment.close();
    throw new ShmTableError('ERR_SEGMENT_EXISTS', `There is a segment "${name}" of backend ${backendName} already.`);
  }

  /**
   * Opens a published segment and maps all of it, or its `firstBytes`. One that somebody else could change is refused.
   *
   * @throws ERR_SEGMENT_NOT_FOUND no such name, or what has the name is no segment
   * @throws ERR_PERMISSION · ERR_SEGMENT_TOO_LARGE · ERR_ARGUMENT · ERR_BACKEND_UNSUPPORTED
   */
  static open(options: SegmentOpenOptions): Segment {
    checkOpenOptions(options);
    const backend = options.backend ?? DEFAULT_BACKEND;
    if (backend === 'auto') return firstFound(ANY_BACKEND, (found) => Segment.open({ ...options, backend: found }));
    const hugePages = checkFlag('hugePages', options.hugePages);
    const object = openObject(backend, options);
    return new Segment(backend, checkName(options.name), object, hugePages, options.firstBytes);
  }

  /**
   * The identity of the segment that `open` would open now, without mapping it. Who has a segment of this identity open
   * has the same one.
   *
   * @throws what `open` throws
   */
  static identify(options: SegmentOpenOptions): string {
    checkOpenOptions(options);
    const backend = options.backend ?? DEFAULT_BACKEND;
    if (backend === 'auto') return firstFound(ANY_BACKEND, (found) => Segment.identify({ ...options, backend: found }));
    const object = openObject(backend, options);
    try {
      return object.identity;
    } finally {
      object.close();
    }
  }

  /**
   * Every segment that this process can see, of all backends: O(processes). A file is seen while a process has it open;
   * given its `path`, that file alone is looked at, open or not. `foreign` adds the anonymous ones that other processes of
   * this user have, which cannot be opened here.
   */
  static list(options: { path?: string | undefined; foreign?: boolean } = {}): SegmentInfo[] {
    checkOptions(options, ['path', 'foreign']);
    const { path, foreign = false } = options;
    if (path !== undefined) return describeFile(checkPath(path));
    return Object.values(BACKENDS).flatMap((backend) => backend?.list(foreign) ?? []);
  }

  /**
   * The segment's memory. When another process has grown the segment this maps it anew: the buffer of before is
   * detached and its views have no elements any more.
   *
   * @throws ERR_SEGMENT_NOT_FOUND once closed
   */
  get buffer(): ArrayBuffer {
    return this.#follow().buffer;
  }

  /** Bytes of the segment, and of `buffer`, which it brings up to date. */
  get size(): number {
    this.#follow();
    return this.#mappedBytes;
  }

  /** Tells the segment from all others, under whatever name each was opened, for as long as this one is open. */
  get identity(): string {
    this.#open();
    return this.#object.identity;
  }

  /**
   * Forbids or allows writing through this segment's mapping. A write to memory protected for reading kills the
   * process, from JavaScript too.
   *
   * @throws ERR_READ_ONLY for `readwrite` on a segment opened read-only
   */
  protect(mode: 'read' | 'readwrite'): void {
    const mapping = this.#open();
    if (mode !== 'read' && mode !== 'readwrite') {
      throw new ShmTableError('ERR_ARGUMENT', `protect takes 'read' or 'readwrite', not ${String(mode)}.`);
    }
    if (mode === 'readwrite') this.#checkWritable('be made writable');
    checked(mapping.protect(mode === 'read'), () => `protect segment "${this.name}"`);
    this.#protection = mode;
  }

  /**
   * Makes the segment larger, its data unchanged and the new bytes zero and reserved. Detaches the buffer of before;
   * other processes follow when they next read `buffer` or `size`. Growing to the present size changes nothing.
   *
   * @throws ERR_ARGUMENT for a size below the present one · ERR_SEGMENT_NO_SPACE · ERR_SEGMENT_TOO_LARGE
   * @throws ERR_READ_ONLY on a segment opened read-only
   */
  grow(size: number): void {
    this.#follow();
    this.#checkWritable('grow');
    checkSize(size);
    if (size < this.#mappedBytes) {
      throw new ShmTableError(
        'ERR_ARGUMENT',
        `Segment "${this.name}" has ${this.#mappedBytes} bytes and cannot shrink to ${size}.`,
      );
    }
    this.#object.reserve(size);
    this.#follow();
  }

  /** Writes changed pages to the file behind the memory, if there is one. */
  sync(): void {
    checked(this.#open().sync(), () => `sync segment "${this.name}"`);
  }

  /**
   * Gives the memory back and closes the descriptors. A view that is still around reads zeros from then on, and what
   * is written through it reaches nobody. Twice is harmless.
   */
  close(): void {
    this.#mapping?.close();
    this.#mapping = undefined;
    this.#object.close();
  }

  /**
   * Removes the name if it still names this very object; nothing that was made under the name meanwhile is touched.
   * Whoever has the segment open keeps its memory.
   *
   * @returns whether this call removed it
   * @throws ERR_READ_ONLY on a segment opened read-only · ERR_PERMISSION
   */
  unlink(): boolean {
    this.#open();
    this.#checkWritable('be unlinked');
    return this.#object.unlink();
  }

  /** Opens locks on the segment's bytes that belong to nobody else: see `ByteLocks`. Close them yourself. */
  openByteLocks(): ByteLocks {
    this.#open();
    return this.#object.openByteLocks();
  }

  #open(): Mapping {
    if (this.#mapping !== undefined) return this.#mapping;
    throw new ShmTableError('ERR_SEGMENT_NOT_FOUND', `Segment "${this.name}" is closed.`);
  }

  #checkWritable(verb: string): void {
    if (this.readOnly) {
      throw new ShmTableError('ERR_READ_ONLY', `Segment "${this.name}" cannot ${verb}: it was opened read-only.`);
    }
  }

  /** The mapping of all bytes that the object now has. */
  #follow(): Mapping {
    const mapping = this.#open();
    const size = this.#wantedBytes();
    return size === this.#mappedBytes ? mapping : this.#map(size);
  }

  /** Bytes that are to be mapped: all that the object now has, or the first. */
  #wantedBytes(): number {
    return Math.min(this.#object.size(), this.#firstBytes);
  }

  /** Maps the object anew; what was mapped before stays until the new mapping is complete. */
  #map(size: number): Mapping {
    checkMappable(size, `Segment "${this.name}"`);
    const mapping = this.#object.map(size);
    if (!this.readOnly && this.#protection === 'read') {
      checked(mapping.protect(true), () => `protect segment "${this.name}"`);
    }
    if (this.#hugePages && !this.#object.hasHugePages) useHugePages(mapping, size, `segment "${this.name}"`);
    this.#mapping?.detach();
    this.#mapping = mapping;
    this.#mappedBytes = size;
    return mapping;
  }
}

/** After a publication that failed half-way, so that nothing stays under the name; the error that is thrown is the first. */
function unlinkIfPossible(object: MemoryObject): void {
  try {
    object.unlink();
  } catch {
    // What could be done was done.
  }
}
