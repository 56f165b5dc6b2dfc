/** Callbacks of modify that do what they must not. */
import t from 'tap';
import { Table } from '../fixtures/placed-table.js';
import { scratchTable, testShared } from './scratch-table.js';

const columns = { n: 'int32', m: 'int32' } as const;
const itself = { code: 'ERR_ARGUMENT', message: /key "k".*10 times.*itself wrote the row/ };

t.test('a callback that keeps writing its own row is stopped, whichever method it uses', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  const writes: Record<string, () => unknown> = {
    increment: () => table.increment('k', 'm'),
    set: () => table.set('k', { m: 1 }),
    'set, then another row': () => table.set('k', { m: 1 }).set('other', { m: 1 }),
    expire: () => table.expire('k', 60_000),
    modify: () => table.modify('k', () => ({ m: 2 })),
    'delete and insert': () => table.delete('k') && table.insert('k', {}),
    setMany: () => table.setMany([['k', { m: 3 }]]),
    clear: () => (table.size === 0 ? table.set('k', {}) : table.clear()),
  };
  for (const [name, write] of Object.entries(writes)) {
    table.set('k', { n: 0 });
    let calls = 0;
    const change = (row?: { n: number }): { n: number } => {
      calls++;
      write();
      return { n: (row?.n ?? 0) + 1 };
    };
    t.throws(() => table.modify('k', change), itself, name);
    t.equal(calls, 10, name);
    t.equal(table.get('k', 'n') ?? 0, 0);
  }
  t.equal(table.modify('k', () => ({ n: 5 }))?.n, 5, 'the next modify works');
});

testShared('so is a callback that writes through another handle of this thread', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  const other = Table.open(table.name, { columns });
  const change = (row?: { n: number }): { n: number } => {
    other.increment('k', 'm');
    return { n: (row?.n ?? 0) + 1 };
  };
  t.throws(() => table.modify('k', change), itself);
  other.close();
});

t.test('so is a getter of the returned object that writes the row', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, lockTimeoutMs: 60_000 });
  table.set('k', { n: 1 });
  let calls = 0;
  const change = () => ({
    get n() {
      calls++;
      table.increment('k', 'm');
      return 5;
    },
  });
  t.throws(() => table.modify('k', change), itself);
  t.equal(calls, 10);
});

t.test('a callback may write other rows, the same key of another table, or its own row once', async (t) => {
  const [table, neighbour] = [1, 2].map(() => scratchTable(t, { capacity: 10, columns }));
  table.set('k', { n: 1 });
  let calls = 0;
  const row = table.modify('k', (before) => {
    calls++;
    if (calls === 1) table.increment('k', 'm');
    for (let i = 0; i < 20; i++) {
      table.increment('other', 'm');
      neighbour.increment('k', 'm');
    }
    return { n: (before?.n ?? 0) + 1 };
  });
  t.same([calls, row], [2, { n: 2, m: 1 }]);
  let made = 0;
  const counted = table.modify('new', (before) => {
    if (before === undefined) made += Number(table.insert('new', { m: 7 }));
    return { n: (before?.n ?? 0) + 1 };
  });
  t.same([made, counted], [1, { n: 1, m: 7 }]);
});

t.test('a callback that is not a function, or asynchronous, is rejected', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  for (const change of [undefined, null, {}, 5]) {
    t.throws(() => table.modify('k', change as never), { code: 'ERR_ARGUMENT', message: /callback/ });
    t.throws(() => table.forEach(change as never), { code: 'ERR_ARGUMENT', message: /callback/ });
  }
  const synchronous = { code: 'ERR_ARGUMENT', message: /synchronous.*promise/ };
  t.throws(() => table.modify('k', (async () => ({ n: 1 })) as never), synchronous);
  // biome-ignore lint/suspicious/noThenProperty: a promise of another library
  t.throws(() => table.modify('k', () => ({ then: () => {} }) as never), synchronous);
  t.equal(table.size, 0);
  t.throws(
    () =>
      table.modify('k', () => {
        throw new RangeError('its own');
      }),
    RangeError,
  );
});
