import type { TableMemory } from './layout/table-memory.js';

/*
 * Buckets follow each other in the order of the hashes of their rows, whatever their number. So an iteration that has
 * come to a bucket can go on in a table that has been altered to more or fewer buckets: everything below a hash was
 * visited.
 */

/** One more than the greatest hash. */
export const HASHES = 2 ** 32;

/** The least hash (unsigned) that belongs to this bucket or to a later one. */
export function leastHash(memory: Pick<TableMemory, 'homeBuckets' | 'bucketOf'>, bucket: number): number {
  if (bucket >= memory.homeBuckets) return HASHES;
  let hash = Math.ceil((bucket * HASHES) / memory.homeBuckets);
  // Both quotients are rounded.
  while (hash > 0 && memory.bucketOf(hash - 1) >= bucket) hash--;
  while (memory.bucketOf(hash) < bucket) hash++;
  return hash;
}
