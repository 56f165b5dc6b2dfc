/** What the benchmark finds out: numbers with a name, each with what it is measured against and what it should reach. */
import { type Measurement, speedBeside } from './interleaved.js';
import { type Spread, spreadOf } from './spread.js';

/** `x` is a ratio: times as fast, or as much, as what it stands beside. */
type Unit = 'x' | 'ms' | 'MB' | 'B' | 'M rows/s' | 'ns';

/** What a figure should reach; `below` for those of which less is better. */
export type Target = { readonly atLeast: number } | { readonly below: number };

export interface Figure {
  /** What was done, and how much of it: `get row, 100,000 rows`. Unique together with `beside`. */
  readonly what: string;
  /** What it is compared with; of an absolute figure, nothing. */
  readonly beside?: string;
  readonly unit: Unit;
  readonly value: Spread;
  readonly target?: Target;
  /** Nanoseconds that one operation took here, and there. */
  readonly ns?: Spread;
  readonly besideNs?: Spread;
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
    beside: theirs.subject,
    unit: 'x',
    value: speedBeside(ours, theirs),
    ns: spreadOf(ours.roundsNs),
    besideNs: spreadOf(theirs.roundsNs),
    ...more,
  };
}

/** Whether the median reaches the target; undefined without one. */
export function isMet({ value, target }: Pick<Figure, 'value' | 'target'>): boolean | undefined {
  if (target === undefined) return undefined;
  return 'below' in target ? value.median < target.below : value.median >= target.atLeast;
}

/** A number as people read it: three digits that tell something. */
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
