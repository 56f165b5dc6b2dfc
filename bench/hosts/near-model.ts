/**
 * How often a host finds a row in its near cache, and how many messages that costs, without a cluster of a thousand hosts:
 * computed for every key from how often it is read and written. `simulate` plays the same operation by operation, with a
 * least-recently-used cache, to check the computation.
 */

/** Hosts that do the same: the same number of operations per second, on keys of the same popularity. */
export interface Workload {
  readonly hosts: number;
  /** Of the operations of each host, 0 .. 1. */
  readonly writeShare: number;
  /** Rows that the near cache of a host holds. */
  readonly capacity: number;
}

/** Per operation of one host. */
export interface NearModel {
  /** Of the reads. */
  readonly hitRate: number;
  /** Messages to this host in broadcast mode: one for each write of any host. */
  readonly broadcast: number;
  /** Messages if servers told a host only of rows that it has read, as they do in the default mode of tracking. */
  readonly tracked: number;
}

/** Keys of nearly the same popularity: of each group, how many there are and the mean share of one of them. */
export interface KeyGroup {
  readonly keys: number;
  readonly share: number;
}

/** A group has at most this fraction of the keys that are more popular. */
const GROUP_WIDTH = 1 / 50;
/** The time for which an unused row stays is between these, in operations of a host. */
const STAYS = [1e-6, 1e15] as const;
const BISECTIONS = 50;

/** The i-th most popular key is proportional to i^-exponent; all shares add up to 1. */
export function zipf(keys: number, exponent: number): Float64Array {
  const shares = Float64Array.from({ length: keys }, (_, i) => (i + 1) ** -exponent);
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
}

export function grouped(shares: Float64Array): KeyGroup[] {
  const groups: KeyGroup[] = [];
  for (let start = 0, end = 0; start < shares.length; start = end) {
    end = Math.min(shares.length, start + Math.max(1, Math.floor(start * GROUP_WIDTH)));
    const sum = shares.subarray(start, end).reduce((total, share) => total + share, 0);
    groups.push({ keys: end - start, share: sum / (end - start) });
  }
  return groups;
}

/**
 * A row is present if the last that happened to its key was a read by this host, not a write or its eviction. In the time
 * of one operation of this host, `1 - writeShare` reads come from it, and `writeShare` writes from each host. An unused row
 * stays for the same time, whichever it is (Che's approximation): so long that as many are present as fit.
 */
export function computeNear(groups: readonly KeyGroup[], { hosts, writeShare, capacity }: Workload): NearModel {
  const reads = 1 - writeShare;
  const writes = hosts * writeShare;
  const events = reads + writes;
  const presence = (share: number, stay: number): number => (reads / events) * -Math.expm1(-events * share * stay);
  const sum = (of: (share: number) => number): number =>
    groups.reduce((total, { keys, share }) => total + keys * of(share), 0);
  let [shortest, longest]: number[] = [...STAYS];
  for (let i = 0; i < BISECTIONS; i++) {
    const stay = Math.sqrt(shortest * longest);
    if (sum((share) => presence(share, stay)) > capacity) longest = stay;
    else shortest = stay;
  }
  const hitRate = sum((share) => share * presence(share, shortest));
  return { hitRate, broadcast: writes, tracked: writes * hitRate };
}

/** The hit rate of one host after `operations` of its own, the first half of which only fill the cache. */
export function simulateHitRate(
  popularity: Float64Array,
  { hosts, writeShare, capacity }: Workload,
  operations: number,
  seed: number,
): number {
  const random = randomOf(seed);
  const sums = cumulative(popularity);
  const key = (): number => firstAtLeast(sums, random());
  // A Map is in the order of insertion: the first key is the one that has not been used for longest.
  const rows = new Map<number, true>();
  let [reads, hits] = [0, 0];
  const others = (hosts - 1) * writeShare;
  for (let i = 0; i < operations; i++) {
    for (let foreign = Math.floor(others + random()); foreign > 0; foreign--) rows.delete(key());
    const own = key();
    const found = rows.delete(own);
    if (random() < writeShare) continue;
    rows.set(own, true);
    if (rows.size > capacity) rows.delete(rows.keys().next().value as number);
    if (i * 2 < operations) continue;
    reads++;
    if (found) hits++;
  }
  return hits / reads;
}

function cumulative(shares: Float64Array): Float64Array {
  let sum = 0;
  return shares.map((share) => {
    sum += share;
    return sum;
  });
}

/** Index of the first element that is at least `value`; the last one if none is. */
function firstAtLeast(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Numbers of 0 .. 1 that look random, the same for the same seed: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
