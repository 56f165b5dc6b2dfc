/**
 * A section is a part of the benchmark that runs in a separate process: what the optimising compiler learns about the
 * table in one measurement, and what that leaves on the heap, must not slow down or speed up the next.
 */
import type { Figure } from './figure.js';

export interface Section {
  /** The name for `--only`. */
  readonly name: string;
  /** URL of a module that exports `run` as in SectionModule. */
  readonly module: string;
  /** Passed to `run`: the number of rows, if a section runs with several. */
  readonly rows?: number;
}

/** How much is measured. */
export interface Effort {
  readonly rounds: number;
  /** Operations that a subject executes without interruption. */
  readonly sliceOperations: number;
  /** How long concurrent processes run in a round. */
  readonly windowMs: number;
  /** Numbers of rows are divided by this to test the benchmark itself; the figures are then meaningless. */
  readonly rowsDivisor: number;
}

export const EFFORTS = {
  full: { rounds: 41, sliceOperations: 20_000, windowMs: 250, rowsDivisor: 1 },
  /** Slices so short that the system rarely preempts one: that would distort a ratio. */
  guard: { rounds: 61, sliceOperations: 3_000, windowMs: 60, rowsDivisor: 1 },
  quick: { rounds: 9, sliceOperations: 20_000, windowMs: 60, rowsDivisor: 1 },
  smoke: { rounds: 1, sliceOperations: 200, windowMs: 20, rowsDivisor: 1000 },
} as const satisfies Record<string, Effort>;

export interface SectionResult {
  readonly figures: readonly Figure[];
  /** What could not be measured here, and why. */
  readonly leftOut?: readonly string[];
}

export interface SectionModule {
  run(effort: Effort, rows: number): Promise<SectionResult>;
}

/** Whether only the benchmark itself is tested, and slow parts may be left out. */
export function isTrial({ rowsDivisor }: Effort): boolean {
  return rowsDivisor > 1;
}

/** The number of rows for a section with this effort: at least 10. */
export function rowsFor(effort: Effort, rows: number): number {
  return Math.max(10, Math.floor(rows / effort.rowsDivisor));
}
