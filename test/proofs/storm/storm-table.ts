import type { Row, Table, TableOptions } from '../../../src/index.js';
import { areWhole, longValues } from './storm-values.js';

export const stormColumns = {
  writer: 'int32',
  count: 'float64',
  text: 'string(60)',
  sum: 'uint32',
} as const;

/** A storm with short values and one with long values, because tables without long columns have different code. */
export const longStormColumns = { ...stormColumns, note: 'text', image: 'blob', doc: 'json' } as const;

export type StormTable = Table<typeof stormColumns>;

/** The rows are in few buckets and overflow them, and there are more keys than the table can hold. */
export const STORM_KEYS = Array.from({ length: 70 }, (_, i) => `key-${i}`);
/** Incremented by all writers and never deleted. */
export const TOTAL_KEY = 'total';
export const LOCK_TIMEOUT_MS = 5_000;

/** Room for the long values of some of the rows: sometimes the heap is full, sometimes the table. */
export const HEAP_BYTES = 1 << 20;
/** Of a table that is altered; the others have this capacity. */
export const LEAST_CAPACITY = 56;

/**
 * `long`: the rows also have three values of 0 to 100 KB. `evicting`: rows are evicted for others, too. `altered`: the
 * same as `long`, in a table that two processes alter all the time.
 */
export const STORM_KINDS = ['short', 'long', 'evicting', 'altered'] as const;
export type StormKind = (typeof STORM_KINDS)[number];

export function stormOptions(name: string, kind: StormKind): TableOptions<typeof stormColumns> {
  return {
    name,
    capacity: LEAST_CAPACITY,
    columns: kind === 'short' ? stormColumns : longStormColumns,
    ...(kind === 'short' ? {} : { heap: HEAP_BYTES }),
    evict: kind === 'evicting' ? 'lru' : 'none',
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    maxParticipants: 32,
  };
}

/** A row for a table of the storm. */
export function rowFor(table: StormTable, key: string, writer: number, random: () => number): Row<typeof stormColumns> {
  const row = stormRow(key, writer, random());
  return hasLongColumns(table) ? { ...row, ...longValues(key, random) } : row;
}

export function hasLongColumns(table: StormTable): boolean {
  return 'note' in table.columns;
}

/** A row in which each of these columns depends on every other. */
function stormRow(key: string, writer: number, random: number): Row<typeof stormColumns> {
  const text = `${key}:${writer}:`.padEnd(
    12 + Math.floor(random * 48),
    String.fromCharCode(97 + Math.floor(random * 26)),
  );
  const row = { writer, count: random, text, sum: 0 };
  return { ...row, sum: sumOf(row) };
}

export function isWhole(key: string, row: Row<typeof stormColumns>): boolean {
  if ('note' in row && !areWhole(key, row)) return false;
  return row.text.startsWith(`${key}:${row.writer}:`) && row.sum === sumOf(row);
}

function sumOf({ writer, count, text }: { writer: number; count: number; text: string }): number {
  let sum = Math.imul(writer, 0x9e3779b1) ^ Math.floor(count * 0xffffffff);
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return sum >>> 0;
}
