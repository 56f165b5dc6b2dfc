import { ShmTableError, show } from '../errors.js';

/** The part of a segment that a pool uses: its memory. */
export interface PoolMemory {
  readonly buffer: ArrayBuffer;
}

/** How full a pool is, in slices or bytes. */
export interface PoolStats {
  total: number;
  used: number;
  spare: number;
}

/** Rounds up to a multiple of 64 bytes, a cache line. */
export function align64(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** Views a buffer as 4-byte words; leaves out an incomplete word at its end. */
export function wordsOf(buffer: ArrayBuffer): Int32Array {
  return new Int32Array(buffer, 0, Math.floor(buffer.byteLength / Int32Array.BYTES_PER_ELEMENT));
}

/** Views a buffer as 8-byte numbers; leaves out an incomplete number at its end. */
export function doublesOf(buffer: ArrayBuffer): Float64Array {
  return new Float64Array(buffer, 0, Math.floor(buffer.byteLength / Float64Array.BYTES_PER_ELEMENT));
}

/** Checks that a value is an integer from `min` to `max`. `what` is its name in the message. */
export function checkInteger(what: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new ShmTableError('ERR_ARGUMENT', `${what} must be an integer from ${min} to ${max}, got ${show(value)}`);
  }
}

/** Checks the offset of a pool. */
export function checkOffset(offset: number): void {
  if (!Number.isInteger(offset) || offset < 0 || offset % 64 !== 0) {
    throw new ShmTableError('ERR_ARGUMENT', `offset must be a multiple of 64, at least 0, got ${show(offset)}`);
  }
}

/** Checks that a pool fits after `offset`. `pool` is its name in the message: `a pool of 3 slices`. */
export function checkRoom(buffer: ArrayBuffer, offset: number, neededBytes: number, pool: string): void {
  const room = Math.max(0, buffer.byteLength - offset);
  if (neededBytes <= room) return;
  throw new ShmTableError(
    'ERR_POOL_FULL',
    `${pool} needs ${neededBytes} bytes; the segment has ${room} from offset ${offset}`,
  );
}
