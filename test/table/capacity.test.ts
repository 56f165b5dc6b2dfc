import { randomInt } from 'node:crypto';
import t, { type Test } from 'tap';
import { Table } from '../fixtures/placed-table.js';
import { tries } from '../fixtures/tries.js';
import { oneBucketKeys } from './one-bucket-keys.js';
import { scratchTable, testShared } from './scratch-table.js';

const columns = { value: 'int32', label: 'string(12)' } as const;

function randomKeys(count: number): string[] {
  const keys = new Set<string>();
  while (keys.size < count)
    keys.add(
      Math.random()
        .toString(36)
        .slice(2, 2 + randomInt(6, 13)),
    );
  return [...keys];
}

/** Fills the table with all keys but the last, and tests the full table. */
function fillAndCheck(t: Test, table: Table<typeof columns>, keys: readonly string[]): void {
  const late = keys[keys.length - 1];
  const rows = keys.slice(0, -1);
  t.equal(rows.length, table.capacity);
  for (let i = 0; i < rows.length; i++) table.set(rows[i], { value: i, label: `n${i}` });
  t.equal(table.size, table.capacity, 'holds exactly its capacity');

  const full = { code: 'ERR_TABLE_FULL', message: new RegExp(`\\b${table.capacity}\\b`) };
  t.throws(() => table.set(late, { value: -1 }), full);
  t.throws(() => table.put(late, { value: -1 }), full);
  t.throws(() => table.insert(late, { value: -1 }), full);
  t.throws(() => table.increment(late, 'value'), full);
  t.equal(table.update(late, { value: -1 }), false);
  t.equal(table.has(late), false);
  t.equal(table.size, table.capacity);

  let wrong = 0;
  for (let i = 0; i < rows.length; i++) table.set(rows[i], { value: -i });
  for (let i = 0; i < rows.length; i++) {
    if (table.get(rows[i], 'value') !== -i || table.get(rows[i], 'label') !== `n${i}`) wrong++;
  }
  t.equal(wrong, 0, 'a full table updates every row');

  const victim = rows[randomInt(rows.length)];
  t.equal(table.delete(victim), true);
  t.equal(table.get(victim), undefined);
  t.equal(table.insert(late, { value: 7 }), true, 'accepts a new row after a delete');
  t.same(table.get(late), { value: 7, label: '' });
  t.throws(() => table.set(victim, { value: 1 }), full);
  t.same(table.verify(), { ok: true, problems: [] });
}

for (const capacity of [1, 9, 10, 64, 1_000, 65_536, tries(200_000, 1_000_000)]) {
  t.test(`a table with a capacity of ${capacity} holds ${capacity} rows with random keys`, async (t) => {
    fillAndCheck(t, scratchTable(t, { capacity, columns }), randomKeys(capacity + 1));
  });
}

testShared('a table holds its capacity even if all keys are in one bucket', async (t) => {
  const table = scratchTable(t, { capacity: 1_000, columns });
  const keys = oneBucketKeys(table, 1_001);
  fillAndCheck(t, table, keys);
  t.equal(table.stats().longestChain, 100, 'one chain contains them all');
  t.equal(new Set(table.keys()).size, 1_000);
  t.equal([...table.keys()].length, 1_000);

  const left = new Set(table.keys());
  for (const key of [...left].sort(() => Math.random() - 0.5)) {
    if (!table.delete(key)) t.fail(`${key} was lost`);
    left.delete(key);
    if (left.size % 97 !== 0) continue;
    t.same(new Set(table.keys()), left);
    t.same(table.verify().problems, []);
  }
  t.equal(table.size, 0);
  t.equal(table.stats().overflowBuckets, 0, 'every overflow bucket is freed');
});

t.test('a table holds its capacity with one participant and with the maximum number', async (t) => {
  for (const maxParticipants of [1, 1024]) {
    const table = scratchTable(t, { capacity: 100, columns, maxParticipants });
    fillAndCheck(t, table, randomKeys(101));
  }
});

testShared('the spares of closed handles do not reduce the capacity', async (t) => {
  const table = scratchTable(t, { capacity: 50, columns, maxParticipants: 8 });
  const keys = randomKeys(50);
  for (const key of keys) {
    const others = Array.from({ length: 7 }, () => Table.open(table.name, { columns }));
    for (const other of others) other.set(key, { value: 1 }).set(key, { value: 2 });
    for (const other of others) other.close();
  }
  t.equal(table.size, 50);
  t.throws(() => table.set('one more', {}), { code: 'ERR_TABLE_FULL' });
  t.same(table.verify(), { ok: true, problems: [] });
});
