import type { ByteLocks } from './byte-locks.js';
import type { MappedMemory } from './platform.js';
import { platform } from './this-platform.js';

/** The kinds of memory of a segment. `auto` chooses between them and is not itself a backend. */
export const BACKEND_NAMES = ['posix', 'anonymous', 'sysv', 'file', 'devzero', 'process', 'auto'] as const;

export type BackendName = (typeof BACKEND_NAMES)[number];

/** Whether processes can share memory here. If not, there is only the backend `process`. */
export const SHARES_MEMORY = platform.isShared;

/** `posix` wherever there is shared memory. */
export const DEFAULT_BACKEND = SHARES_MEMORY ? 'posix' : 'process';

/** For memory that is to end with the processes that use it. */
export const TRANSIENT_BACKEND = SHARES_MEMORY ? 'anonymous' : 'process';

/** Where a segment is. */
export interface SegmentLocation {
  name: string;
  backend: BackendName;
  /** Location: a path, or for System V the key, as `ipcs -m` prints it. */
  location: string;
}

/** An entry of `Segment.list()`. */
export interface SegmentInfo extends SegmentLocation {
  /** The owner's user name, or the user id as a string when the system knows no name for it. */
  owner: string;
  /** Permission bits, usually 0o600. */
  mode: number;
  bytes: number;
  /**
   * Number of processes of this user that map it, from `/proc`. For System V, the kernel's number of attachments, which
   * counts each handle.
   */
  attached: number;
}

/** A backend's object that this process has open; a `Segment` is based on one. */
export interface MemoryObject {
  readonly readOnly: boolean;
  /** Whether the object consists of huge pages from the start, so that there is nothing to ask the kernel for. */
  readonly hasHugePages: boolean;
  /** Identifies the object, whatever its name, as long as any process has it open. */
  readonly identity: string;
  /** Current size in bytes, from the kernel, because another process may have grown the object. */
  size(): number;
  /** Maps the first `size` bytes. */
  map(size: number): MappedMemory;
  /**
   * Reserves the object's bytes up to `size`; never shrinks it.
   *
   * @throws {ShmTableError} ERR_BACKEND_UNSUPPORTED when the object cannot grow
   */
  reserve(size: number): void;
  /**
   * Gives a complete object its name atomically; returns false when the name is taken.
   *
   * @param mapping the creator's mapping
   */
  publish(mapping: MappedMemory): boolean;
  /** Removes the name if it still refers to this object; returns whether this call removed it. */
  unlink(): boolean;
  openByteLocks(): ByteLocks;
  close(): void;
}

/** Identifies an object, for backends that need more than a name. */
export interface ObjectPlace {
  readonly name: string;
  /** Absolute path; only for `file`, and required there. */
  readonly path: string | undefined;
}

export interface CreateRequest extends ObjectPlace {
  readonly size: number;
  readonly hugePages: boolean;
  /** For System V: whether the kernel removes it with its last attachment. */
  readonly removeOnLastDetach: boolean;
}

export interface OpenRequest extends ObjectPlace {
  readonly readOnly: boolean;
  /** Only this many bytes of its beginning will be mapped. */
  readonly firstBytes: number | undefined;
}

/** A kind of memory: how its objects are created, found and listed. */
export interface Backend {
  /** Creates a nameless object with `size` zeroed and reserved bytes. Throws when the name is already taken. */
  create(request: CreateRequest): MemoryObject;
  /**
   * Opens a complete object.
   *
   * @throws {ShmTableError} ERR_PERMISSION when anyone but its owner could change it: see `ownership.ts`
   */
  open(request: OpenRequest): MemoryObject;
  /**
   * Gives the object at `from` the place of the one at `to`, atomically; false when there is none at `from`. Backends
   * without it cannot exchange what a name refers to.
   */
  readonly move?: (from: ObjectPlace, to: ObjectPlace) => boolean;
  /** @param foreign whether to include objects of other processes of this user that this process cannot open */
  list(foreign: boolean): SegmentInfo[];
  /**
   * Where its objects are, some at each step. A step is short: it inspects one process, or a few hundred descriptors of
   * this one, or files of a folder.
   */
  search(): Iterable<SegmentLocation[]>;
  /** The same; only of backends that need not read the memory maps of all processes for it. O(segments). */
  readonly find?: () => Iterable<SegmentLocation[]>;
}
