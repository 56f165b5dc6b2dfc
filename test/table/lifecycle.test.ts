import t from 'tap';
import type { TableOptions } from '../../src/index.js';
import { Table, testBackend } from '../fixtures/placed-table.js';
import { Child } from './child.js';
import { openInThreads } from './holders.js';
import { namespace, scratchName, scratchTable, testOfProcesses } from './scratch-table.js';

const columns = { n: 'int32', text: 'string(9)' } as const;
const closed = { code: 'ERR_TABLE_CLOSED' };

/** Every member that uses the table. */
const uses: Record<string, (table: Table<typeof columns>) => unknown> = {
  get: (table) => table.get('k'),
  getColumn: (table) => table.get('k', 'n'),
  entry: (table) => table.entry('k'),
  has: (table) => table.has('k'),
  size: (table) => table.size,
  set: (table) => table.set('k', { n: 1 }),
  put: (table) => table.put('k', { n: 1 }),
  insert: (table) => table.insert('k', { n: 1 }),
  update: (table) => table.update('k', { n: 1 }),
  delete: (table) => table.delete('k'),
  take: (table) => table.take('k'),
  clear: (table) => table.clear(),
  increment: (table) => table.increment('k', 'n'),
  decrement: (table) => table.decrement('k', 'n'),
  compareAndSet: (table) => table.compareAndSet('k', { n: 1 }, { n: 2 }),
  compareAndDelete: (table) => table.compareAndDelete('k', { n: 1 }),
  modify: (table) => table.modify('k', () => ({ n: 1 })),
  expire: (table) => table.expire('k', 1000),
  ttl: (table) => table.ttl('k'),
  keys: (table) => [...table.keys()],
  values: (table) => [...table.values()],
  entries: (table) => [...table.entries()],
  iterator: (table) => [...table],
  forEach: (table) => table.forEach(() => {}),
  scan: (table) => table.scan(),
  stats: (table) => table.stats(),
  verify: (table) => table.verify(),
  destroy: (table) => table.destroy(),
};
const READS = 'get getColumn entry has size ttl keys values entries iterator forEach scan stats verify'.split(' ');

t.test('create, open and openOrCreate create or open a table', async (t) => {
  const name = scratchName(t);
  const options = { name, capacity: 10, columns };
  t.throws(() => Table.open(name), { code: 'ERR_TABLE_NOT_FOUND', message: new RegExp(`${name}.*${namespace}`) });
  t.throws(() => Table.open(name, { readOnly: true }), { code: 'ERR_TABLE_NOT_FOUND' });
  t.throws(() => Table.openOrCreate({ ...options, readOnly: true }), { code: 'ERR_TABLE_NOT_FOUND' });
  const created = Table.openOrCreate(options);
  created.set('k', { n: 1 });
  t.throws(() => Table.create(options), { code: 'ERR_TABLE_EXISTS', message: new RegExp(name) });
  const again = Table.openOrCreate(options);
  const plain = Table.open(name);
  const typed = Table.open(name, { columns });
  for (const table of [again, plain, typed]) t.same(table.get('k'), { n: 1, text: '' });
  again.set('k', { n: 2 });
  t.equal(created.get('k', 'n'), 2);
  for (const table of [created, again, plain, typed]) table.close();
  t.equal(Table.open(name, { readOnly: true }).get('k', 'n'), 2, 'rows remain when all handles are closed');
});

t.test('another schema is a mismatch whose message shows both', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, maxKeyBytes: 20 });
  const same = { capacity: 10, columns, maxKeyBytes: 20 };
  const others: Partial<TableOptions>[] = [
    { columns: { n: 'int32' } },
    { columns: { n: 'int32', text: 'string(8)' } },
    { columns: { n: 'uint32', text: 'string(9)' } },
    { columns: { n: 'int32', text: 'string(9)', more: 'int8' } },
    { columns: { text: 'string(9)', n: 'int32' } },
    { columns: { m: 'int32', text: 'string(9)' } },
    { capacity: 11 },
    { maxKeyBytes: 21 },
    { evict: 'lru' },
    { changes: 1 << 20 },
  ];
  for (const other of others) {
    t.throws(() => Table.open(table.name, other), { code: 'ERR_SCHEMA_MISMATCH' }, JSON.stringify(other));
    const options: TableOptions = { name: table.name, ...same, ...other };
    t.throws(() => Table.openOrCreate(options), { code: 'ERR_SCHEMA_MISMATCH' });
  }
  t.throws(() => Table.open(table.name, { capacity: 11 }), { message: /10.*11/ });
  t.throws(() => Table.open(table.name, { columns: { n: 'int' as 'int8' } }), { code: 'ERR_SCHEMA_INVALID' });
  const open = Table.open(table.name, { ...same, maxParticipants: 7, lockTimeoutMs: 5 });
  t.equal(open.capacity, 10, 'options of the handle are not part of the schema');
  open.close();
  t.equal(table.stats().participants, 1, 'failed attempts to open left nothing attached');
});

t.test('a closed handle rejects every call; the table remains', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('k', { n: 1 });
  const other = Table.open(table.name, { columns });
  table.close();
  t.equal(table.close(), undefined, 'closing twice is harmless');
  for (const [member, use] of Object.entries(uses)) t.throws(() => use(table), closed, member);
  t.equal(other.get('k', 'n'), 1);
  other.close();
});

t.test('disposing a handle closes it', async (t) => {
  const name = scratchName(t);
  let kept: Table<typeof columns>;
  {
    using table = Table.create({ name, capacity: 10, columns });
    table.set('k', { n: 1 });
    kept = table;
  }
  t.throws(() => kept.get('k'), closed);
  t.equal(Table.open(name).size, 1);
});

testOfProcesses('after destroy, every handle of every process rejects every call', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  const other = Table.open(table.name, { columns });
  const reader = Table.open(table.name, { columns, readOnly: true });
  const child = Child.start<unknown>(t, 'table-recreated', table.name);
  t.same(await child.next(), { n: undefined });
  t.equal(other.destroy(), undefined);
  for (const handle of [table, other, reader]) {
    for (const [member, use] of Object.entries(uses)) t.throws(() => use(handle), closed, member);
    handle.close();
    handle.close();
  }
  t.throws(() => Table.open(table.name), { code: 'ERR_TABLE_NOT_FOUND' });
  t.throws(() => Table.destroy(table.name), { code: 'ERR_TABLE_NOT_FOUND' });
  child.go();
  t.same(await child.next(), { codes: ['ERR_TABLE_CLOSED'], opened: 'ERR_TABLE_NOT_FOUND' });

  const again = Table.create({ name: table.name, capacity: 20, columns });
  again.set('k', { n: 77 });
  child.go();
  t.same(
    await child.next(),
    // Anonymous memory is inherited, so a process that started before it was created does not find it.
    { codes: ['ERR_TABLE_CLOSED'], opened: testBackend === 'anonymous' ? 'ERR_TABLE_NOT_FOUND' : 77 },
    'the new table is found immediately, and old handles throw',
  );
  t.equal(await child.ended, 0);
  again.destroy();
});

t.test('a table may be destroyed by name while it is open elsewhere', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  Table.destroy(table.name);
  t.throws(() => table.set('k', {}), closed);
  const again = Table.create({ name: table.name, capacity: 10, columns });
  t.equal(again.size, 0);
  table.close();
  t.equal(Table.open(table.name).size, 0, 'closing an old handle does not affect the new table');
  again.destroy();
});

t.test('a read-only handle refuses every write', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('k', { n: 1 });
  const reader = Table.open(table.name, { columns, readOnly: true });
  t.equal(reader.readOnly, true);
  for (const [member, use] of Object.entries(uses)) {
    if (READS.includes(member)) t.doesNotThrow(() => use(reader), member);
    else t.throws(() => use(reader), { code: 'ERR_READ_ONLY' }, member);
  }
  t.same(table.get('k'), { n: 1, text: '' });
  table.set('k', { n: 2 });
  t.equal(reader.get('k', 'n'), 2, 'it sees the writes of others');
  t.equal(table.stats().participants, 1);
  reader.close();
});

testOfProcesses('more than maxParticipants threads cannot open a table for writing', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, maxParticipants: 3 });
  const threads = await openInThreads(table.name, 2);
  t.doesNotThrow(() => Table.open(table.name).close(), 'the handles of this thread share its slot');
  table.close();
  const third = await openInThreads(table.name, 1);
  const error = { code: 'ERR_TOO_MANY_PARTICIPANTS', message: new RegExp(`\\b3\\b.*${process.pid}`) };
  t.throws(() => Table.open(table.name), error);
  t.doesNotThrow(() => Table.open(table.name, { readOnly: true }).close(), 'a reader needs no slot');
  await third.close();
  const next = Table.open(table.name);
  next.set('k', { n: 1 });
  await threads.close();
  t.same(next.verify(), { ok: true, problems: [] });
  next.close();
});

t.test('list returns the tables of a namespace', async (t) => {
  const tables = ['b', 'a', 'c'].map((name) =>
    Table.create({ name, namespace: `${namespace}-list`, capacity: 10, columns, maxParticipants: 4 }),
  );
  const other = Table.open('a', { namespace: `${namespace}-list` });
  tables[0].set('k', { n: 1 });
  const list = Table.list({ namespace: `${namespace}-list` });
  const otherBackend = testBackend === 'anonymous' ? 'posix' : 'anonymous';
  t.same(
    list.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  t.match(list[1], { name: 'b', columns, capacity: 10, rows: 1, backend: testBackend, owners: [process.pid] });
  t.same(list[0].owners, [process.pid], 'two handles of one thread are one owner');
  t.equal(list[0].bytes, tables[1].stats().bytes);
  t.same(Table.list({ namespace: `${namespace}-list`, backend: otherBackend }), []);
  t.same(Table.list({ namespace: `${namespace}-none` }), []);
  for (const table of [other, ...tables]) table === other ? table.close() : table.destroy();
  t.same(Table.list({ namespace: `${namespace}-list` }), []);
});

testOfProcesses('processes that call openOrCreate concurrently all get the same table', async (t) => {
  const name = scratchName(t);
  // With anonymous memory each process would create its own table.
  if (testBackend === 'anonymous') Table.create({ name, capacity: 10, columns }).close();
  const children = [1, 2, 3, 4].map(() => Child.start<unknown>(t, 'table-racer', name));
  for (const child of children) t.equal(await child.next(), 'ready');
  for (const child of children) child.go();
  for (const child of children) t.equal(await child.ended, 0);
  t.equal(Table.open(name, { columns }).get('k', 'n'), 4 * 40);
});
