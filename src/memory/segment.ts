import { ShmTableError, show } from '../errors.js';
import { anonymous } from './anonymous.js';
import {
  type Backend,
  type BackendName,
  DEFAULT_BACKEND,
  type MemoryObject,
  type SegmentInfo,
  type SegmentLocation,
  SHARES_MEMORY,
} from './backend.js';
import { ANY_BACKEND, firstFound, firstSupported } from './backend-choice.js';
import type { ByteLocks } from './byte-locks.js';
import { devzero } from './devzero.js';
import { describeFile, file } from './file.js';
import { useHugePages } from './huge-pages.js';
import { checkOptions } from './known-options.js';
import type { MappedMemory } from './platform.js';
import { posix } from './posix.js';
import { processBackend } from './process-memory.js';
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
  type SegmentPlace,
} from './segment-options.js';
import { checked } from './system-error.js';
import { sysv } from './sysv.js';

const ALL_BACKENDS: Readonly<Record<Exclude<BackendName, 'auto'>, Backend>> = {
  posix,
  anonymous,
  sysv,
  file,
  devzero,
  process: processBackend,
};

/** Those that this platform has: without shared memory, that of the process. */
const BACKENDS: Readonly<Partial<Record<string, Backend>>> = SHARES_MEMORY ? ALL_BACKENDS : { process: processBackend };

function backendOf(name: BackendName): Backend {
  const backend = Object.hasOwn(BACKENDS, name) ? BACKENDS[name] : undefined;
  if (backend !== undefined) return backend;
  if (Object.hasOwn(ALL_BACKENDS, name)) throw noSharedMemory(name);
  throw new ShmTableError(
    'ERR_BACKEND_UNSUPPORTED',
    `the backend must be one of ${Object.keys(BACKENDS).join(', ')}, got ${show(name)}`,
  );
}

function noSharedMemory(backend: BackendName): ShmTableError {
  const why = process.platform === 'linux' ? 'SHMTABLE_ADDON is none' : `this is ${process.platform}`;
  return new ShmTableError(
    'ERR_BACKEND_UNSUPPORTED',
    `the backend must be process or auto here, got ${backend}: shared memory needs the native addon, which is for Linux ` +
      `(${why}); with the backend process, tables are private to the process`,
  );
}

function describePlace(path: string): SegmentInfo[] {
  if (!SHARES_MEMORY) throw noSharedMemory('file');
  return describeFile(path);
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
 * Byte locks keep their segment from being collected. When a thread ends, Node frees the memory of collected segments
 * first, even if views of it remain, and the end of the locks is announced in that memory.
 */
const segmentOf = new WeakMap<ByteLocks, Segment>();

/**
 * A named range of memory that several processes share.
 *
 * A segment is published when it is complete: every process that opens it sees its full size and everything that
 * `initialise` wrote. All of its bytes are reserved, so no access fails for lack of memory. A handle is released by
 * `close`, by garbage collection or at the end of its worker thread. The memory is freed when the name has been removed
 * and no process has the segment open.
 */
export class Segment {
  readonly backend: BackendName;
  readonly name: string;
  /** Whether the segment was opened, and so is mapped, read-only. */
  readonly readOnly: boolean;
  readonly #object: MemoryObject;
  readonly #hugePages: boolean;
  readonly #firstBytes: number;
  #mapping: MappedMemory | undefined;
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
   * Creates a segment of zeroed, reserved memory. O(bytes).
   *
   * @param initialise runs while the memory has no name; the complete segment is then published atomically. If it
   *   throws, nothing is created.
   * @throws {ShmTableError} ERR_SEGMENT_EXISTS when the name is taken, even if only after `initialise` has run
   * @throws {ShmTableError} ERR_SEGMENT_NO_SPACE when there is not enough memory or disk space
   * @throws {ShmTableError} ERR_SEGMENT_TOO_LARGE when this Node cannot map so many bytes
   * @throws {ShmTableError} ERR_PERMISSION when this user may not create it
   * @throws {ShmTableError} ERR_ARGUMENT when an option is invalid
   * @throws {ShmTableError} ERR_BACKEND_UNSUPPORTED when the host does not support the backend
   */
  static create(options: SegmentOptions, initialise?: (segment: Segment) => void): Segment {
    checkCreateOptions(options);
    if (options.backend === 'auto') {
      return firstSupported(ANY_BACKEND, (backend) => Segment.create({ ...options, backend }, initialise));
    }
    const segment = Segment.createNameless(options);
    try {
      initialise?.(segment);
      segment.publish();
      return segment;
    } catch (error) {
      segment.close();
      throw error;
    }
  }

  /**
   * Creates a segment of zeroed, reserved memory that nobody else can open before `publish`. Nothing of it remains if
   * it is closed before that, or if the process ends. O(bytes).
   *
   * @throws {ShmTableError} the errors of `create`; ERR_SEGMENT_EXISTS when the name is taken already
   */
  static createNameless(options: SegmentOptions): Segment {
    checkCreateOptions(options);
    const name = checkName(options.name);
    const backendName = options.backend ?? DEFAULT_BACKEND;
    if (backendName === 'auto') {
      return firstSupported(ANY_BACKEND, (backend) => Segment.createNameless({ ...options, backend }));
    }
    const backend = backendOf(backendName);
    const hugePages = checkFlag('hugePages', options.hugePages);
    if (checkFlag('readOnly', options.readOnly)) {
      throw new ShmTableError('ERR_ARGUMENT', `segment "${name}" cannot be created read-only: it would stay empty`);
    }
    const object = backend.create({
      name,
      path: checkPlace(backendName, options.path),
      size: checkSize(options.size),
      hugePages,
      removeOnLastDetach: checkRemoval(backendName, options.removeOnLastDetach),
    });
    return new Segment(backendName, name, object, hugePages);
  }

  /**
   * Gives a segment of `createNameless` its name, atomically.
   *
   * @throws {ShmTableError} ERR_SEGMENT_EXISTS when the name has been taken meanwhile
   * @throws {ShmTableError} ERR_SEGMENT_NOT_FOUND when the segment is closed
   * @throws {ShmTableError} ERR_BACKEND_UNSUPPORTED when the host cannot name the memory
   */
  publish(): void {
    const mapping = this.#open();
    try {
      if (this.#object.publish(mapping)) return;
    } catch (error) {
      unlinkIfPossible(this.#object);
      throw error;
    }
    throw new ShmTableError('ERR_SEGMENT_EXISTS', `${this.backend} segment "${this.name}" already exists`);
  }

  /**
   * Opens a published segment and maps all of it, or its `firstBytes`.
   *
   * @throws {ShmTableError} ERR_SEGMENT_NOT_FOUND when the name does not exist or is not that of a segment
   * @throws {ShmTableError} ERR_PERMISSION when this user may not open it, or another user could change it
   * @throws {ShmTableError} ERR_SEGMENT_TOO_LARGE when this Node cannot map so many bytes
   * @throws {ShmTableError} ERR_ARGUMENT when an option is invalid
   * @throws {ShmTableError} ERR_BACKEND_UNSUPPORTED when the host does not support the backend
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
   * Returns the identity of the segment that `open` would open, without mapping it. An open segment with the same
   * identity is the same one.
   *
   * @throws {ShmTableError} the errors of `open`
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

  /** Whether segments of this backend can be exchanged under their name: see `move`. */
  static canMove(backend: BackendName): boolean {
    return backendOf(backend).move !== undefined;
  }

  /**
   * Gives the segment at `from` the name of the one at `to`, atomically: whoever opens that name gets either the one or
   * the other. Processes that have the other one open keep it. Returns false when there is no segment at `from`.
   *
   * @throws {ShmTableError} ERR_BACKEND_UNSUPPORTED when segments of this backend cannot be exchanged
   * @throws {ShmTableError} ERR_PERMISSION when this user may not do so
   * @throws {ShmTableError} ERR_ARGUMENT when a name or path is invalid
   */
  static move(backend: BackendName, from: SegmentPlace, to: SegmentPlace): boolean {
    const { move } = backendOf(backend);
    if (move === undefined) {
      throw new ShmTableError('ERR_BACKEND_UNSUPPORTED', `${backend} segments cannot be exchanged under their name`);
    }
    const placeOf = ({ name, path }: SegmentPlace) => ({ name: checkName(name), path: checkPlace(backend, path) });
    return move(placeOf(from), placeOf(to));
  }

  /**
   * Lists the segments of all backends that this process can see. O(processes). A file segment is listed while a
   * process has it open; with `path`, only that file is examined, open or not. `foreign` adds the anonymous segments of
   * other processes of this user, which this process cannot open.
   */
  static list(options: { path?: string | undefined; foreign?: boolean } = {}): SegmentInfo[] {
    checkOptions(options, ['path', 'foreign']);
    const { path, foreign = false } = options;
    if (path !== undefined) return describePlace(checkPath(path));
    return Object.values(BACKENDS).flatMap((backend) => backend?.list(foreign) ?? []);
  }

  /**
   * Finds all segments that `list` finds, except by path: some at each step, so that the caller can do other work in
   * between. A step inspects one process, or some segments. O(processes, segments and descriptors of this process).
   */
  static *search(): Generator<SegmentLocation[]> {
    for (const backend of Object.values(BACKENDS)) {
      if (backend !== undefined) yield* backend.search();
    }
  }

  /**
   * Finds the segments for which the memory maps of all processes need not be read: all but those in files and in
   * anonymous memory. Some at each step, like `search`. O(segments).
   */
  static *find(): Generator<SegmentLocation[]> {
    for (const backend of Object.values(BACKENDS)) {
      if (backend?.find !== undefined) yield* backend.find();
    }
  }

  /**
   * The segment's memory. If another process has grown the segment, this maps it again: the previous buffer is
   * detached, and its views no longer have elements.
   *
   * @throws {ShmTableError} ERR_SEGMENT_NOT_FOUND when the segment is closed
   */
  get buffer(): ArrayBuffer {
    return this.#follow().buffer;
  }

  /** Size of the segment in bytes; also updates `buffer`. */
  get size(): number {
    this.#follow();
    return this.#mappedBytes;
  }

  /** Identifies the segment, whatever its name, as long as it is open. */
  get identity(): string {
    this.#open();
    return this.#object.identity;
  }

  /**
   * Forbids or allows writing through this mapping. A write to protected memory kills the process, even from
   * JavaScript.
   *
   * @throws {ShmTableError} ERR_READ_ONLY when `mode` is `readwrite` and the segment was opened read-only
   * @throws {ShmTableError} ERR_ARGUMENT when `mode` is anything else
   */
  protect(mode: 'read' | 'readwrite'): void {
    const mapping = this.#open();
    if (mode !== 'read' && mode !== 'readwrite') {
      throw new ShmTableError('ERR_ARGUMENT', `the mode of protect must be 'read' or 'readwrite', got ${show(mode)}`);
    }
    if (mode === 'readwrite') this.#checkWritable('be made writable');
    checked(mapping.protect(mode === 'read'), () => `protect segment "${this.name}"`);
    this.#protection = mode;
  }

  /**
   * Enlarges the segment; keeps its data and reserves and zeroes the new bytes. Detaches the previous buffer; other
   * processes map the new size when they next read `buffer` or `size`. Growing to the current size changes nothing.
   *
   * @throws {ShmTableError} ERR_ARGUMENT when `size` is less than the current size
   * @throws {ShmTableError} ERR_SEGMENT_NO_SPACE when there is not enough memory or disk space
   * @throws {ShmTableError} ERR_SEGMENT_TOO_LARGE when this Node cannot map so many bytes
   * @throws {ShmTableError} ERR_BACKEND_UNSUPPORTED when segments of this backend cannot grow
   * @throws {ShmTableError} ERR_READ_ONLY when the segment was opened read-only
   */
  grow(size: number): void {
    this.#follow();
    this.#checkWritable('grow');
    checkSize(size);
    if (size < this.#mappedBytes) {
      throw new ShmTableError(
        'ERR_ARGUMENT',
        `the size of segment "${this.name}" must be at least its current ${this.#mappedBytes} bytes, got ${size}`,
      );
    }
    this.#object.reserve(size);
    this.#follow();
  }

  /** Writes changed pages to the file, if the segment is in one. */
  sync(): void {
    checked(this.#open().sync(), () => `sync segment "${this.name}"`);
  }

  /**
   * Unmaps the memory and closes the descriptors. Remaining views read zeros from then on, and writes through them have
   * no effect on the segment. Closing twice is harmless.
   */
  close(): void {
    this.#mapping?.close();
    this.#mapping = undefined;
    this.#object.close();
  }

  /**
   * Removes the name if it still refers to this object; leaves a newer segment with the same name alone. Processes that
   * have the segment open keep its memory.
   *
   * @returns whether this call removed the name
   * @throws {ShmTableError} ERR_READ_ONLY when the segment was opened read-only
   * @throws {ShmTableError} ERR_PERMISSION when this user may not remove it
   */
  unlink(): boolean {
    this.#open();
    this.#checkWritable('be unlinked');
    return this.#object.unlink();
  }

  /** Opens byte locks that belong only to the returned object: see `ByteLocks`. The caller must close it. */
  openByteLocks(): ByteLocks {
    this.#open();
    const locks = this.#object.openByteLocks();
    segmentOf.set(locks, this);
    return locks;
  }

  #open(): MappedMemory {
    if (this.#mapping !== undefined) return this.#mapping;
    throw new ShmTableError('ERR_SEGMENT_NOT_FOUND', `segment "${this.name}" is closed`);
  }

  #checkWritable(verb: string): void {
    if (this.readOnly) {
      throw new ShmTableError('ERR_READ_ONLY', `segment "${this.name}" cannot ${verb}: it was opened read-only`);
    }
  }

  /** The mapping of all current bytes of the object. */
  #follow(): MappedMemory {
    const mapping = this.#open();
    const size = this.#wantedBytes();
    return size === this.#mappedBytes ? mapping : this.#map(size);
  }

  /** Number of bytes to map: all current bytes of the object, or the first. */
  #wantedBytes(): number {
    return Math.min(this.#object.size(), this.#firstBytes);
  }

  /** Maps the object again; the previous mapping stays until the new one is complete. */
  #map(size: number): MappedMemory {
    checkMappable(size, `segment "${this.name}"`);
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

/**
 * Cleans up after a publication failed midway, so that nothing stays under the name. Never throws: the first error
 * counts.
 */
function unlinkIfPossible(object: MemoryObject): void {
  try {
    object.unlink();
  } catch {
    // Nothing more can be done.
  }
}
