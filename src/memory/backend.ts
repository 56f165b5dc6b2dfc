import type { ByteLocks } from './byte-locks.js';
import type { Mapping } from './native.js';

/** Where a segment's memory comes from. `auto` is a choice between them, never a backend of its own. */
export const BACKEND_NAMES = ['posix', 'anonymous', 'sysv', 'file', 'devzero', 'auto'] as const;

export type BackendName = (typeof BACKEND_NAMES)[number];

export const DEFAULT_BACKEND = 'posix';

/** A line of `Segment.list()`. */
export interface SegmentInfo {
  name: string;
  backend: BackendName;
  /** The owner's user name, or the user id as a string when the system knows no name for it. */
  owner: string;
  /** Permission bits, 0o600 as a rule. */
  mode: number;
  bytes: number;
  /**
   * Processes that map it, as far as `/proc` shows them: those of this user. For System V the kernel's own number of
   * attachments, which counts each handle.
   */
  attached: number;
  /** Where the system has it: a path, or for System V the key, as `ipcs -m` writes it. */
  location: string;
}

/** One object of a backend as this process has it open: what a `Segment` stands on. */
export interface MemoryObject {
  readonly readOnly: boolean;
  /** Whether the object consists of huge pages from the start, so that there is nothing to ask the kernel for. */
  readonly hasHugePages: boolean;
  /** Tells the object from all others, under whatever name it was opened, for as long as somebody has it open. */
  readonly identity: string;
  /** Bytes now, by the kernel's word: another process may have grown the object. */
  size(): number;
  /** Maps the first `size` bytes. */
  map(size: number): Mapping;
  /** Reserves the object's bytes up to `size`; never shrinks it. `ERR_BACKEND_UNSUPPORTED` for what cannot grow. */
  reserve(size: number): void;
  /**
   * Gives a finished object its name, at once or not at all: false when the name is taken.
   *
   * @param mapping where its maker has it
   */
  publish(mapping: Mapping): boolean;
  /** Removes the name if it still names this object: whether this call removed it. */
  unlink(): boolean;
  openByteLocks(): ByteLocks;
  close(): void;
}

/** Which object, for backends that need more than a name. */
export interface ObjectPlace {
  readonly name: string;
  /** Absolute; given exactly for `file`. */
  readonly path: string | undefined;
}

export interface CreateRequest extends ObjectPlace {
  readonly size: number;
  readonly hugePages: boolean;
  /** System V: gone with its last attachment, however that ends. */
  readonly removeOnLastDetach: boolean;
}

export interface OpenRequest extends ObjectPlace {
  readonly readOnly: boolean;
  /** No more of its beginning is going to be mapped. */
  readonly firstBytes: number | undefined;
}

/** A kind of memory: how its objects are made, found and listed. */
export interface Backend {
  /** A new, nameless object with `size` zeroed and reserved bytes. Throws when the name is plainly taken. */
  create(request: CreateRequest): MemoryObject;
  /** Opens a finished object that nobody but its owner can change: `ERR_PERMISSION`. See `ownership.ts`. */
  open(request: OpenRequest): MemoryObject;
  /** @param foreign also those that other processes of this user have and that this one cannot open */
  list(foreign: boolean): SegmentInfo[];
}
