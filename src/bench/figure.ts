/** The results of the benchmark: named numbers, each with what it is compared with and its target. */
import { type Measurement, relativeSpeed } from './interleaved.js';
import { type Spread, spreadOf } from './spread.js';

/** `x` is a ratio: how many times as fast, or as much, as the case it is compared with. */
type Unit = 'x' | 'ms' | 'MB' | 'B' | 'M rows/s' | 'per second' | 'ns';

/** What a figure should reach; `below` if less is better. */
export type Target = { readonly atLeast: number } | { readonly below: number };

export interface Figure {
  /** The operation and its size: `get row, 100,000 rows`. Unique together with `comparedWith`. */
  readonly what: string;
  /** What it is compared with; undefined for an absolute figure. */
  readonly comparedWith?: string;
  readonly unit: Unit;
  readonly value: Spread;
  readonly target?: Target;
  /** Nanoseconds of one operation, and of what it is compared with. */
  readonly ns?: Spread;
  readonly comparedNs?: Spread;
  /** Further figures, in words. */
  readonly note?: string;
}

/** How many times as fast one subject was as another in the same operation. */
export function ratioFigure(
  what: string,
  ours: Measurement,
  theirs: Measurement,
  more: Pick<Figure, 'target' | 'note'> = {},
): Figure {
  return {
    what,
    comparedWith: theirs.subject,
    unit: 'x',
    value: relativeSpeed(ours, theirs),
    ns: spreadOf(ours.roundsNs),
    comparedNs: spreadOf(theirs.roundsNs),
    ...more,
  };
}

/** Whether the median reaches the target; undefined without one. */
export function isMet({ value, target }: Pick<Figure, 'value' | 'target'>): boolean | undefined {
  if (target === undefined) return undefined;
  return 'below' in target ? value.median < target.below : value.median >= target.atLeast;
}

/** A number for people: three significant digits. */
export function shown(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function shownTarget(target: Target | undefined): string {
  if (target === undefined) return '';
  return 'below' in target ? `under ${target.below}` : `at least ${target.atLeast}`;
}

/** `1,000`, `100,000`, `4,000,000` rows. */
export function rowCount(rows: number): string {
  return `${rows.toLocaleString('en')} rows`;
}
