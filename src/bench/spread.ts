/** A number measured many times: the middle, the least, and where the middle half lies. */
export interface Spread {
  readonly median: number;
  readonly minimum: number;
  readonly lowerQuartile: number;
  readonly upperQuartile: number;
}

export function spreadOf(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    minimum: sorted[0],
    lowerQuartile: quantile(sorted, 0.25),
    upperQuartile: quantile(sorted, 0.75),
  };
}

/** The value at a fraction of the way through sorted numbers, between two neighbours in proportion. */
export function quantile(sorted: ArrayLike<number>, fraction: number): number {
  const place = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(place)];
  return below + (sorted[Math.ceil(place)] - below) * (place % 1);
}
