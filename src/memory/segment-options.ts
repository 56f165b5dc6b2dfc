import { constants } from 'node:buffer';
import { resolve } from 'node:path';
import { ShmTableError, show } from '../errors.js';
import type { BackendName } from './backend.js';
import { checkOptions } from './known-options.js';

/** What a segment is made of. */
export interface SegmentOptions {
  /** Default `posix`. */
  backend?: BackendName;
  /** 1 to 200 characters of `[A-Za-z0-9._:-]`, the first not a dot. */
  name: string;
  /** The file, for the backend `file` and no other. */
  path?: string | undefined;
  /** Bytes: 1 or more, at most what one ArrayBuffer can hold (4 GiB on Node 20). */
  size: number;
  /**
   * Ask for huge pages; where there are none a warning says so and small ones are used. An anonymous segment of reserved
   * huge pages (`vm.nr_hugepages`) has a size of whole ones. Default false.
   */
  hugePages?: boolean;
  /** Only for `open`: a segment that nobody could write to would stay empty. */
  readOnly?: boolean;
  /**
   * For `sysv`: the segment is marked for removal as soon as its maker is attached, so that the kernel removes it with
   * the last attachment, however the processes end. Default false: it stays until it is unlinked.
   */
  removeOnLastDetach?: boolean;
}

export interface SegmentOpenOptions {
  backend?: BackendName;
  name: string;
  path?: string | undefined;
  readOnly?: boolean;
  hugePages?: boolean;
  /** Map no more than so many bytes of its beginning; `size` and `buffer` are those. By default all of it. */
  firstBytes?: number | undefined;
}

/** Bytes of the largest ArrayBuffer: 2^32 on Node 20, 2^53-1 from Node 22 on. A larger external one aborts Node 20. */
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

/** With those that the segment was made with, which say nothing here, so that one object does for both. */
const OPEN_OPTIONS: readonly (keyof SegmentOptions | keyof SegmentOpenOptions)[] = [...CREATE_OPTIONS, 'firstBytes'];

/** Refuses what is not an object of options, before anything is read from it, and options that there are not. */
export function checkCreateOptions(options: unknown): void {
  checkOptions(options, CREATE_OPTIONS);
}

/** The same, for a segment that there is. */
export function checkOpenOptions(options: unknown): void {
  checkOptions(options, OPEN_OPTIONS);
}

export function checkName(name: unknown): string {
  if (typeof name === 'string' && isSegmentName(name)) return name;
  throw new ShmTableError(
    'ERR_ARGUMENT',
    `A segment name must be 1 to 200 characters of [A-Za-z0-9._:-], the first not a dot; it is ${show(name)}.`,
  );
}

export function checkFlag(option: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  throw new ShmTableError('ERR_ARGUMENT', `${option} must be true or false, not ${show(value)}.`);
}

/** Whether the segment goes with its last attachment, which only those of System V can. */
export function checkRemoval(backend: BackendName, value: unknown): boolean {
  const removal = checkFlag('removeOnLastDetach', value);
  if (!removal || backend === 'sysv') return removal;
  throw new ShmTableError('ERR_ARGUMENT', `removeOnLastDetach is for the backend sysv, not for ${backend}.`);
}

/** Linux takes no longer path. */
const MAX_PATH_LENGTH = 4_096;

/** The absolute path of a file segment. */
export function checkPath(path: unknown): string {
  if (typeof path === 'string' && path !== '' && path.length <= MAX_PATH_LENGTH && !path.includes('\0'))
    return resolve(path);
  throw new ShmTableError('ERR_ARGUMENT', `A file segment needs the path of its file, not ${show(path)}.`);
}

/** The path of a segment, which only those of the backend `file` have. */
export function checkPlace(backend: BackendName, path: unknown): string | undefined {
  if (backend === 'file') return checkPath(path);
  if (path === undefined) return undefined;
  throw new ShmTableError('ERR_ARGUMENT', `A path is for the backend file, not for ${backend}: ${show(path)}.`);
}

/** A number of bytes that a segment can have and this Node can map. */
export function checkSize(size: unknown): number {
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 1) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `A segment's size must be an integer of 1 or more bytes, not ${show(size)}.`,
    );
  }
  return checkMappable(size, 'A segment');
}

export function checkMappable(size: number, subject: string): number {
  if (size <= MAX_SEGMENT_BYTES) return size;
  throw new ShmTableError(
    'ERR_SEGMENT_TOO_LARGE',
    `${subject} of ${size} bytes is over the ${MAX_SEGMENT_BYTES} that an ArrayBuffer can hold on Node ${process.versions.node}.`,
  );
}
