import { resolve } from 'node:path';
import { ShmTableError } from '../errors.js';
import type { MappedMemory, Services } from './platform.js';
// biome-ignore lint/correctness/useImportExtensions: compiled to a .cjs file
import loadPrebuilt from './prebuilt.cjs';

/**
 * The interface of the native addon, implemented in `native/*.cc`. Functions that can fail return 0 or more on success
 * and a negative errno on failure. They check arguments only as far as necessary to keep the process from crashing.
 */
interface NativeAddon extends Services {
  readonly Descriptor: new () => Descriptor;
  readonly Mapping: new () => Mapping;
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
export interface Mapping extends MappedMemory {
  map(descriptor: number, size: number, readOnly: boolean, offset?: number): number;
  /** Maps the same bytes of the same object through another descriptor, replacing the current mapping. */
  replace(descriptor: number, offset: number): number;
  /**
   * Attaches a System V segment of exactly this size with pages of `pageBytes`, 0 for ordinary ones. The buffer
   * contains its first `shown` bytes.
   */
  attach(id: number, size: number, readOnly: boolean, pageBytes: number, shown: number): number;
  /** Allocates all pages. Only before any other process maps them. */
  populate(): number;
}

/** Value of SHMTABLE_ADDON for a Linux without shared memory: only the backend `process`. */
const NO_ADDON = 'none';

/**
 * The addon that SHMTABLE_ADDON names, or else the compiled one of the package. Undefined where there is none: on other
 * systems than Linux, and with SHMTABLE_ADDON=none.
 *
 * @throws {ShmTableError} ERR_ADDON_MISSING when there is none for this kind of Linux, or it cannot be loaded
 */
function loadAddon(): NativeAddon | undefined {
  const { SHMTABLE_ADDON: path = '' } = process.env;
  if (path === NO_ADDON || (path === '' && process.platform !== 'linux')) return undefined;
  try {
    return (path === '' ? loadPrebuilt() : loadFile(path)) as NativeAddon;
  } catch (error) {
    const looked = path === '' ? `prebuilds/${process.platform}-${process.arch}/shmtable.node` : path;
    const why = error instanceof Error ? error.message.split('\n', 1)[0] : error;
    throw new ShmTableError(
      'ERR_ADDON_MISSING',
      `the native addon of shmtable for ${process.platform}-${process.arch} cannot be loaded from ${looked}` +
        `${path === '' ? ' in the package' : ', which SHMTABLE_ADDON names'}: ${why}. ${remedy(path)}`,
      { cause: error },
    );
  }
}

function remedy(path: string): string {
  if (path !== '') return 'Unset SHMTABLE_ADDON to use the one in the package';
  if (process.arch === 'x64' || process.arch === 'arm64') {
    return (
      'Reinstall the package; in a bundle, keep that file beside the program, or leave shmtable out of the bundle, ' +
      'or name the file in the environment variable SHMTABLE_ADDON; in a checkout, run "npm run build:native"'
    );
  }
  return (
    'Compile it in a checkout of the repository ("npm install && npm run build"), and name the file in the environment variable ' +
    `SHMTABLE_ADDON; or set SHMTABLE_ADDON=${NO_ADDON} for tables that are private to a process`
  );
}

/** Not by `require`, which bundlers would try to resolve. */
function loadFile(path: string): unknown {
  const file = { exports: {} };
  process.dlopen(file, resolve(path));
  return file.exports;
}

export const addon = loadAddon();

/** For the backends of Linux, which are not offered without the addon. */
export const native = addon as NativeAddon;
