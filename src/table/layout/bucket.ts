import type { WordIndex } from './units.js';

/**
 * A bucket: one cache line of 64 bytes, ten entries.
 *
 *    0  lock      u32   0 free | id of the participant that holds it; bit 31 is set while a writer sleeps on it
 *    4  version   u32   advanced by every commit in the chain
 *    8  link      u32   number of the next overflow bucket, 0 none
 *   12  epoch     u16   advanced before the version wraps
 *   14  tags      10 x u8   eight bits of each entry's hash
 *   24  entries   10 x u32  row numbers, 0 empty
 *
 * A key's home bucket follows from its hash. Entries that do not fit there go to overflow buckets, chained by `link`,
 * which belong to this home bucket alone: its lock and its version guard the whole chain. In an overflow bucket the
 * first word is the owner word of its FixedPool slice, and the second is unused.
 *
 * Invariants
 * - The store of a row number into its entry is the commit: before it readers see the old state, after it the new.
 * - Chains are compact: except during a removal, the entries in use are the first ones of the chain, without a gap. So
 *   ceil(capacity / 10) + maxParticipants overflow buckets are always enough.
 * - A row only ever moves towards the head of its chain, and is in its new place before it leaves the old one. So a
 *   scan from the tail to the head cannot miss a row that is there throughout, whatever is written meanwhile.
 * - A tag is written before its entry becomes non-zero, except when a row moves into an entry in use, where it is
 *   written after.
 */

export const BUCKET_BYTES = 64;
export const BUCKET_WORDS = BUCKET_BYTES / 4;
export const ENTRIES = 10;

/** Word offsets in a bucket. */
export const LOCK = 0;
export const VERSION = 1;
export const LINK = 2;
export const EPOCH = 3;
export const FIRST_ENTRY = 6;

/** Byte offset of the first tag. */
const FIRST_TAG_BYTE = 14;

export const EPOCH_MASK = 0xffff;

/** Mark in a lock word: a writer sleeps on it, and the release must wake it. */
export const WAITED_FOR = 0x80000000 | 0;
export const HOLDER_MASK = 0x7fffffff;

/** Returned instead of a row number: the chain is torn if its version has changed since, else it is damaged. */
export const DAMAGED = -1;

/** Average entries per bucket for which the number of home buckets is chosen. */
export const TARGET_LOAD = 7;

/** The tag of a hash: its low bits, because the bucket number uses the high ones. */
export function tagOf(hash: number): number {
  return hash & 0xff;
}

/** Byte offset of an entry's tag, given the bucket's first word. */
export function tagByte(bucket: WordIndex, position: number): number {
  return bucket * 4 + FIRST_TAG_BYTE + position;
}
