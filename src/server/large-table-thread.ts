/** The thread of `large-tables.ts`: does one task after the other, each with a table, which it closes. */
import { parentPort } from 'node:worker_threads';
import { ShmTableError } from '../errors.js';
import { timers } from '../memory/index.js';
import { engineOf } from '../table/engine.js';
import { Table } from '../table/table.js';
import type { Alteration, LookupOptions } from '../table/types.js';
import { END, type Outcome, type Task } from './large-tables.js';
import { createSole } from './sole-table.js';

/** After this time every handle of the service has followed an altered table. */
const ALL_FOLLOWED_MS = 6000;
/** How many tables as they were before are kept at most: a table may be altered many times in that time. */
const MAX_KEPT = 2;

/** Those that are kept, the oldest first, each with the timer that will close it. */
const kept = new Map<{ close(): void }, NodeJS.Timeout>();

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
    if (engine.isBehind) keep(before);
    else before.close();
  }
}

function keep(before: { close(): void }): void {
  kept.set(
    before,
    timers.setTimeout(() => close(before), ALL_FOLLOWED_MS),
  );
  if (kept.size > MAX_KEPT) for (const oldest of [...kept.keys()].slice(0, -MAX_KEPT)) close(oldest);
}

function close(before: { close(): void }): void {
  timers.clearTimeout(kept.get(before));
  kept.delete(before);
  before.close();
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

parentPort?.on('message', (message: Task | typeof END) => {
  if (message === END) parentPort?.close();
  else parentPort?.postMessage(outcomeOf(message));
});
