/**
 * A section is the part of the benchmark that runs in one process of its own: what one measurement teaches the
 * optimising compiler about the table, and what it leaves on the heap, must not slow down or speed up the next.
 */
import type { Figure } from './figure.js';

export interface Section {
  /** What `--only` takes. */
  readonly name: string;
  /** URL of a module that exports `run` as in SectionModule. */
  readonly module: string;
  /** Handed to `run`: the number of rows, where a section runs at several. */
  readonly rows?: number;
}

/** How much is measured. */
export interface Effort {
  readonly rounds: number;
  /** Operations that a subject does in one go. */
  readonly sliceOperations: number;
  /** How long processes that run at the same time do so in a round. */
  readonly windowMs: number;
  /** Numbers of rows are divided by it, for trying out the benchmark itself: the figures then mean nothing. */
  readonly rowsDivisor: number;
}

export const EFFORTS = {
  full: { rounds: 41, sliceOperations: 20_000, windowMs: 250, rowsDivisor: 1 },
  /** Slices so short that the system seldom takes the processor away within one: the longer half would lose more. */
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

/** Whether only the benchmark itself is tried out, and what takes long may be left away. */
export function isTrial({ rowsDivisor }: Effort): boolean {
  return rowsDivisor > 1;
}

/** What a section of so many rows has with this effort: at least 10. */
export function rowsFor(effort: Effort, rows: number): number {
  return Math.max(10, Math.floor(rows / effort.rowsDivisor));
}
