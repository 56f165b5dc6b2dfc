/** How a segment is divided into groups of buckets that share a soonest expiry, and what they take. */

/** Bytes of a group's two moments. */
const GROUP_BYTES = 16;
/** Buckets of a group, as a power of two, in a table of at most MOST_GROUPS of them: some 3,600 rows. */
const LEAST_SHIFT = 9;
const MOST_GROUPS = 4096;

/** How many groups so many buckets make, as the power of two of a group's buckets. */
export function shiftOf(homeBuckets: number): number {
  let shift = LEAST_SHIFT;
  while (Math.ceil(homeBuckets / 2 ** shift) > MOST_GROUPS) shift++;
  return shift;
}

/** Bytes that the groups of so many buckets take in a segment, a multiple of 64. */
export function expiryGroupsBytes(homeBuckets: number): number {
  return Math.ceil((Math.ceil(homeBuckets / 2 ** shiftOf(homeBuckets)) * GROUP_BYTES) / 64) * 64;
}
