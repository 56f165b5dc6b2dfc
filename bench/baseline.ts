/** The ratios that must not get lost: what `bench:guard` compares a run with. */
import type { Figure } from '../src/bench/figure.js';
import { spreadOf } from '../src/bench/spread.js';

export interface Baseline {
  readonly measuredAt: string;
  readonly processor: string;
  readonly node: string;
  /** Ratios by what was done beside what. */
  readonly ratios: Readonly<Record<string, number>>;
}

export interface Verdict {
  readonly name: string;
  readonly baseline: number;
  /** Undefined when the run has no such figure. */
  readonly ratio: number | undefined;
  readonly lost: boolean;
}

/** A ratio below this share of its baseline is a loss. */
export const MIN_SHARE = 0.7;

/** The guarded ratios: of each figure beside the Map the median over runs, each of which gives its own median. */
export function guardedRatios(runs: readonly (readonly Figure[])[]): Record<string, number> {
  const byName = new Map<string, number[]>();
  for (const { what, beside, value } of runs.flat()) {
    // Huge pages are not to be had everywhere, and where they lie is luck.
    if (beside !== 'Map' || what.endsWith('huge pages')) continue;
    byName.set(what, [...(byName.get(what) ?? []), value.median]);
  }
  return Object.fromEntries([...byName].map(([name, ratios]) => [name, spreadOf(ratios).median]));
}

/** One verdict for each ratio of the baseline. A figure that is no longer measured is a loss too. */
export function judge(baseline: Baseline, ratios: Readonly<Record<string, number>>): Verdict[] {
  return Object.entries(baseline.ratios).map(([name, was]) => {
    const ratio: number | undefined = ratios[name];
    return { name, baseline: was, ratio, lost: ratio === undefined || ratio < was * MIN_SHARE };
  });
}
