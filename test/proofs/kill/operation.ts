import type { ProofTable, ProofTableOptions } from './proof-table.js';

/** Keys of a proof: those in one bucket's chain, and those in other buckets. */
export interface ProofKeys {
  /** Their home bucket is the first one. */
  readonly chain: readonly string[];
  readonly others: readonly string[];
}

/** An operation that is killed at every store, and the state of the table before it. */
export interface Operation {
  readonly name: string;
  readonly table?: ProofTableOptions;
  /** Rows in the chain before it: `chain[0]` to `chain[rows - 1]`, in this order. */
  readonly rows: number;
  /** Further preparation. */
  readonly prepare?: (table: ProofTable, keys: ProofKeys) => void;
  /** The bucket's version before the operation; by default, whatever it happens to be. */
  readonly version?: number;
  /** `runTimers` runs the timers of the table's handle, which do not fire by themselves here. */
  readonly run: (table: ProofTable, keys: ProofKeys, runTimers: () => void) => unknown;
  /** True for an operation of several independent steps, each of which is either complete or not. */
  readonly stepwise?: boolean;
}

/** Longer than all kills of one operation and of its recoveries take. */
export const LIFETIME_MS = 24 * 3_600_000;

/** Lets rows expire before the operation runs. */
export function letExpire(table: ProofTable, keys: readonly string[]): void {
  for (const key of keys) table.expire(key, 1);
  while (keys.some((key) => table.has(key)));
}

/** Runs a function that must throw this code. */
export function refused(run: () => unknown, code: string): void {
  try {
    run();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === code) return;
    throw error;
  }
  throw new Error(`it did not throw ${code}`);
}
