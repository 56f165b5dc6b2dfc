/** The thread of `large-tables.ts`: creates a table and closes it. */
import { parentPort, workerData } from 'node:worker_threads';
import { ShmTableError } from '../errors.js';
import { Table } from '../table/table.js';
import type { Refusal } from './large-tables.js';

try {
  Table.create(workerData).close();
} catch (error) {
  if (!(error instanceof ShmTableError)) throw error;
  const { code, message } = error;
  parentPort?.postMessage({ code, message } satisfies Refusal);
}
