/** `shmtable/testing`: a test sets the time of this thread's tables. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type TestClock, useTestClock } from '../../src/table/test-clock.js';
import { eventually } from '../fixtures/deadline.js';
import { Table } from '../fixtures/placed-table.js';
import { Child } from './child.js';
import { scratchName, scratchTable, testOfProcesses } from './scratch-table.js';

const columns = { n: 'int32' } as const;

function scratchClock(t: Test, date?: Date | number): TestClock {
  const clock = useTestClock(date);
  t.teardown(() => clock.restore());
  return clock;
}

t.test('invalid dates, negative steps and a second clock are rejected', async (t) => {
  for (const date of [-1, 0.5, Number.NaN, 1e16, '2030', null, new Date(Number.NaN)] as unknown[])
    t.throws(() => useTestClock(date as number), { code: 'ERR_ARGUMENT', message: /8640000000000000/ });
  const clock = scratchClock(t, 1_000);
  t.throws(() => useTestClock(), { code: 'ERR_ARGUMENT', message: /in use/ });
  for (const ms of [-1, 0.5, Number.NaN, '1', undefined] as unknown[])
    t.throws(() => clock.advance(ms as number), { code: 'ERR_ARGUMENT', message: /ms/ });
  t.throws(() => clock.set('soon' as never), { code: 'ERR_ARGUMENT' });
  t.equal(clock.now(), 1_000, 'the time has not changed');
  clock.restore();
  clock.restore();
  for (const move of [() => clock.advance(1), () => clock.set(5), () => clock.reset()])
    t.throws(move, { code: 'ERR_ARGUMENT', message: /restored/ });
  using again = useTestClock();
  t.ok(Math.abs(again.now() - Date.now()) < 5_000, 'it starts at the current time');
});

t.test('lifetimes follow the clock to the millisecond', async (t) => {
  for (const date of [0, 1, new Date('2000-01-01'), undefined, new Date('2099-12-31'), 8e15]) {
    using clock = useTestClock(date);
    const table = scratchTable(t, { capacity: 9, columns });
    const now = clock.now();
    table.set('k', { n: 1 }, { ttl: 1_000 }).set('stays', { n: 2 });
    for (const passed of [0, 1, 500, 999]) {
      clock.set(now + passed);
      t.equal(table.ttl('k'), 1_000 - passed);
      t.equal(table.entry('k')?.expiresAt, now + 1_000);
      t.equal(table.size, 2);
    }
    clock.advance(1);
    t.equal(table.get('k'), undefined, 'expired at its time');
    t.equal(table.size, 1);
    clock.reset();
    t.equal(table.ttl('k') ?? 1_000, 1_000, 'present again, unless it was swept');
    t.same(table.verify(), { ok: true, problems: [] });
  }
});

t.test("tables that are already open follow the clock, and return to the machine's time afterwards", async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  table.set('hour', { n: 1 }, { ttl: 3_600_000 }).set('day', { n: 1 }, { ttl: 86_400_000 });
  const { expiresAt } = table.entry('day') ?? {};
  const clock = scratchClock(t);
  clock.advance(3_600_001);
  t.equal(table.has('hour'), false);
  t.equal(table.entry('day')?.expiresAt, expiresAt, 'a date does not change');
  t.ok((table.ttl('day') ?? 0) <= 82_800_000);
  clock.restore();
  t.ok((table.ttl('day') ?? 0) > 86_300_000);
  t.equal(table.entry('day')?.expiresAt, expiresAt);
});

t.test('expired rows are swept, and their memory is reused', async (t) => {
  const clock = scratchClock(t);
  const table = scratchTable(t, { capacity: 100, columns });
  for (let i = 0; i < 100; i++) table.set(`${i}`, { n: i }, { ttl: 60_000 });
  t.throws(() => table.insert('more', {}), { code: 'ERR_TABLE_FULL' });
  clock.advance(61_000);
  t.equal(table.size, 0);
  for (let i = 0; i < 100; i++) table.insert(`again-${i}`, { n: i }, { ttl: 60_000 });
  clock.advance(61_000);
  await eventually('the rows are swept', () => table.stats().rows === 0);
  t.equal(table.stats().expirations, 200);
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('snapshots are taken and restored by the clock', async (t) => {
  const clock = scratchClock(t, new Date('2031-05-05'));
  const table = scratchTable(t, { capacity: 9, columns });
  table.set('short', { n: 1 }, { ttl: 1_000 }).set('long', { n: 1 }, { ttl: 100_000 });
  const path = join(tmpdir(), `shmtable-test-clock-${process.pid}.snapshot`);
  t.teardown(async () => existsSync(path) && (await import('node:fs')).rmSync(path));
  await table.snapshot(path);
  clock.advance(50_000);
  const restored = await Table.restore(path, { name: scratchName(t) });
  t.teardown(() => restored.close());
  t.same([...restored.keys()], ['long']);
  t.equal(restored.ttl('long'), 50_000);
});

testOfProcesses("other processes use the machine's time and are not disturbed", async (t) => {
  const clock = scratchClock(t, 0);
  const table = scratchTable(t, { capacity: 9, columns });
  clock.set(Date.now());
  table.set('now', { n: 1 }, { ttl: 60_000 });
  clock.advance(86_400_000);
  table.set('tomorrow', { n: 1 }, { ttl: 60_000 });
  await eventually('rows that have expired for this thread are removed', () => table.stats().expirations === 1);
  const child = Child.start<{ keys: string[]; ttls: Record<string, number> }>(t, 'table-reporter', table.name);
  const seen = await child.next();
  t.same(seen.keys, ['tomorrow']);
  clock.restore();
  const left = table.ttl('tomorrow') ?? 0;
  t.ok(left > 86_000_000 && left <= 86_460_000, 'its lifetime ends at the date');
  table.set('after', { n: 1 }, { ttl: 20 });
  await eventually('size is right', () => table.size === 1);
  await eventually('and sweeping continues', () => table.stats().rows === 1);
  t.same(table.verify(), { ok: true, problems: [] });
});
