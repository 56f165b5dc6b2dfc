import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ShmTableError } from '../errors.js';

/**
 * The native addon's face, as `native/*.cc` gives it. Numbers that can fail are 0 or more when the call worked and
 * minus an errno when not. Nothing here checks arguments beyond what keeps the process alive.
 */
interface NativeAddon {
  readonly Descriptor: new () => Descriptor;
  readonly Mapping: new () => Mapping;
  readonly WordWatch: new () => NativeWordWatch;
  /** 0 woken or interrupted, 1 the word differs, 2 timed out. */
  futexWait(words: Int32Array, index: number, expected: number, timeoutMs: number): number;
  futexWake(words: Int32Array, index: number, count: number): number;
  /** Clocks, in milliseconds with their fraction: see `native/clock.cc`. */
  bootTimeMs(): number;
  monotonicMs(): number;
  wallTimeMs(): number;
  /** The wall clock minus the boot clock. */
  wallOffsetMs(): number;
  /** False in a time namespace whose offset cannot be told. */
  readonly bootTimeIsKnown: boolean;
  /** A new System V segment for its owner alone: its id. */
  shmCreate(key: number, size: number, hugePages: boolean): number;
  /** The id of the System V segment that has this key. */
  shmFind(key: number): number;
  /** What the system knows of a System V segment. */
  shmStatus(id: number): ShmStatus | number;
  shmRemove(id: number): number;
}

export interface ShmStatus {
  readonly key: number;
  readonly uid: number;
  /** Who made it, and may still remove it or change its rights. */
  readonly makerUid: number;
  readonly mode: number;
  /** Marked for removal: goes with its last attachment. */
  readonly removed: boolean;
  readonly bytes: number;
  /** Process id of who made it. */
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
  /** Opens what descriptor `number` of this process names, as a new description. */
  reopen(number: number, flags: number): number;
  openMemory(name: string, hugePages: boolean): number;
  openPublished(name: string): number;
  publishMemory(name: string): number;
  withdrawMemory(): number;
  link(path: string): number;
  /** Removes the name if it still names this file, and with it the System V segment that it stands for. */
  unlinkName(path: string, segment?: number): number;
  /** Makes an empty memory object of this size of huge pages, as far as there are any; `reserve` does the rest. */
  makeHugePages(size: number): void;
  reserve(size: number): number;
  size(): number;
  chmod(mode: number): number;
  tryLock(byte: number): number;
  unlock(byte: number): number;
  isLocked(byte: number): number;
  close(): void;
  /** -1 when closed. */
  readonly number: number;
}

/** Mapped pages and the ArrayBuffer that shows them: see `native/mapping.h`. */
export interface Mapping {
  map(descriptor: number, size: number, readOnly: boolean, offset?: number): number;
  /** Maps the same bytes of the same object by another descriptor, in the place of what is there. */
  replace(descriptor: number, offset: number): number;
  /**
   * Attaches a System V segment of exactly this size, made of pages of `pageBytes`, 0 for ordinary ones. The buffer has
   * its first `shown` bytes.
   */
  attach(id: number, size: number, readOnly: boolean, pageBytes: number, shown: number): number;
  readonly buffer: ArrayBuffer;
  protect(readOnly: boolean): number;
  sync(): number;
  /** Takes all pages from the system. Only before anybody else maps them. */
  populate(): number;
  useHugePages(): number;
  /** Gives the pages back; views of the buffer keep their length and read zeros. */
  close(): void;
  /** Gives the pages back; views of the buffer lose their elements. Slows the isolate on Node 20: see `mapping.cc`. */
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

/** The folder with this package's `package.json`: sources run from `src`, `dist/src` and `node_modules`. */
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

/** Throws `ERR_ADDON_MISSING`: there is none for this platform, or the one that there is cannot be loaded. */
function loadAddon(): NativeAddon {
  const root = packageRoot();
  const platform = `${process.platform}-${process.arch}`;
  const candidates = [
    join(root, 'prebuilds', platform, 'shmtable.node'),
    join(root, 'build', 'Release', 'shmtable.node'),
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
