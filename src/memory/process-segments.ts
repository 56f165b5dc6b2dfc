/** What all copies of this package in a thread share: the segments of the backend `process`, and who waits in them. */

/** A segment in the memory of this process. */
export interface ProcessSegment {
  name: string;
  readonly buffer: ArrayBuffer;
  readonly identity: string;
  /** The holders of its locked bytes. */
  readonly locks: Map<number, object>;
  /** Open handles. */
  handles: number;
}

/** Somebody who waits for a word. */
interface Watch {
  /** Where the word is in its buffer, in bytes. */
  readonly address: number;
  wake(): boolean;
}

interface ProcessMemory {
  /** Published segments by name. */
  readonly segments: Map<string, ProcessSegment>;
  readonly watches: WeakMap<ArrayBufferLike, Set<Watch>>;
  /** Segments that were ever created. */
  created: number;
}

/**
 * A bundler may put this package into several bundles of one program, and a reload of a module may load it again: all
 * of them find the same segments, as processes find those in shared memory. The number is that of the form of the
 * object; what is in the segments has versions of its own.
 */
const KEY = Symbol.for('shmtable.process-memory.1');

interface Place {
  [KEY]?: ProcessMemory;
}

/** The place in a program that has frozen its globals, which no other copy finds. */
const ownPlace: Place = {};

export function processMemory(): ProcessMemory {
  const place = Object.isExtensible(globalThis) ? (globalThis as Place) : ownPlace;
  place[KEY] ??= { segments: new Map(), watches: new WeakMap(), created: 0 };
  return place[KEY];
}
