/**
 * Fails commands a few at a time. When a server stands still or a connection ends, all commands under way fail in the same
 * moment, and each wakes whoever waits for it: an answer to every one of thousands of requests, or to every operation of a
 * batch, would keep the event loop from everything else.
 */
import { timers } from '../memory/index.js';

/** Failures in one turn of the event loop. */
const AT_ONCE = 32;

/** State of this thread. */
const waiting: (() => void)[] = [];
let failed = 0;

/** Calls `fail` now, or in one of the next turns of the event loop if many others came before it. */
export function failInTurn(fail: () => void): void {
  if (failed === 0) timers.setImmediate(nextTurn);
  if (failed < AT_ONCE && waiting.length === 0) {
    failed++;
    fail();
  } else waiting.push(fail);
}

function nextTurn(): void {
  const few = waiting.splice(0, AT_ONCE);
  failed = few.length;
  if (failed === 0) return;
  timers.setImmediate(nextTurn);
  for (const fail of few) fail();
}
