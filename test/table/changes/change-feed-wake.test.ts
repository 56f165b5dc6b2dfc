/** Sleeping watchers: their mark is not lost, and even if it were, no watcher would sleep forever. */
import type { Test } from 'tap';
import { FEED_SLEEPERS, FEED_WAKE } from '../../../src/table/layout/change-feed.js';
import { DESTROYED, readHeader, STATE } from '../../../src/table/layout/segment.js';
import { eventually, within } from '../../fixtures/deadline.js';
import { Table } from '../../fixtures/placed-table.js';
import { openMemory, scratchTable, testShared } from '../scratch-table.js';

const options = { capacity: 9, columns: { n: 'int32' }, changes: 1 << 16 } as const;

/** The words of a table's memory, with the indexes of the word on which watchers sleep and of their mark. */
function feedOf(t: Test, name: string) {
  const memory = openMemory(name);
  t.teardown(() => memory.close());
  const words = new Int32Array(memory.buffer);
  const at = readHeader(memory.buffer, name).feedAt / 4;
  return { words, wake: at + FEED_WAKE, sleepers: at + FEED_SLEEPERS };
}

testShared('a mark that is set after the word has advanced is not cleared', async (t) => {
  const table = scratchTable(t, options);
  const { words, wake, sleepers } = feedOf(t, table.name);
  const { add } = Atomics;
  const advancedAt: number[] = [];
  // A watcher that sees the new word immediately, and is about to sleep on it when the writer continues.
  Reflect.set(Atomics, 'add', (view: Int32Array, index: number, value: number): number => {
    const before = add(view, index, value);
    if (index === wake) {
      advancedAt.push(Atomics.load(words, wake));
      Atomics.store(words, sleepers, 1);
    }
    return before;
  });
  t.teardown(() => Reflect.set(Atomics, 'add', add));
  for (const mark of [0, 1]) {
    Atomics.store(words, sleepers, mark);
    table.set('k', { n: mark });
    t.equal(Atomics.load(words, sleepers), 1, `with ${mark === 0 ? 'no watcher' : 'another one'} asleep before`);
  }
  Atomics.store(words, sleepers, 1);
  table.destroy();
  t.equal(Atomics.load(words, sleepers), 1, 'by `destroy` too');
  t.equal(advancedAt.length, 3);
});

testShared('a watcher whose mark was cleared without a wake-up checks by itself', async (t) => {
  const table = scratchTable(t, options);
  const { words, sleepers } = feedOf(t, table.name);
  const changes = table.watch();
  const next = changes.next();
  await eventually('it sleeps', () => Atomics.load(words, sleepers) === 1);
  // Like a writer that is stopped before it wakes the watchers.
  Atomics.store(words, sleepers, 0);
  table.set('k', { n: 1 });
  t.equal((await within(10_000, 'the change', next)).value.key, 'k');
  await changes.return?.();
});

for (const readOnly of [false, true]) {
  testShared(`a watch ends when its table is destroyed without a wake-up ${readOnly ? 'read-only' : ''}`, async (t) => {
    const table = scratchTable(t, options);
    const { words } = feedOf(t, table.name);
    const watching = Table.open(table.name, { readOnly });
    t.teardown(() => watching.close());
    const next = watching.watch().next();
    // Like a process that is killed right after.
    Atomics.store(words, STATE, DESTROYED);
    await t.rejects(within(10_000, 'the end', next), { code: 'ERR_TABLE_CLOSED' });
  });
}
