/** Rates of counters that only grow, and begin again at 0 when what they count is replaced. */

/**
 * By how much a counter has grown between two readings. A smaller value than before is that of a new counter, which has
 * grown from 0.
 */
export function growth(before: number, now: number): number {
  return now >= before ? now - before : now;
}

/** Growth per second between two readings at two times; undefined if no time has passed. */
export function ratePerSecond(before: number, now: number, beforeMs: number, nowMs: number): number | undefined {
  return nowMs <= beforeMs ? undefined : (growth(before, now) * 1000) / (nowMs - beforeMs);
}

/** The rates of all counters of an object; undefined without an earlier reading. */
export function ratesOf<K extends string>(
  names: readonly K[],
  before: Readonly<Record<K, number>> | undefined,
  now: Readonly<Record<K, number>>,
  beforeMs: number,
  nowMs: number,
): Readonly<Record<K, number>> | undefined {
  if (before === undefined || nowMs <= beforeMs) return undefined;
  const rates: Partial<Record<K, number>> = {};
  for (const name of names) rates[name] = ratePerSecond(before[name], now[name], beforeMs, nowMs) ?? 0;
  return rates as Record<K, number>;
}

/** A sum of rates, of which those that are not known yet do not count; undefined if none is known. */
export function sumOf(rates: readonly (number | undefined)[]): number | undefined {
  const known = rates.filter((rate) => rate !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, rate) => sum + rate, 0);
}
