import type { ByteLocks } from './byte-locks.js';
import type { Mapping } from './native.js';

/** Where a segment's memory comes from. `auto` is a choice for the caller's side, never a backend of its own. */
export type BackendName = 'posix' | 'anonymous' | 'sysv' | 'file' | 'devzero' | 'auto';

/** A line of `Segment.list()`. */
export interface SegmentInfo {
  name: string;
  backend: BackendName;
  /** The owner's user name, or the user id as a string when the system knows no name for it. */
  owner: string;
  /** Permission bits, 0o600 as a rule. */
  mode: number;
  bytes: number;
  /** Processes that map it, as far as `/proc` shows them: those of this user. */
  attached: number;
}

/** One object of a backend as this process has it open: what a `Segment` stands on. */
export interface MemoryObject {
  readonly readOnly: boolean;
  /** Bytes now, by the kernel's word: another process may have grown the object. */
  size(): number;
  /** Maps the first `size` bytes. */
  map(size: number): Mapping;
  /** Reserves the object's bytes up to `size`; never shrinks it. */
  reserve(size: number): void;
  /** Gives a finished object its name, at once or not at all: false when the name is taken. */
  publish(): boolean;
  /** Removes the name if it still names this object: whether this call removed it. */
  unlink(): boolean;
  openByteLocks(): ByteLocks;
  close(): void;
}

/** A kind of memory: how its objects are made, found and listed. */
export interface Backend {
  /** A new, nameless object with `size` zeroed and reserved bytes. Throws when the name is plainly taken. */
  create(name: string, size: number): MemoryObject;
  open(name: string, readOnly: boolean): MemoryObject;
  list(): SegmentInfo[];
}
