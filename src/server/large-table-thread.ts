/** The thread of `large-tables.ts`: does one task with a table, and closes it. */
import { parentPort, workerData } from 'node:worker_threads';
import { ShmTableError } from '../errors.js';
import { timers } from '../memory/index.js';
import { engineOf } from '../table/engine.js';
import { Table } from '../table/table.js';
import type { Alteration, LookupOptions } from '../table/types.js';
import type { Outcome, Task } from './large-tables.js';
import { createSole } from './sole-table.js';

/** After this time every handle of the service has followed an altered table. */
const ALL_FOLLOWED_MS = 6000;

function run(task: Task): Alteration | undefined {
  switch (task.type) {
    case 'create':
      createSole(task.options, task.others).close();
      return undefined;
    case 'openOrCreate':
      keepingMemory(task.options.name, task.options, () => Table.openOrCreate(task.options).close());
      return undefined;
    case 'alter':
      return keepingMemory(task.name, task.changes, () => Table.alter(task.name, task.changes));
  }
}

/**
 * Runs `alter`, and then keeps the memory that the table had before until other threads need it no more: whoever closes
 * it last waits while the kernel frees it (30 ms for 100 MB), and they serve requests.
 */
function keepingMemory<T>(name: string, { namespace, backend, path }: LookupOptions, alter: () => T): T {
  const before = Table.open(name, { namespace, backend, path, readOnly: true });
  const engine = engineOf(before);
  engine.followOnlyWhenAsked();
  try {
    return alter();
  } finally {
    if (engine.isBehind) timers.setTimeout(() => before.close(), ALL_FOLLOWED_MS);
    else before.close();
  }
}

function outcomeOf(task: Task): Outcome {
  try {
    return { alteration: run(task) };
  } catch (error) {
    if (!(error instanceof ShmTableError)) throw error;
    const { code, message } = error;
    return { refusal: { code, message } };
  }
}

parentPort?.postMessage(outcomeOf(workerData));
