import { setPriority } from 'node:os';
import { seededRandom } from '../seeded-random.js';
import type { Subject } from '../subject.js';
import { StormLog } from './storm-log.js';
import {
  hasLongColumns,
  isWhole,
  LOCK_TIMEOUT_MS,
  rowFor,
  STORM_KEYS,
  type StormTable,
  TOTAL_KEY,
} from './storm-table.js';
import { longValues } from './storm-values.js';

/** Longer than a storm. */
const LIFETIME_MS = 24 * 3_600_000;

/** Where a writer works, and which line of the log belongs to it. */
export interface StormWriter {
  readonly table: string;
  readonly log: string;
  readonly writer: number;
}

/** Runs mixed operations continuously, until the log says stop or this thread or process is ended. */
export function writeInStorm({ Table }: Subject, { table: name, log: logName, writer }: StormWriter): void {
  const log = StormLog.open(logName);
  const table = Table.open(name, { lockTimeoutMs: LOCK_TIMEOUT_MS }) as unknown as StormTable;
  const random = seededRandom(writer + 1);
  // Lower priority than processes that are starting, and than the one that kills.
  setPriority(5);
  log.set(writer, 'ready', 1);
  while (!log.mustStop) {
    const stops = log.get(writer, 'stops');
    const start = performance.now();
    step(table, log, writer, random);
    const ms = performance.now() - start;
    log.add(writer, 'operations');
    // The time does not count if this writer itself was stopped meanwhile.
    if (ms > log.get(writer, 'slowestMs') && log.get(writer, 'stops') === stops) log.set(writer, 'slowestMs', ms);
  }
  table.close();
}

function step(table: StormTable, log: StormLog, writer: number, random: () => number): void {
  const key = STORM_KEYS[Math.floor(random() * STORM_KEYS.length)];
  const choice = random();
  if (choice < 0.2) {
    log.add(writer, 'started');
    // In place, by an increment that could create the row, and by writing the whole row: none may lose increments of
    // the others.
    const form = Math.floor(random() * 3);
    if (form === 0) table.increment(TOTAL_KEY, 'count');
    else if (form === 1) table.increment(TOTAL_KEY, 'count', 1, { ttlIfNew: LIFETIME_MS });
    else table.increment(TOTAL_KEY, 'count', 1, { ttl: LIFETIME_MS });
    log.add(writer, 'finished');
  } else if (choice < 0.4) {
    unlessFull(table, () => table.put(key, rowFor(table, key, writer, random)));
  } else if (choice < 0.5) {
    unlessFull(table, () => table.insert(key, rowFor(table, key, writer, random)));
  } else if (choice < 0.6) {
    unlessFull(table, () => table.update(key, updateFor(table, key, writer, random)));
  } else if (choice < 0.72) {
    table.delete(key);
  } else if (choice < 0.76) {
    const row = table.take(key);
    if (row !== undefined && !isWhole(key, row)) log.add(writer, 'torn');
  } else if (choice < 0.8) {
    const entry = table.entry(key);
    const row = rowFor(table, key, writer, random);
    if (entry !== undefined) unlessFull(table, () => table.compareAndSet(key, { revision: entry.revision }, row));
  } else if (choice < 0.82) {
    table.expire(key, 1 + Math.floor(random() * 50));
  } else if (choice < 0.84) {
    for (const [found, row] of table) if (found !== TOTAL_KEY && !isWhole(found, row)) log.add(writer, 'torn');
  } else {
    const row = table.get(key);
    if (row !== undefined && !isWhole(key, row)) log.add(writer, 'torn');
  }
}

/** A row, or one long value of it: the blocks of the others are kept. */
function updateFor(table: StormTable, key: string, writer: number, random: () => number): object {
  if (!hasLongColumns(table) || random() < 0.3) return rowFor(table, key, writer, random);
  const { note, image, doc } = longValues(key, random);
  return [{ note }, { image }, { doc }][Math.floor(random() * 3)];
}

/** A table that evicts is never full. */
function unlessFull(table: StormTable, write: () => unknown): void {
  try {
    write();
  } catch (error) {
    const isFull = error instanceof Error && 'code' in error && error.code === 'ERR_TABLE_FULL';
    if (!isFull || table.evict !== 'none') throw error;
  }
}
