import { constants } from 'node:buffer';
import { resolve } from 'node:path';
import { ShmTableError, show } from '../errors.js';
import type { BackendName } from './backend.js';
import { checkOptions } from './known-options.js';

/** Options for creating a segment. */
export interface SegmentOptions {
  /** Kind of memory. Default `posix`. */
  backend?: BackendName;
  /** 1 to 200 characters of `[A-Za-z0-9._:-]`, the first not a dot. */
  name: string;
  /** Path of the file; for the backend `file` only. */
  path?: string | undefined;
  /** Size in bytes, from 1 to the maximum size of an ArrayBuffer (4 GiB on Node 20). */
  size: number;
  /**
   * Whether to request huge pages; if there are none, a warning says so and small pages are used. An anonymous segment
   * with reserved huge pages (`vm.nr_hugepages`) is rounded up to whole pages. Default false.
   */
  hugePages?: boolean;
  /** Only for `open`: a new segment that nobody can write to would stay empty. */
  readOnly?: boolean;
  /**
   * For `sysv`: whether to mark the segment for removal as soon as its creator is attached, so that the kernel removes
   * it with the last attachment, however the processes end. Default false: it remains until it is unlinked.
   */
  removeOnLastDetach?: boolean;
}

/** Where a segment is: its name, and for the backend `file` its path. */
export interface SegmentPlace {
  readonly name: string;
  readonly path?: string | undefined;
}

export interface SegmentOpenOptions {
  backend?: BackendName;
  name: string;
  path?: string | undefined;
  readOnly?: boolean;
  hugePages?: boolean;
  /** Number of bytes to map from its beginning, which `size` and `buffer` are then limited to. By default all. */
  firstBytes?: number | undefined;
}

/** Maximum size of an ArrayBuffer: 2^32 on Node 20, 2^53-1 from Node 22 on. A larger external one aborts Node 20. */
const MAX_SEGMENT_BYTES = constants.MAX_LENGTH;

const NAME = /^[A-Za-z0-9_:-][A-Za-z0-9._:-]{0,199}$/;

export function isSegmentName(name: string): boolean {
  return NAME.test(name);
}

const CREATE_OPTIONS: readonly (keyof SegmentOptions)[] = [
  'backend',
  'name',
  'path',
  'size',
  'hugePages',
  'readOnly',
  'removeOnLastDetach',
];

/** Includes the options for creation, which have no effect, so that one object can be used for both. */
const OPEN_OPTIONS: readonly (keyof SegmentOptions | keyof SegmentOpenOptions)[] = [...CREATE_OPTIONS, 'firstBytes'];

/** Checks the options for creating a segment: an object with only known options. */
export function checkCreateOptions(options: unknown): void {
  checkOptions(options, CREATE_OPTIONS);
}

/** Checks the options for opening a segment. */
export function checkOpenOptions(options: unknown): void {
  checkOptions(options, OPEN_OPTIONS);
}

export function checkName(name: unknown): string {
  if (typeof name === 'string' && isSegmentName(name)) return name;
  throw new ShmTableError(
    'ERR_ARGUMENT',
    `a segment name must be 1 to 200 characters of [A-Za-z0-9._:-], the first not a dot, got ${show(name)}`,
  );
}

export function checkFlag(option: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  throw new ShmTableError('ERR_ARGUMENT', `${option} must be true or false, got ${show(value)}`);
}

/** Returns the option `removeOnLastDetach`, which only System V segments can have. */
export function checkRemoval(backend: BackendName, value: unknown): boolean {
  const removal = checkFlag('removeOnLastDetach', value);
  if (!removal || backend === 'sysv') return removal;
  throw new ShmTableError('ERR_ARGUMENT', `the backend must be sysv for removeOnLastDetach, got ${backend}`);
}

/** PATH_MAX of Linux. */
const MAX_PATH_LENGTH = 4_096;

/** The absolute path of a file segment. */
export function checkPath(path: unknown): string {
  if (typeof path === 'string' && path !== '' && path.length <= MAX_PATH_LENGTH && !path.includes('\0'))
    return resolve(path);
  throw new ShmTableError('ERR_ARGUMENT', `path must be the path of a file for the backend file, got ${show(path)}`);
}

/** Returns the option `path`, which only segments of the backend `file` can have. */
export function checkPlace(backend: BackendName, path: unknown): string | undefined {
  if (backend === 'file') return checkPath(path);
  if (path === undefined) return undefined;
  throw new ShmTableError('ERR_ARGUMENT', `the backend must be file for path ${show(path)}, got ${backend}`);
}

/** Checks the size of a segment: an integer of at least 1 that this Node can map. */
export function checkSize(size: unknown): number {
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 1) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `the size of a segment must be an integer of at least 1, got ${show(size)}`,
    );
  }
  return checkMappable(size, 'A segment');
}

export function checkMappable(size: number, subject: string): number {
  if (size <= MAX_SEGMENT_BYTES) return size;
  throw new ShmTableError(
    'ERR_SEGMENT_TOO_LARGE',
    `${subject} of ${size} bytes exceeds the ${MAX_SEGMENT_BYTES} of an ArrayBuffer on Node ${process.versions.node}`,
  );
}
