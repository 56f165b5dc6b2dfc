import type { Table } from '../../../src/index.js';
import type { HistoryLog } from './history-log.js';
import { OPERATIONS, type OperationName } from './row-model.js';

/** Text of the number beside the number itself: a row of two writes would not agree. */
export const historyColumns = { value: 'float64', text: 'string(24)' } as const;
export type HistoryTable = Table<typeof historyColumns>;

/** Few rows, for contention; in few buckets, for neighbours that move. */
export const HISTORY_KEYS = Array.from({ length: 6 }, (_, i) => `row-${i}`);

const VALUES = 5;
/** Longer than a history lasts. */
const LIFETIME_MS = 3_600_000;

/** Random operations on a few rows, each recorded, until the log is full. */
export function makeHistory(table: HistoryTable, log: HistoryLog, random: () => number): void {
  while (!log.isFull) {
    const key = Math.floor(random() * HISTORY_KEYS.length);
    const name = OPERATIONS[Math.floor(random() * OPERATIONS.length)];
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
  const row = { value, text: String(value) };
  switch (name) {
    case 'get':
      return table.get(key, 'value');
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
      return table.take(key)?.value;
    case 'increment':
      return table.increment(key, 'value', value);
    case 'incrementFor':
      return table.increment(key, 'value', value, { ttl: LIFETIME_MS });
    case 'incrementFixed':
      return table.increment(key, 'value', value, { ttlIfNew: LIFETIME_MS });
    case 'compareAndSet':
      return table.compareAndSet(key, { value: expected }, row);
    case 'compareAndDelete':
      return table.compareAndDelete(key, { value: expected });
  }
}
