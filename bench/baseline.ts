/** The ratios with which `bench:guard` compares a run. */
import type { Figure } from '../src/bench/figure.js';
import { spreadOf } from '../src/bench/spread.js';

export interface Baseline {
  readonly measuredAt: string;
  readonly processor: string;
  readonly node: string;
  /** Ratios by operation and size. */
  readonly ratios: Readonly<Record<string, number>>;
}

export interface Verdict {
  readonly name: string;
  readonly baseline: number;
  /** Undefined if the run has no such figure. */
  readonly ratio: number | undefined;
  readonly lost: boolean;
}

/** A ratio below this share of its baseline fails. */
export const MIN_SHARE = 0.7;

/** The guarded ratios: for each figure compared with the Map, the median over several runs of their medians. */
export function guardedRatios(runs: readonly (readonly Figure[])[]): Record<string, number> {
  const byName = new Map<string, number[]>();
  for (const { what, comparedWith, value } of runs.flat()) {
    // Huge pages are not available everywhere, and their placement depends on chance.
    if (comparedWith !== 'Map' || what.endsWith('huge pages')) continue;
    byName.set(what, [...(byName.get(what) ?? []), value.median]);
  }
  return Object.fromEntries([...byName].map(([name, ratios]) => [name, spreadOf(ratios).median]));
}

/** One verdict for each ratio of the baseline. A figure that is no longer measured also fails. */
export function judge(baseline: Baseline, ratios: Readonly<Record<string, number>>): Verdict[] {
  return Object.entries(baseline.ratios).map(([name, was]) => {
    const ratio: number | undefined = ratios[name];
    return { name, baseline: was, ratio, lost: ratio === undefined || ratio < was * MIN_SHARE };
  });
}
