import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ShmTableError } from '../errors.js';

/**
 * The interface of the native addon, implemented in `native/*.cc`. Functions that can fail return 0 or more on success
 * and a negative errno on failure. They check arguments only as far as necessary to keep the process from crashing.
 */
interface NativeAddon {
  readonly Descriptor: new () => Descriptor;
  readonly Mapping: new () => Mapping;
  readonly WordWatch: new () => NativeWordWatch;
  readonly ProcessEnds: new () => NativeProcessEnds;
  /** 0 woken or interrupted, 1 the word differs, 2 timed out. */
  futexWait(words: Int32Array, index: number, expected: number, timeoutMs: number): number;
  futexWake(words: Int32Array, index: number, count: number): number;
  /** Clocks, in milliseconds with their fraction: see `native/clock.cc`. */
  bootTimeMs(): number;
  monotonicMs(): number;
  wallTimeMs(): number;
  /** The wall clock minus the boot clock. */
  wallOffsetMs(): number;
  /** False in a time namespace whose offset cannot be determined. */
  readonly bootTimeIsKnown: boolean;
  /** Creates a System V segment for its owner only; returns its id. */
  shmCreate(key: number, size: number, hugePages: boolean): number;
  /** Returns the id of the System V segment with this key. */
  shmFind(key: number): number;
  /** Returns the kernel's information about a System V segment. */
  shmStatus(id: number): ShmStatus | number;
  shmRemove(id: number): number;
}

export interface ShmStatus {
  readonly key: number;
  readonly uid: number;
  /** User id of its creator, who may still remove it or change its permissions. */
  readonly makerUid: number;
  readonly mode: number;
  /** Marked for removal: removed with its last attachment. */
  readonly removed: boolean;
  readonly bytes: number;
  /** Process id of its creator. */
  readonly creator: number;
  /** Epoch seconds. */
  readonly createdAt: number;
  /** Epoch seconds, 0 never. */
  readonly attachedAt: number;
  readonly attached: number;
}

/** A private open file description: see `native/descriptor.h`. */
export interface Descriptor {
  open(path: string, flags: number, mode: number): number;
  /** Opens the object of descriptor `number` of this process as a new description. */
  reopen(number: number, flags: number): number;
  openMemory(name: string, hugePages: boolean): number;
  openPublished(name: string): number;
  publishMemory(name: string): number;
  withdrawMemory(): number;
  link(path: string): number;
  /** Removes the name if it still refers to this file, and the System V segment that the file represents. */
  unlinkName(path: string, segment?: number): number;
  /** Gives an empty memory object huge pages up to this size, as far as available; `reserve` does the rest. */
  makeHugePages(size: number): void;
  reserve(size: number): number;
  size(): number;
  chmod(mode: number): number;
  tryLock(byte: number): number;
  unlock(byte: number): number;
  isLocked(byte: number): number;
  /**
   * When it is closed, in any way but the end of the process: advances this word and the next, and wakes the sleepers
   * on the next.
   */
  announceEnd(words: Int32Array, index: number): number;
  close(): void;
  /** -1 when closed. */
  readonly number: number;
}

/** Mapped pages and their ArrayBuffer: see `native/mapping.h`. */
export interface Mapping {
  map(descriptor: number, size: number, readOnly: boolean, offset?: number): number;
  /** Maps the same bytes of the same object through another descriptor, replacing the current mapping. */
  replace(descriptor: number, offset: number): number;
  /**
   * Attaches a System V segment of exactly this size with pages of `pageBytes`, 0 for ordinary ones. The buffer
   * contains its first `shown` bytes.
   */
  attach(id: number, size: number, readOnly: boolean, pageBytes: number, shown: number): number;
  readonly buffer: ArrayBuffer;
  protect(readOnly: boolean): number;
  sync(): number;
  /** Allocates all pages. Only before any other process maps them. */
  populate(): number;
  useHugePages(): number;
  /** Releases the pages; views of the buffer keep their length and read zeros. */
  close(): void;
  /** Releases the pages; views of the buffer lose their elements. Slows the isolate on Node 20: see `mapping.cc`. */
  detach(): void;
}

/** A thread that sleeps until a word changes: see `native/word_watch.h`. */
interface NativeWordWatch {
  start(
    words: Int32Array,
    word: number,
    sleepers: number,
    seen: number,
    timeoutMs: number,
    callback: () => void,
  ): number;
  acknowledge(): void;
  stop(): void;
}

/** A thread that sleeps until a process ends: see `native/process_ends.h`. */
interface NativeProcessEnds {
  start(callback: () => void): number;
  add(pid: number): number;
  remove(number: number): number;
  stop(): void;
}

/** The folder with this package's `package.json`, which differs for `src`, `dist/src` and `node_modules`. */
function packageRoot(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) {
      const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name?: unknown };
      if (name === 'shmtable') return folder;
    }
    if (folder === dirname(folder)) {
      throw new ShmTableError('ERR_ADDON_MISSING', `no package.json of shmtable in ${start} or above it`);
    }
  }
}

/** @throws {ShmTableError} ERR_ADDON_MISSING when there is no addon for this platform, or it cannot be loaded */
function loadAddon(): NativeAddon {
  const root = packageRoot();
  const platform = `${process.platform}-${process.arch}`;
  const candidates = [
    join(root, 'prebuilds', platform, 'shmtable.node'),
    join(root, 'native', 'build', 'Release', 'shmtable.node'),
  ];
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined) {
    throw new ShmTableError(
      'ERR_ADDON_MISSING',
      `the native addon of shmtable is missing for ${platform} (looked for ${candidates.join(' and ')}): build it with ` +
        `"npm run build:native" in ${root}`,
    );
  }
  try {
    return createRequire(import.meta.url)(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    throw new ShmTableError('ERR_ADDON_MISSING', `the native addon ${path} cannot be loaded: ${why}`, { cause: error });
  }
}

export const native = loadAddon();
