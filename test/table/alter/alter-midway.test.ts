/** Operations in whose middle the table is altered: by the caller's own code, which they run. */
import t, { type Test } from 'tap';
import { Table, testBackend } from '../../fixtures/placed-table.js';
import { scratchTable } from '../scratch-table.js';

const columns = { n: 'int32' } as const;

function testAltered(name: string, run: (t: Test) => Promise<void>): void {
  if (testBackend === 'posix' || testBackend === 'file' || testBackend === 'process') t.test(name, run);
}

testAltered('an alteration that another one has overtaken keeps what that has changed', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('k', { n: 1 });
  let isOvertaken = false;
  const type = {
    get n() {
      if (!isOvertaken) {
        isOvertaken = true;
        Table.alter(table.name, { add: { more: 'string(5)' } });
        Table.open<{ more: 'string(5)' }>(table.name).set('k', { more: 'kept' });
      }
      return 'float64' as const;
    },
  };
  t.match(Table.alter(table.name, { type }), { altered: true, rows: 1 });
  using altered = Table.open(table.name);
  t.same(altered.get('k'), { n: 1, more: 'kept' });
});

testAltered('getMany reads the altered table when its keys are computed meanwhile', async (t) => {
  const table = scratchTable(t, { capacity: 200, columns });
  const keys = Array.from({ length: 150 }, (_, i) => `row-${i}`);
  for (const [i, key] of keys.entries()) table.set(key, { n: i });
  const found = table.getMany(
    (function* () {
      Table.alter(table.name, { capacity: 300 });
      table.set('row-0', { n: -1 });
      yield* keys;
    })(),
  );
  t.same(found, [{ n: -1 }, ...keys.slice(1).map((_, i) => ({ n: i + 1 }))]);
});

testAltered('modify returns the row of the table that it was written to', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('k', { n: 1 });
  let calls = 0;
  const row = table.modify('k', (old) => {
    if (calls++ === 0) Table.alter(table.name, { add: { more: 'string(5)' } });
    return { n: (old?.n ?? 0) + 1 };
  });
  t.same(row, { n: 2, more: '' });
  t.same(table.get('k'), row);
});

testAltered('a change that a reader has not seen is in a gap, also if the table had no feed in between', async (t) => {
  const table = scratchTable(t, { capacity: 20, columns, changes: 1 << 14 });
  for (let i = 0; i < 9; i++) table.set(`row-${i}`, { n: i });
  const watch = table.watch({ since: 0 });
  let last = 0;
  for (let i = 0; i < 9; i++) last = (await watch.next()).value.sequence;
  for (let drops = 0; drops < 3; drops++) {
    Table.alter(table.name, { changes: 0 });
    table.set('unseen', { n: drops });
    Table.alter(table.name, { changes: 1 << 14 });
    table.set('seen', { n: drops });
    const later = table.watch({ since: last });
    const gap = (await later.next()).value;
    t.equal(gap.type, 'gap');
    t.ok(gap.sequence >= last, 'sequences do not begin again');
    const change = (await later.next()).value;
    t.match(change, { key: 'seen' });
    t.ok(change.sequence > last);
    last = change.sequence;
    await later.return?.();
  }
  await watch.return?.();
});
