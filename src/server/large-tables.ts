/**
 * Creates large tables in a separate thread, so that this thread continues to serve requests while the kernel zeroes
 * the memory (a second for 2 GB). One table at a time, however many are requested.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, ShmTableError } from '../errors.js';
import { Table } from '../table/table.js';
import type { TableOptions } from '../table/types.js';

/** Zeroing this much takes as long as a request may block the event loop. */
const LARGE_BYTES = 8 * 2 ** 20;

/** The message that the thread posts when the table cannot be created. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

let previous: Promise<unknown> = Promise.resolve();

/** Whether a table is so large that it is to be created in a thread. */
export function isLarge(options: TableOptions): boolean {
  return Table.bytesFor(options).total >= LARGE_BYTES;
}

/** Resolves with whether this call created the table; false if it exists. */
export function createLarge(options: TableOptions): Promise<boolean> {
  const creation = previous.then(() => createInThread(options));
  previous = creation.catch(() => undefined);
  return creation;
}

async function createInThread(options: TableOptions): Promise<boolean> {
  const thread = new Worker(new URL('./large-table-thread.js', import.meta.url), { workerData: options });
  let refusal: Refusal | undefined;
  thread.on('message', (message: Refusal) => {
    refusal = message;
  });
  await once(thread, 'exit');
  if (refusal === undefined) return true;
  if (refusal.code === 'ERR_TABLE_EXISTS') return false;
  throw new ShmTableError(refusal.code, refusal.message);
}
