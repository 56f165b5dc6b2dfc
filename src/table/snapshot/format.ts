import { ShmTableError } from '../../errors.js';

/**
 * A snapshot file, all numbers little-endian:
 *
 *   magic "SHMSNAP\n" | u32 version | u32 header bytes | header JSON | u64 XXH64 of the JSON
 *   block*    u32 BLOCK | u32 payload bytes | u32 rows | u32 0 | u64 XXH64 of the payload | payload
 *   end       u32 END | u32 0 | f64 rows | f64 highest revision | u64 XXH64 of all bytes before it
 *
 *   payload: images of rows (see RowImage), one after the other
 *
 * Expiries are epoch milliseconds of the wall clock: lifetimes continue to run while the snapshot is on disk.
 */

export const MAGIC = Buffer.from('SHMSNAP\n');
export const FORMAT_VERSION = 1;
export const BLOCK = 0x4b4c4253;
export const END = 0x444e4553;
export const PREAMBLE_BYTES = 16;
export const BLOCK_HEAD_BYTES = 24;
export const END_BYTES = 32;
/** A block is written when it has at least this many bytes; its last row may make it longer. */
export const BLOCK_BYTES = 1 << 20;
/** Longest payload that a reader accepts: a block plus the longest possible row. */
export const MAX_PAYLOAD_BYTES = 2 ** 32 - 1;
/** The longest row. */
export const MAX_ROW_BYTES = MAX_PAYLOAD_BYTES - BLOCK_BYTES;
export const MAX_HEADER_BYTES = 1 << 20;

/** The error `ERR_SNAPSHOT_DAMAGED`, with what is wrong and where. */
export function damaged(path: string, offset: number, what: string): ShmTableError {
  return new ShmTableError('ERR_SNAPSHOT_DAMAGED', `snapshot ${path} is damaged at byte ${offset}: ${what}`);
}
