import type { Row, Table, TableOptions } from '../../../src/index.js';
import type { HistoryLog } from './history-log.js';
import { areOfOneWrite, longTexts } from './long-texts.js';
import { OPERATIONS, type OperationName, pairOf } from './row-model.js';

/**
 * Two numbers with texts between them: reading a row takes longer than incrementing it, so that reads overlap with
 * increments of both numbers.
 */
const historyColumns = {
  value: 'float64',
  text: 'string(24)',
  a: 'string(8000)',
  b: 'string(8000)',
  c: 'string(8000)',
  d: 'string(8000)',
  e: 'string(8000)',
  f: 'string(8000)',
  other: 'float64',
} as const;
export type HistoryTable = Table<typeof historyColumns>;

/** The same numbers beside values in blocks. */
const longHistoryColumns = {
  value: 'float64',
  text: 'string(24)',
  a: 'text',
  b: 'blob',
  c: 'json',
  other: 'float64',
} as const;
/** More than all rows and all concurrent writes need. */
const HEAP_BYTES = 4 << 20;

export function historyOptions(name: string, hasLong: boolean): TableOptions<typeof historyColumns> {
  const columns: object = hasLong ? longHistoryColumns : historyColumns;
  const options = { name, capacity: 14, columns: columns as typeof historyColumns, lockTimeoutMs: 10_000 };
  return hasLong ? { ...options, heap: HEAP_BYTES } : options;
}

/** A value that is never written; recorded for a row whose long values do not come from one write. */
const MIXED = -1;

/** Few rows, for contention, in few buckets, so that rows are moved. */
export const HISTORY_KEYS = Array.from({ length: 6 }, (_, i) => `row-${i}`);

const VALUES = 5;
/** Longer than a history lasts. */
const LIFETIME_MS = 3_600_000;
/**
 * The operations to draw from. Reads and increments are listed repeatedly, so that they are more frequent than
 * operations that replace the row.
 */
const DRAWN_OPERATIONS: readonly OperationName[] = [
  ...OPERATIONS,
  ...Array.from({ length: 8 }, (): OperationName[] => ['increment', 'incrementOther', 'entry']).flat(),
];
const long = '\u00e4'.repeat(4_000);
const shortTexts = { a: long, b: long, c: long, d: long, e: long, f: long };

/** Runs random operations on a few rows and records each one, until the log is full. */
export function recordHistory(table: HistoryTable, log: HistoryLog, random: () => number): void {
  while (!log.isFull) {
    const key = Math.floor(random() ** 3 * HISTORY_KEYS.length);
    const name = DRAWN_OPERATIONS[Math.floor(random() * DRAWN_OPERATIONS.length)];
    const value = 1 + Math.floor(random() * VALUES);
    const expected = 1 + Math.floor(random() * VALUES);
    log.record(key, name, value, expected, () => perform(table, HISTORY_KEYS[key], name, value, expected));
  }
}

/** Performs an operation as `row-model` describes it. */
export function perform(
  table: HistoryTable,
  key: string,
  name: OperationName,
  value: number,
  expected: number,
): number | boolean | undefined {
  const hasLong = isLong(table);
  const row = { value, text: String(value), ...textsFor(hasLong) };
  switch (name) {
    case 'get':
      return hasLong ? wholeValueOf(table.get(key)) : table.get(key, 'value');
    case 'entry': {
      const entry = table.entry(key);
      return entry && (hasLong && !areOfOneWrite(entry.row) ? MIXED : pairOf(entry.row));
    }
    case 'set':
      table.set(key, row);
      return undefined;
    case 'put':
      table.put(key, row);
      return undefined;
    case 'insert':
      return table.insert(key, row);
    case 'update':
      return table.update(key, row);
    case 'delete':
      return table.delete(key);
    case 'take':
      return hasLong ? wholeValueOf(table.take(key)) : table.take(key)?.value;
    case 'increment':
      return table.increment(key, 'value', value);
    case 'incrementFor':
      return table.increment(key, 'value', value, { ttl: LIFETIME_MS });
    case 'incrementFixed':
      return table.increment(key, 'value', value, { ttlIfNew: LIFETIME_MS });
    case 'incrementOther':
      return table.increment(key, 'other', value);
    case 'compareAndSet':
      return table.compareAndSet(key, { value: expected }, row);
    case 'compareAndDelete':
      return table.compareAndDelete(key, { value: expected });
  }
}

function isLong(table: HistoryTable): boolean {
  return (table.columns.a as string) === longHistoryColumns.a;
}

let writes = 0;

/** Texts for a row: long ones are different for each write. */
function textsFor(hasLong: boolean): object {
  return hasLong ? longTexts(++writes * 1_000 + (process.pid % 1_000)) : shortTexts;
}

function wholeValueOf(row: Row<typeof historyColumns> | undefined): number | undefined {
  return row && !areOfOneWrite(row) ? MIXED : row?.value;
}
