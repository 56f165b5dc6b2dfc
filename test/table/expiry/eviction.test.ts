/** Which rows a full table with evict: 'lru' removes, for which writes, and what other processes see of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { Table } from '../../../src/index.js';
import { eventually, within } from '../../fixtures/deadline.js';
import { tries } from '../../fixtures/tries.js';
import { Child } from '../child.js';
import { oneBucketKeys } from '../one-bucket-keys.js';
import { scratchTable, testOfProcesses } from '../scratch-table.js';

const columns = { n: 'int32' } as const;

function keysOf(table: Table<typeof columns>, prefix: string): number {
  return [...table.keys()].filter((key) => key.startsWith(prefix)).length;
}

t.test('the table is never full, and rows that are read remain', async (t) => {
  const capacity = 1_000;
  const table = scratchTable(t, { capacity, columns, evict: 'lru' });
  const hot = Array.from({ length: 100 }, (_, i) => `hot-${i}`);
  for (const key of hot) table.set(key, { n: 1 });
  for (let i = 0; i < 20_000; i++) {
    table.insert(`cold-${i}`, { n: i });
    if (i % 5 === 0) table.get(hot[(i / 5) % hot.length]);
    if (table.size > capacity) t.fail(`${table.size} rows`);
  }
  t.equal(keysOf(table, 'hot-'), hot.length, 'all hot rows remain');
  t.equal(table.size, capacity);
  const { inserts, evictions, rows } = table.stats();
  t.equal(rows, capacity);
  t.equal(evictions, inserts - capacity);
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('every use of a row keeps it, and only a new row evicts', async (t) => {
  const ways: Record<string, (table: Table<typeof columns>, key: string) => unknown> = {
    get: (table, key) => table.get(key),
    has: (table, key) => table.has(key),
    entry: (table, key) => table.entry(key),
    set: (table, key) => table.set(key, { n: 1 }),
    increment: (table, key) => table.increment(key, 'n'),
    expire: (table, key) => table.expire(key, null),
    modify: (table, key) => table.modify(key, (row) => row && { n: row.n + 1 }),
    compareAndSet: (table, key) => table.compareAndSet(key, { n: 0 }, {}),
  };
  const table = scratchTable(t, { capacity: 200, columns, evict: 'lru' });
  for (let i = 0; i < 200 - Object.keys(ways).length; i++) table.insert(`first-${i}`, {});
  for (const way of Object.keys(ways)) table.insert(way, {});
  for (let i = 0; i < 2_000; i++) {
    for (const [key, use] of Object.entries(ways)) use(table, key);
    if (i % 3 === 0) table.insert(`cold-${i}`, {});
  }
  t.same(
    Object.keys(ways).filter((key) => !table.has(key)),
    [],
  );
  const { evictions } = table.stats();
  for (const key of table.keys()) table.put(key, { n: 3 }).update(key, { n: 4 });
  t.equal(table.stats().evictions, evictions, 'writes of existing rows evict nothing');
});

t.test('expired rows are removed first', async (t) => {
  for (const capacity of [20, 1_000]) {
    const table = scratchTable(t, { capacity, columns, evict: 'lru' });
    const half = capacity / 2;
    for (let i = 0; i < half; i++) table.set(`stays-${i}`, {}).set(`goes-${i}`, {}, { ttl: 5 });
    await eventually('they expire', () => table.size === half);
    for (let i = 0; i < half; i++) table.insert(`new-${i}`, {});
    t.equal(keysOf(table, 'stays-'), half);
    t.equal(keysOf(table, 'new-'), half);
    t.match(table.stats(), { expirations: half, evictions: 0, rows: capacity });
    table.insert('one more', {});
    t.equal(table.stats().evictions, 1);
  }
});

t.test('every eviction is in the feed', async (t) => {
  const table = scratchTable(t, { capacity: 50, columns, evict: 'lru', changes: 1 << 18 });
  for (let i = 0; i < 500; i++) table.insert(`${i}`, {});
  const present = new Set<string>();
  let evictions = 0;
  const changes = table.watch({ since: 0 });
  for (let read = 0; read < 500 + 450; read++) {
    const { value } = await within(5_000, 'a change', changes.next());
    if (value.type === 'gap') throw new Error('a gap');
    if (value.type === 'evict') evictions++;
    if (value.type === 'insert') present.add(value.key);
    else if (!present.delete(value.key)) t.fail(`${value.key} did not exist`);
  }
  await changes.return?.();
  t.equal(evictions, 450);
  t.same([...present].sort(), [...table.keys()].sort());
});

t.test('a table with one bucket, or with a capacity of one row, evicts', async (t) => {
  const one = scratchTable(t, { capacity: 1, columns, evict: 'lru' });
  for (let i = 0; i < 100; i++) one.set(`${i}`, { n: i });
  t.same([...one], [['99', { n: 99 }]]);
  const table = scratchTable(t, { capacity: 70, columns, evict: 'lru' });
  for (const key of oneBucketKeys(table, 300)) table.insert(key, {});
  t.equal(table.size, 70);
  t.same(table.verify(), { ok: true, problems: [] });
});

testOfProcesses('4 processes may fill one table', async (t) => {
  const capacity = 2_000;
  const count = tries(5_000, 15_000);
  const table = scratchTable(t, { capacity, columns, evict: 'lru', lockTimeoutMs: 10_000 });
  const fillers = ['a', 'b', 'c', 'd'].map((prefix) => Child.start(t, 'eviction-filler', table.name, prefix, count));
  for (const filler of fillers) await filler.next();
  for (const filler of fillers) filler.go();
  for (const filler of fillers) t.equal(await filler.next(), 'done');
  const { inserts, evictions, rows } = table.stats();
  t.ok(inserts >= 4 * count);
  t.equal(inserts - evictions, rows);
  t.equal(table.size, rows);
  t.ok(rows > capacity - 10 && rows <= capacity, `${rows} rows`);
  t.same(table.verify(), { ok: true, problems: [] });
});

testOfProcesses('kill -9 of processes that evict leaks no row', async (t) => {
  const capacity = 300;
  const table = scratchTable(t, { capacity, columns, evict: 'lru', changes: 1 << 16, lockTimeoutMs: 10_000 });
  const start = async (): Promise<Child[]> => {
    const fillers = ['a', 'b', 'c', 'd'].map((prefix) => Child.start(t, 'eviction-filler', table.name, prefix, 0));
    for (const filler of fillers) await filler.next();
    return fillers;
  };
  for (let round = 0; round < tries(2, 6); round++) {
    const fillers = await start();
    for (const filler of fillers) filler.go();
    for (const [i, filler] of fillers.entries()) {
      await sleep(3 + Math.random() * 10);
      filler.process.kill('SIGKILL');
      for (let n = 0; n < 50; n++) table.insert(`mine-${round}-${i}-${n}`, {});
    }
    for (const filler of fillers) t.equal(await filler.ended, 'SIGKILL');
    const { ok, problems } = table.verify();
    if (!ok) t.fail('the table is inconsistent', { problems });
    const { inserts, deletes, evictions, rows } = table.stats();
    t.equal(inserts - deletes - evictions, rows);
    t.equal([...table.keys()].length, rows);
  }
  table.clear();
  const { evictions } = table.stats();
  for (let i = 0; i < capacity; i++) table.insert(`again-${i}`, {});
  t.equal(table.size, capacity, 'no row has leaked');
  t.equal(table.stats().evictions, evictions);
});

t.test('evicting is not much slower while lifetimes are about to end', async (t) => {
  const capacity = 100_000;
  const table = scratchTable(t, { capacity, columns, evict: 'lru' });
  for (let i = 0; i < capacity; i++) table.insert(`${i}`, {});
  // Processor time, because other processes may run meanwhile.
  const timeOf = (prefix: string): number => {
    const start = process.cpuUsage();
    for (let i = 0; i < 3_000; i++) table.insert(`${prefix}-${i}`, {});
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
  timeOf('warm');
  const without = timeOf('without');
  // The last second of the first lifetime, in which every insert could examine all rows.
  const key = 'about to end';
  table.set(key, {}, { ttl: 900 });
  await eventually('its last second has begun', () => (table.ttl(key) ?? 0) < 400);
  const beside = timeOf('beside');
  t.comment(
    `3,000 inserts: ${without.toFixed(1)} ms; with occasional examinations of all rows ${beside.toFixed(1)} ms`,
  );
  t.ok(beside < 10 * without + 100, 'not every row is examined for each insert');
});
