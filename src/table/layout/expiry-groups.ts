/**
 * The groups of buckets that share an earliest expiry: how many buckets each has, and how many bytes the groups take.
 */

/** Bytes of the two moments of a group. */
const GROUP_BYTES = 16;
/** Buckets per group, as a power of two, in a table of at most MAX_GROUPS groups: some 3,600 rows. */
const MIN_SHIFT = 9;
const MAX_GROUPS = 4096;

/** The number of buckets per group, as a power of two, for this many home buckets. */
export function shiftOf(homeBuckets: number): number {
  let shift = MIN_SHIFT;
  while (Math.ceil(homeBuckets / 2 ** shift) > MAX_GROUPS) shift++;
  return shift;
}

/** Bytes that the groups of this many home buckets take in a segment, a multiple of 64. */
export function expiryGroupsBytes(homeBuckets: number): number {
  return Math.ceil((Math.ceil(homeBuckets / 2 ** shiftOf(homeBuckets)) * GROUP_BYTES) / 64) * 64;
}
