/**
 * The beginning of the memory that a cache has in addition to its table. It is here because whoever destroys the table
 * must find and destroy everything else that belongs to the cache.
 *
 *    0  magic      u32
 *    8  state      u32  0, or DESTROYED
 *   16  companions u32  a bit for each table in COMPANIONS that an adapter has created beside the cache
 *   68  wake       u32  the word on which waiting threads sleep
 *   72  sleepers   u32  1 while one sleeps: see WordWatch
 *
 * Invariants
 * - A bit is set before its table is created, so that a table without its bit does not belong to the cache.
 * - Everything else is destroyed before the cache's table: so what is opened after the table belongs to the same cache, and
 *   whoever is killed in between leaves a table by which the rest is found.
 */

/** First word: "CACH". */
export const CACHE_MAGIC = 0x48434143;

/** Word offsets. */
export const MAGIC = 0;
export const STATE = 2;
export const COMPANIONS = 4;
export const WAKE = 17;
export const SLEEPERS = 18;

export const HEADER_BYTES = 128;

export const DESTROYED = 1;

/** The table of the loads in progress, which every cache has. */
export const LOADS = 'loads';
/** What follows the name of the cache and a dot in the names of tables of adapters, by bit. */
export const SUFFIXES = ['tags', 'items', 'limits'] as const;

export type CompanionSuffix = (typeof SUFFIXES)[number];

export function cacheMemoryName(namespace: string, name: string): string {
  return `shmtable-cache:${namespace}:${name}`;
}
