/** A heap that is full or nearly full. */
import t, { type Test } from 'tap';
import type { Table } from '../../src/index.js';
import { tries } from '../fixtures/tries.js';
import { Child } from './child.js';
import { scratchTable, testOfProcesses } from './scratch-table.js';

const columns = { n: 'int32', text: 'text(8)' } as const;
const BLOCK = 64;

/** A table with a heap of this many blocks. */
const heapOf = (blocks: number) => ({ bytes: blocks * BLOCK, blockBytes: BLOCK });
const blocks = (count: number): string => 'x'.repeat(count * BLOCK);

function isSound(t: Test, table: Table<typeof columns>): void {
  t.same(table.verify(), { ok: true, problems: [] });
  t.equal(table.stats().heap?.inFlight, 0);
}

t.test('values that need exactly the blocks of the heap fit, and one more does not', async (t) => {
  for (const sizes of [[100], [1, 99], [33, 33, 34], Array.from({ length: 100 }, () => 1), [64, 36]]) {
    const table = scratchTable(t, { capacity: 200, columns, heap: heapOf(100) });
    for (let round = 0; round < 3; round++) {
      for (const [i, size] of sizes.entries()) table.set(`k${i}`, { text: blocks(size) });
      t.match(table.stats().heap, { used: 100, inFlight: 0 });
      const before = new Map(table);
      const full = { code: 'ERR_TABLE_FULL', message: /heap: the row needs 1 blocks of 64 bytes, 0 of 100 are free/ };
      t.throws(() => table.set('new', { text: blocks(1) }), full);
      t.throws(
        () => table.set('k0', { text: 'x'.repeat(9) }),
        full,
        'an update needs its new blocks in addition to the old ones',
      );
      t.same(new Map(table), before);
      isSound(t, table);
      table.set('short', { text: '12345678' }).set('k0', { n: 1 }).increment('k0', 'n');
      t.equal(table.get('k0', 'text'), before.get('k0')?.text, 'writes that need no block succeed');
      table.clear();
      isSound(t, table);
    }
  }
});

t.test('the error says which of the two limits was reached', async (t) => {
  const table = scratchTable(t, { capacity: 1, columns, heap: heapOf(4) });
  table.set('a', { text: blocks(2) });
  t.throws(() => table.set('b', { text: blocks(2) }), { code: 'ERR_TABLE_FULL', message: /capacity of 1 rows/ });
  t.throws(() => table.set('b', { text: blocks(3) }), {
    code: 'ERR_TABLE_FULL',
    message: /heap: .* 3 blocks .* 2 of 4/,
  });
  t.throws(() => table.set('b', { text: blocks(5) }), { code: 'ERR_VALUE_TOO_LONG', message: /4 blocks .* needs 5/ });
  t.same([...table.keys()], ['a']);
  isSound(t, table);
});

t.test('a write that is refused claims nothing', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, heap: heapOf(4) });
  table.set('a', { text: blocks(3) });
  t.equal(table.insert('a', { text: blocks(4) }), false);
  t.equal(table.update('none', { text: blocks(4) }), false);
  t.equal(table.compareAndSet('a', { n: 1 }, { text: blocks(4) }), false);
  t.equal(table.compareAndSet('none', { n: 0 }, { text: blocks(4) }), false);
  t.match(table.stats().heap, { used: 3, inFlight: 0 });
});

t.test('the blocks of expired rows are reused', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, heap: heapOf(10) });
  table.set('old', { text: blocks(8) }, { ttl: 1 });
  while (table.has('old')) await new Promise(setImmediate);
  table.set('new', { text: blocks(10) });
  t.same([...table.keys()], ['new']);
  isSound(t, table);
});

t.test('a table that evicts removes as many of the least recently used rows as a value needs', async (t) => {
  const table = scratchTable(t, { capacity: 1000, columns, heap: heapOf(100), evict: 'lru' });
  for (let i = 0; i < 500; i++) table.set(`small${i}`, { n: i });
  for (let i = 0; i < 100; i++) table.set(`k${i}`, { text: blocks(1) });
  for (let i = 0; i < 50; i++) table.get(`k${i}`);
  table.set('large', { text: blocks(40) });
  t.equal(table.get('large', 'text'), blocks(40));
  t.equal(table.stats().heap?.used, 100);
  const left = Array.from({ length: 50 }, (_, i) => table.has(`k${i}`)).filter(Boolean).length;
  t.ok(left >= 45, `of the 50 rows that were read, ${left} remain`);
  for (let i = 0; i < 500; i++) if (!table.has(`small${i}`)) t.fail(`small${i} has no blocks and was evicted`);
  table.set('all', { text: blocks(100) });
  t.equal(table.stats().heap?.used, 100, 'the largest possible value fits too');
  t.throws(() => table.set('more', { text: blocks(101) }), { code: 'ERR_VALUE_TOO_LONG' });
  t.ok(table.has('all'), 'and nothing is evicted for a larger one');
  isSound(t, table);
});

t.test('a row is not evicted for its own new value', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns: { a: 'text', b: 'text' }, heap: heapOf(10), evict: 'lru' });
  table.set('k', { a: blocks(4), b: blocks(4) });
  for (let round = 0; round < 20; round++) {
    table.set('k', { a: `${round}`.padEnd(2 * BLOCK, 'y') });
    t.equal(table.get('k', 'b'), blocks(4), 'columns that are not named are unchanged');
    table.set('k', { a: blocks(1) });
  }
  t.throws(() => table.set('k', { a: blocks(6) }), { code: 'ERR_TABLE_FULL' });
  t.same(table.get('k'), { a: blocks(1), b: blocks(4) });
});

testOfProcesses('writers that fill the heap together all finish, and every block belongs to a row', async (t) => {
  // Space for each value alone, but not for two that are half claimed: a waiting writer must not keep its blocks.
  const table = scratchTable(t, {
    capacity: 100,
    columns,
    heap: heapOf(60),
    maxParticipants: 8,
    lockTimeoutMs: 10_000,
  });
  const writers = [0, 1, 2].map((own) => Child.start(t, 'heap-filler', table.name, own, 40, BLOCK));
  for (const writer of writers) t.equal(await writer.ended, 0);
  isSound(t, table);
  t.equal(table.stats().heap?.used, 0);
});

testOfProcesses('writers of a table that evicts never find its heap full, whatever others write', async (t) => {
  const writes = tries(2_000, 20_000);
  const table = scratchTable(t, {
    capacity: 20,
    columns,
    heap: heapOf(100),
    evict: 'lru',
    maxParticipants: 8,
    lockTimeoutMs: 10_000,
  });
  const writers = [79, 79, 1].map((size, own) => Child.start(t, 'heap-evictor', table.name, own, size, BLOCK, writes));
  for (const writer of writers) t.equal(await writer.ended, 0);
  isSound(t, table);
  table.clear();
  t.equal(table.stats().heap?.used, 0);
});
