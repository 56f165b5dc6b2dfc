/** Which part of the reads of a cache found a value, over the last minute. */
import { growth } from './rates.js';

interface Reading {
  readonly at: number;
  /** Sums of what the counters have grown by since the first reading. */
  readonly hits: number;
  readonly misses: number;
}

const WINDOW_MS = 60_000;

export class HitRates {
  readonly #readings = new Map<string, Reading[]>();
  readonly #last = new Map<string, { hits: number; misses: number }>();

  /** Takes the counters of a cache; returns 0 .. 1, or undefined if there was no read. */
  take(name: string, at: number, { hits, misses }: { hits: number; misses: number }): number | undefined {
    const readings = this.#readings.get(name) ?? [];
    const before = this.#last.get(name);
    const sums = readings.at(-1) ?? { hits: 0, misses: 0 };
    readings.push({
      at,
      hits: sums.hits + (before === undefined ? 0 : growth(before.hits, hits)),
      misses: sums.misses + (before === undefined ? 0 : growth(before.misses, misses)),
    });
    while (readings[0].at < at - WINDOW_MS) readings.shift();
    this.#readings.set(name, readings);
    this.#last.set(name, { hits, misses });
    const [first, last] = [readings[0], readings[readings.length - 1]];
    const found = last.hits - first.hits;
    const all = found + last.misses - first.misses;
    return all === 0 ? undefined : found / all;
  }

  /** Forgets the caches that are gone. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#readings.keys()) {
      if (names.has(name)) continue;
      this.#readings.delete(name);
      this.#last.delete(name);
    }
  }
}
