import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { Child } from './child.js';

const DEADLINE_MS = 60_000;

/** A process that is stopped before this store of its operation; undefined if the operation has no such store. */
export async function stopAt(
  t: Test,
  table: string,
  operation: string,
  key: string,
  store: number,
): Promise<Child | undefined> {
  const child = Child.start(t, 'table-stopped-operation', table, operation, key, store);
  let ended = false;
  void child.ended.then(() => {
    ended = true;
  });
  for (const deadline = performance.now() + DEADLINE_MS; performance.now() < deadline; await sleep(2)) {
    if (ended) return undefined;
    if (/^State:\tT/m.test(readFileSync(`/proc/${child.process.pid}/status`, 'utf8'))) return child;
  }
  throw new Error('it neither stopped nor ended');
}
