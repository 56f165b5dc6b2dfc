/**
 * The memory that the handles of a cache share in addition to its two tables: the owners, and the generations of tags. The
 * part of its header that whoever destroys the cache must know is in `src/table/layout/companions.ts`.
 *
 *   | header | owner 1 | owner 2 | ... | generation of tag slot 0, 1, ... |
 *
 *   header    0  magic     u32
 *             4  version   u32
 *             8  state     u32
 *            12  owners    u32  maximum number of owners
 *            16  companions
 *            64  ends      u32  advanced when an owner has ended or another one has its number
 *            68  wake      u32  advanced when a load has ended, and with `ends`
 *            72  sleepers  u32
 *
 *   owner     0  life      u32  advanced by each holder of the number, so that number and life together identify one handle
 *             4  pid       u32  of the process that it is in
 *             8  pidSpace  u32  namespace of that process id, 0 unknown
 *            16  counts    f64 each; never reset, so that their sums include all handles that ever existed
 *
 *   tag slot  0  generation  u32  advanced by each invalidation of a tag that falls into it
 *
 * Invariants
 * - The handle that holds the byte lock of an owner's number is the only one that writes to that owner. The kernel drops
 *   the lock when the handle, its thread or its process ends. So number and life identify a live handle as long as the
 *   byte is locked and the life is the same.
 * - Life, pid and pidSpace are written before the first lease that names the owner.
 * - Generations begin at a random number, so that entries from lost memory are not current by chance.
 */

import { HEADER_BYTES } from '../table/layout/companions.js';

export const CACHE_VERSION = 1;

/** Word offsets in the header. */
export const VERSION = 1;
export const OWNERS = 3;
/** `WAKE` is the word after it: both are advanced by the end of a description (`ByteLocks.announceEnd`). */
export const ENDS = 16;

const OWNER_BYTES = 128;

/** Word offsets in an owner. */
export const LIFE = 0;
export const PID = 1;
export const PID_SPACE = 2;
/** Offset in an owner of its first count, in units of 8 bytes. */
export const COUNTS = 2;

/** The counts of an owner, in this order: offsets from COUNTS. */
export const HITS = 0;
export const MISSES = 1;
export const LOADS = 2;
export const FAILED_LOADS = 3;
export const WAITS = 4;
export const TAKEOVERS = 5;

/** Number of tag slots: a power of two. Tags of one slot are invalidated together. */
export const TAG_SLOTS = 65_536;

export function ownerWord(id: number): number {
  return (HEADER_BYTES + (id - 1) * OWNER_BYTES) / 4;
}

/** First word of the tag slots. */
export function tagsWord(owners: number): number {
  return (HEADER_BYTES + owners * OWNER_BYTES) / 4;
}

export function cacheMemoryBytes(owners: number): number {
  return tagsWord(owners) * 4 + TAG_SLOTS * 4;
}
