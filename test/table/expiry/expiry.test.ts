import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { Table } from '../../../src/index.js';
import { scratchTable } from '../scratch-table.js';

const columns = { n: 'int32' } as const;

/** Waits until the row has expired; fails after a deadline. */
async function expiry(table: Table<typeof columns>, key: string): Promise<void> {
  for (const deadline = Date.now() + 5_000; table.ttl(key) !== undefined; ) {
    if (Date.now() > deadline) throw new Error(`${key} does not expire: ${table.ttl(key)} ms left`);
    await sleep(1);
  }
}

t.test('a row exists until its lifetime ends, and then is absent for every operation', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  table.set('k', { n: 1 }, { ttl: 60_000 });
  table.set('stays', { n: 2 });
  const left = table.ttl('k') ?? 0;
  t.ok(left > 40_000 && left <= 60_000, `${left} ms`);
  t.equal(table.ttl('stays'), Number.POSITIVE_INFINITY);
  t.equal(table.ttl('missing'), undefined);
  const { expiresAt } = table.entry('k') ?? {};
  t.ok(Math.abs((expiresAt ?? 0) - Date.now() - 60_000) < 20_000);
  t.equal(table.entry('stays')?.expiresAt, null);

  t.equal(table.expire('k', 20), true);
  await expiry(table, 'k');
  t.equal(table.get('k'), undefined);
  t.equal(table.get('k', 'n'), undefined);
  t.equal(table.entry('k'), undefined);
  t.equal(table.has('k'), false);
  t.equal(table.update('k', { n: 5 }), false);
  t.equal(table.delete('k'), false);
  t.equal(table.take('k'), undefined);
  t.equal(table.expire('k', 1000), false);
  t.equal(table.compareAndSet('k', { n: 1 }, { n: 2 }), false);
  t.equal(table.compareAndDelete('k', { n: 1 }), false);
  t.same([...table.keys()], ['stays']);
  t.same(
    table.scan().entries.map(({ key }) => key),
    ['stays'],
  );
  t.equal(table.size, 1);
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('writes after the expiry create a new row', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns: { n: 'int32', m: 'int32' } });
  const writes = {
    set: (key: string) => table.set(key, { m: 1 }),
    put: (key: string) => table.put(key, { m: 1 }),
    insert: (key: string) => t.equal(table.insert(key, { m: 1 }), true),
    increment: (key: string) => t.equal(table.increment(key, 'm'), 1),
    modify: (key: string) => table.modify(key, (row) => ({ m: row === undefined ? 1 : 99 })),
  };
  for (const key of Object.keys(writes)) table.set(key, { n: 7, m: 7 }, { ttl: 1 });
  for (const [key, write] of Object.entries(writes)) {
    for (const deadline = Date.now() + 5_000; table.has(key) && Date.now() < deadline; ) await sleep(1);
    write(key);
    t.same(table.get(key), { n: 0, m: 1 }, key);
    t.equal(table.ttl(key), Number.POSITIVE_INFINITY, `${key} does not expire again`);
  }
  t.equal(table.size, Object.keys(writes).length);
  t.ok(table.verify().ok);
});

t.test('a write without ttl keeps the expiry, null removes it, a number sets it', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  const expiresAt = (): number | null | undefined => table.entry('k')?.expiresAt;
  table.set('k', { n: 1 }, { ttl: 100_000 });
  const first = expiresAt();
  t.type(first, 'number');
  table.set('k', { n: 2 }).put('k', { n: 3 });
  table.update('k', { n: 4 });
  table.set('k', { n: 4 }, {}).set('k', { n: 4 }, { ttl: undefined });
  table.increment('k', 'n');
  table.modify('k', () => ({ n: 6 }));
  table.compareAndSet('k', { n: 6 }, { n: 7 });
  t.equal(expiresAt(), first);
  table.set('k', {}, { ttl: 200_000 });
  t.ok(Number(expiresAt()) >= Number(first) + 100_000);
  table.update('k', {}, { ttl: null });
  t.equal(expiresAt(), null);
  t.equal(table.expire('k', 300_000), true);
  t.ok(Math.abs((table.ttl('k') ?? 0) - 300_000) < 2_000);
  t.equal(table.expire('k', null), true);
  t.equal(expiresAt(), null);
  table.put('k', {}, { ttl: 1_000 });
  table.compareAndSet('k', { n: 0 }, {}, { ttl: null });
  t.equal(expiresAt(), null);
  table.modify('k', () => ({}), { ttl: 5_000 });
  t.type(expiresAt(), 'number');
  t.equal(table.expire('missing', 1000), false);
});

t.test('ttl is a whole number of milliseconds, from 1 to 2^53-1', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  table.set('k', { n: 1 });
  for (const ttl of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '1', 1n, true, {}] as unknown[]) {
    const options = { ttl: ttl as number };
    const error = { code: 'ERR_ARGUMENT', message: /ttl.*9007199254740991/ };
    for (const write of ['set', 'put', 'insert', 'update'] as const)
      t.throws(() => table[write]('k', {}, options), error);
    t.throws(() => table.compareAndSet('k', { n: 1 }, {}, options), error);
    t.throws(() => table.modify('k', () => ({}), options), error);
    t.throws(() => table.expire('k', options.ttl), error);
  }
  t.throws(() => table.expire('k', undefined as never), { code: 'ERR_ARGUMENT' });
  table.set('k', {}, { ttl: Number.MAX_SAFE_INTEGER });
  t.equal(table.has('k'), true);
  t.ok((table.ttl('k') ?? 0) > 2 ** 52);
  table.set('one', {}, { ttl: 1 });
  await expiry(table, 'one');
});

t.test('a full table reuses the memory of expired rows', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns });
  for (let i = 0; i < 50; i++) table.set(`stays-${i}`, { n: i });
  for (let i = 0; i < 50; i++) table.set(`goes-${i}`, { n: i }, { ttl: 1 });
  for (let i = 0; i < 50; i++) await expiry(table, `goes-${i}`);
  table.insert('new', { n: 1 });
  for (let i = 1; i < 50; i++) table.insert(`new-${i}`, { n: i });
  t.equal(table.size, 100);
  t.throws(() => table.insert('more', {}), { code: 'ERR_TABLE_FULL' });
  for (let i = 0; i < 50; i++) if (table.get(`stays-${i}`, 'n') !== i) t.fail(`stays-${i} is gone`);
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('neither a refused insert nor size examines rows that have not expired', async (t) => {
  const capacity = 100_000;
  const table = scratchTable(t, { capacity, columns });
  for (let i = 0; i < capacity; i++) table.set(`${i}`, { n: i }, { ttl: i < 50 ? 500 : 3_600_000 });
  // Without a turn of the event loop, in which the sweeper would run.
  while (table.has('0') || table.has('49'));
  for (let i = 0; i < 50; i++) table.insert(`new-${i}`, { n: i });
  t.equal(table.size, capacity);
  const tries = 200;
  const begin = performance.now();
  let refused = 0;
  for (let i = 0; i < tries; i++) {
    try {
      table.insert('one more', {});
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_TABLE_FULL') refused++;
    }
    if (table.size !== capacity) t.fail(`size is ${table.size}`);
  }
  const ms = (performance.now() - begin) / tries;
  t.equal(refused, tries);
  // Examining all rows takes 20 ms or more.
  t.ok(ms < 5, `${ms.toFixed(3)} ms for a refused insert and two sizes`);
  table.expire('50', 1);
  while (table.has('50'));
  t.equal(table.size, capacity - 1, 'a later expiry is noticed');
  t.equal(table.insert('one more', {}), true);
  t.same(table.verify(), { ok: true, problems: [] });
});
