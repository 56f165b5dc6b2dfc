/**
 * A FixedPool in memory:
 *
 *   +--------+--------------------+-----------+-----------+-----+
 *   | header | occupancy bits     | slice 1   | slice 2   | ... |
 *   | 64 B   | (a hint, see there)| stride B  | stride B  |     |
 *   +--------+--------------------+-----------+-----------+-----+
 *                                 ^ aligned to 64 bytes
 *
 *   slice   0  owner     u32  0 free | an owner's id | LINKED
 *           4  mark      u32  for the pool's user: a table keeps a row's sequence here
 *           8  payload   sliceBytes, then padding to a multiple of 8
 *
 * Invariants
 * - Slices are numbered from 1; 0 means none.
 * - A slice is taken by swapping its owner word from 0 to an id, and freed by swapping the id to 0. Nothing else
 *   decides.
 * - The memory of a slice that was never taken is untouched.
 */

/** First word of a FixedPool: "FPOL". */
export const FIXED_POOL_MAGIC = 0x4c4f5046;

/** Word offsets in the header. */
export const HEADER_MAGIC = 0;
export const HEADER_SLICES = 1;
export const HEADER_SLICE_BYTES = 2;
export const HEADER_BYTES = 64;

export const SLICE_HEADER_BYTES = 8;
/** Word offset in a slice. */
export const SLICE_OWNER = 0;

/** Owner word of a free slice. */
export const FREE = 0;
/** Owner word of a slice that is part of a shared structure and belongs to nobody. */
export const LINKED = -1;
