/** A number measured many times: median, minimum, and range of the middle half. */
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

/** The value at a fraction of sorted numbers, interpolated between two neighbours. */
export function quantile(sorted: ArrayLike<number>, fraction: number): number {
  const place = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(place)];
  return below + (sorted[Math.ceil(place)] - below) * (place % 1);
}
