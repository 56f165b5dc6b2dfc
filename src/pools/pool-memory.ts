import { ShmTableError, show } from '../errors.js';

/** What a pool needs of a segment: its memory. */
export interface PoolMemory {
  readonly buffer: ArrayBuffer;
}

/** How full a pool is, in its own unit: slices, or bytes. */
export interface PoolStats {
  total: number;
  used: number;
  spare: number;
}

/** The next multiple of a cache line's 64 bytes. */
export function align64(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** The words of a memory; bytes at its end that make no whole word are left out. */
export function wordsOf(buffer: ArrayBuffer): Int32Array {
  return new Int32Array(buffer, 0, Math.floor(buffer.byteLength / Int32Array.BYTES_PER_ELEMENT));
}

/** The eight-byte numbers of a memory; bytes at its end that make no whole one are left out. */
export function doublesOf(buffer: ArrayBuffer): Float64Array {
  return new Float64Array(buffer, 0, Math.floor(buffer.byteLength / Float64Array.BYTES_PER_ELEMENT));
}

/** Refuses a number that is no integer from `min` to `max`. `what` is how the message names it. */
export function checkInteger(what: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new ShmTableError('ERR_ARGUMENT', `${what} must be an integer from ${min} to ${max}, got ${show(value)}`);
  }
}

/** Refuses an offset at which no pool can begin. */
export function checkOffset(offset: number): void {
  if (!Number.isInteger(offset) || offset < 0 || offset % 64 !== 0) {
    throw new ShmTableError('ERR_ARGUMENT', `offset must be a multiple of 64, at least 0; got ${show(offset)}`);
  }
}

/** Refuses a pool that does not fit behind `offset`. `pool` is how the message names it: `a pool of 3 slices`. */
export function checkRoom(buffer: ArrayBuffer, offset: number, neededBytes: number, pool: string): void {
  const room = Math.max(0, buffer.byteLength - offset);
  if (neededBytes <= room) return;
  throw new ShmTableError(
    'ERR_POOL_FULL',
    `${pool} needs ${neededBytes} bytes; the segment has ${room} from offset ${offset}`,
  );
}
