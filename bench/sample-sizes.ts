/** Sizes of values as they are in caches and session stores: log-normal, most of them short and a few very long. */

/** A log-normal distribution, cut off at both ends; all in bytes. */
export interface SizeDistribution {
  readonly median: number;
  /** Standard deviation of the size's logarithm. */
  readonly sigma: number;
  readonly min: number;
  readonly max: number;
}

/** Median 304 bytes and mean 561, the longest 16 KB: sessions of a shop. */
export const SESSION_SIZES: SizeDistribution = { median: 304, sigma: 1.1, min: 40, max: 16_000 };

/** The size of the value with this number: the same for the same number. */
export function sizeOf(number: number, { median, sigma, min, max }: SizeDistribution): number {
  const size = median * Math.exp(sigma * gaussian(number));
  return Math.round(Math.min(Math.max(size, min), max));
}

/** A number of the standard normal distribution, by the Box-Muller transform of two uniform ones. */
function gaussian(number: number): number {
  const radius = Math.sqrt(-2 * Math.log(uniform(2 * number) || Number.MIN_VALUE));
  return radius * Math.cos(2 * Math.PI * uniform(2 * number + 1));
}

/** A number in 0 .. 1 that looks random: the finaliser of MurmurHash3. */
function uniform(number: number): number {
  let hash = number | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}
