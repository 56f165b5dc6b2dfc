/** Lifetimes of rows as they are typed. */

export const UNITS = { ms: 1, seconds: 1000, minutes: 60_000, hours: 3_600_000, days: 86_400_000 } as const;
export type Unit = keyof typeof UNITS;

export interface LifetimeDraft {
  readonly choice: 'keep' | 'none' | 'set';
  readonly count: string;
  readonly unit: Unit;
}

export const KEEP_LIFETIME: LifetimeDraft = { choice: 'keep', count: '1', unit: 'hours' };

/** The lifetime in milliseconds, or why the draft is none; undefined unless one is to be set. */
export function lifetimeOf({
  choice,
  count,
  unit,
}: LifetimeDraft): { ttlMs: number } | { problem: string } | undefined {
  if (choice !== 'set') return undefined;
  const typed = count.trim();
  const ttlMs = Number(typed) * UNITS[unit];
  if (!/^\d+(\.\d+)?$/.test(typed) || !Number.isSafeInteger(ttlMs) || ttlMs < 1) {
    return { problem: 'must be a number of whole milliseconds, at least 1' };
  }
  return { ttlMs };
}
