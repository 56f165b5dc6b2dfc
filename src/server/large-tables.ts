/**
 * Creates large tables, and alters tables, in a separate thread, so that this thread continues to serve requests while
 * the kernel zeroes the memory (a second for 2 GB) and rows are copied. One table at a time, however many are requested.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, hasCode, ShmTableError } from '../errors.js';
import { SHARES_MEMORY } from '../memory/index.js';
import { Table } from '../table/table.js';
import type { Alteration, AlterOptions, BackendName, TableOptions } from '../table/types.js';

/** Zeroing this much takes as long as a request may block the event loop. */
const LARGE_BYTES = 8 * 2 ** 20;

/** What the thread does. */
export type Task =
  | { readonly type: 'create'; readonly options: TableOptions; readonly others: readonly BackendName[] }
  | { readonly type: 'openOrCreate'; readonly options: TableOptions }
  | { readonly type: 'alter'; readonly name: string; readonly changes: AlterOptions };

/** The message that the thread posts when it is done. */
export type Outcome =
  | { readonly alteration: Alteration | undefined; readonly refusal?: undefined }
  | { readonly refusal: { readonly code: ErrorCode; readonly message: string } };

let previous: Promise<unknown> = Promise.resolve();

/**
 * Whether a table is so large that it is to be created in a thread. Memory that is not shared takes no time to create,
 * and would belong to that thread.
 */
export function isLarge(options: TableOptions): boolean {
  return SHARES_MEMORY && Table.bytesFor(options).total >= LARGE_BYTES;
}

/** `createSole`; resolves with whether this call created the table; false if it exists. */
export async function createLarge(options: TableOptions, others: readonly BackendName[]): Promise<boolean> {
  try {
    await inThread({ type: 'create', options, others });
    return true;
  } catch (error) {
    if (hasCode(error, 'ERR_TABLE_EXISTS')) return false;
    throw error;
  }
}

/**
 * Does what `onMismatch` says with a table that has another schema. However small it is: others may make us wait for
 * longer than a request may.
 */
export async function conformTable(options: TableOptions): Promise<void> {
  if (SHARES_MEMORY) await inThread({ type: 'openOrCreate', options });
  else Table.openOrCreate(options).close();
}

/** `Table.alter`. */
export async function alterTable(name: string, changes: AlterOptions): Promise<Alteration> {
  if (!SHARES_MEMORY || changes.backend === 'process') return Table.alter(name, changes);
  const { alteration } = await inThread({ type: 'alter', name, changes });
  if (alteration === undefined) throw new ShmTableError('ERR_INTERNAL', `the thread did not alter table ${name}`);
  return alteration;
}

function inThread(task: Task): Promise<Exclude<Outcome, { refusal: object }>> {
  const result = previous.then(() => runThread(task));
  previous = result.catch(() => undefined);
  return result;
}

async function runThread(task: Task): Promise<Exclude<Outcome, { refusal: object }>> {
  const thread = new Worker(new URL('./large-table-thread.js', import.meta.url), { workerData: task });
  const over = new AbortController();
  try {
    const outcome = await Promise.race([
      once(thread, 'message', over).then(([message]: Outcome[]) => message),
      once(thread, 'exit', over).then(() => undefined),
    ]);
    if (outcome === undefined) throw new ShmTableError('ERR_INTERNAL', `the thread for the task ${task.type} ended`);
    if (outcome.refusal === undefined) return outcome;
    throw new ShmTableError(outcome.refusal.code, outcome.refusal.message);
  } finally {
    over.abort();
    // It may still keep memory.
    thread.unref();
  }
}
