/**
 * Creates large tables, and alters tables, in a separate thread, so that this thread continues to serve requests while
 * the kernel zeroes the memory (a second for 2 GB) and rows are copied. One table at a time, however many are requested,
 * and one thread: starting one takes longer than altering a small table, and each takes 17 MB.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, hasCode, ShmTableError } from '../errors.js';
import { SHARES_MEMORY, timers } from '../memory/index.js';
import { Table } from '../table/table.js';
import type { Alteration, AlterOptions, BackendName, TableOptions } from '../table/types.js';

/** Zeroing this much takes as long as a request may block the event loop. */
const LARGE_BYTES = 8 * 2 ** 20;

/** How long the thread is kept without a task, in milliseconds. */
const IDLE_MS = 10_000;

/** What the thread does. */
export type Task =
  | { readonly type: 'create'; readonly options: TableOptions; readonly others: readonly BackendName[] }
  | { readonly type: 'openOrCreate'; readonly options: TableOptions }
  | { readonly type: 'alter'; readonly name: string; readonly changes: AlterOptions };

/** The message after which the thread gets no more tasks. */
export const END = 'end';

/** The message that the thread posts when it is done with a task. */
export type Outcome =
  | { readonly alteration: Alteration | undefined; readonly refusal?: undefined }
  | { readonly refusal: { readonly code: ErrorCode; readonly message: string } };

let previous: Promise<unknown> = Promise.resolve();
/** The thread that waits for a task, or has one. */
let current: Worker | undefined;
let idling: NodeJS.Timeout | undefined;

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
  timers.clearTimeout(idling);
  current ??= new Worker(new URL('./large-table-thread.js', import.meta.url));
  const thread = current;
  const over = new AbortController();
  let outcome: Outcome | undefined;
  try {
    thread.ref();
    thread.postMessage(task);
    outcome = await Promise.race([
      once(thread, 'message', over).then(([message]: Outcome[]) => message),
      once(thread, 'exit', over).then(() => undefined),
    ]);
  } finally {
    over.abort();
    // It may still keep memory.
    thread.unref();
    if (outcome === undefined) current = undefined;
    else idling = timers.setTimeout(() => endThread(thread), IDLE_MS).unref();
  }
  if (outcome === undefined) throw new ShmTableError('ERR_INTERNAL', `the thread for the task ${task.type} ended`);
  if (outcome.refusal === undefined) return outcome;
  throw new ShmTableError(outcome.refusal.code, outcome.refusal.message);
}

function endThread(thread: Worker): void {
  current = undefined;
  thread.postMessage(END);
}
