import t from 'tap';
import { Child } from './child.js';
import { oneBucketKeys } from './one-bucket-keys.js';
import { scratchTable, testOfProcesses, testShared } from './scratch-table.js';

const columns = { n: 'int32', text: 'string(9)', big: 'int64' } as const;
const bad = { code: 'ERR_ARGUMENT' };

t.test('pages have at most limit rows, and each row is on one of them', async (t) => {
  const table = scratchTable(t, { capacity: 500, columns });
  for (let n = 0; n < 500; n++) table.set(`k${n}`, { n });
  for (const limit of [1, 2, 7, 100, 499, 500, 10_000]) {
    const keys: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = table.scan({ cursor, limit });
      t.ok(page.entries.length <= limit);
      keys.push(...page.entries.map(({ key }) => key));
      cursor = page.cursor;
    }
    t.equal(keys.length, 500, `limit ${limit}`);
    t.equal(new Set(keys).size, 500);
  }
  t.equal(table.scan().entries.length, 100, '100 by default');
  t.same(scratchTable(t, { capacity: 5, columns }).scan(), { entries: [], cursor: null });
});

testShared('a page may end inside a chain', async (t) => {
  const table = scratchTable(t, { capacity: 300, columns });
  const keys = oneBucketKeys(table, 300);
  for (const key of keys) table.set(key, { n: 1 });
  const met: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = table.scan({ cursor, limit: 11 });
    met.push(...page.entries.map(({ key }) => key));
    // Visited rows are removed, and the chain fills their gaps with rows that have not been visited.
    for (const { key } of page.entries.slice(0, 6)) table.delete(key);
    cursor = page.cursor;
  }
  t.same(met.sort(), keys.sort());
});

t.test('entries are like those of entry()', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  table.set('a', { n: 1, text: 'x', big: 5n }, { ttl: 60_000 }).set('b', { n: 2 });
  const { entries, cursor } = table.scan();
  t.equal(cursor, null);
  for (const entry of entries) t.same(entry, table.entry(entry.key));
  t.equal(entries.length, 2);
});

t.test('prefix selects keys', async (t) => {
  const table = scratchTable(t, { capacity: 99, columns });
  const keys = ['user:1', 'user:2', 'user', 'users', 'u', 'User:1', 'üser', 'ü', '😀a', '😀'];
  for (const key of keys) table.set(key, {});
  for (const prefix of ['', 'u', 'user', 'user:', 'ü', '😀', 'nothing', 'user:1', 'user:11']) {
    const found: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = table.scan({ cursor, limit: 2, prefix });
      found.push(...page.entries.map(({ key }) => key));
      cursor = page.cursor;
    }
    t.same(found.sort(), keys.filter((key) => key.startsWith(prefix)).sort(), `prefix ${prefix}`);
  }
});

t.test('columns selects columns', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  table.set('a', { n: 1, text: 'x', big: 5n });
  const rows = (names: ('n' | 'text' | 'big')[]): unknown[] =>
    table.scan({ columns: names }).entries.map(({ row }) => row);
  t.same(rows(['text']), [{ text: 'x' }]);
  t.same(Object.keys(Object(rows(['big', 'n', 'big'])[0])), ['n', 'big'], 'in the order of the schema, once');
  t.same(rows([]), [{}]);
  t.throws(() => table.scan({ columns: ['nope' as 'n'] }), { code: 'ERR_COLUMN_UNKNOWN' });
});

testOfProcesses('a cursor works in another process', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns });
  for (let n = 0; n < 100; n++) table.set(`k${n}`, { n });
  const first = table.scan({ limit: 33 });
  const child = Child.start<{ rest: string[] }>(t, 'table-reporter', table.name, first.cursor ?? '');
  const { rest } = await child.next();
  t.equal(rest.length, 67);
  t.same([...first.entries.map(({ key }) => key), ...rest].sort(), [...table.keys()].sort());
});

t.test('invalid arguments are rejected', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns });
  const other = scratchTable(t, { capacity: 100, columns });
  for (let n = 0; n < 100; n++) table.set(`k${n}`, { n });
  for (let n = 0; n < 100; n++) other.set(`k${n}`, { n });
  for (const limit of [0, -1, 1.5, 10_001, Number.NaN, '5', null, 5n] as number[]) {
    const outside = typeof limit === 'number' && limit > 10_000 ? { ...bad, message: /10000.*10001/ } : bad;
    if (limit === null) continue;
    t.throws(() => table.scan({ limit }), outside, `limit ${limit}`);
  }
  const foreign = other.scan({ limit: 5 }).cursor ?? '';
  const own = table.scan({ limit: 5 }).cursor ?? '';
  for (const cursor of ['', 'x', 'null', foreign, `${own}x`.slice(1), 5, {}, null] as string[]) {
    t.throws(() => table.scan({ cursor }), bad, `cursor ${cursor}`);
  }
  for (const prefix of [5, null, {}] as unknown[]) t.throws(() => table.scan({ prefix: prefix as string }), bad);
  for (const names of ['n', 5, null, {}] as unknown[]) t.throws(() => table.scan({ columns: names as ['n'] }), bad);
  for (const options of [null, 5, 'x'] as unknown[]) t.throws(() => table.scan(options as object), bad);
});

t.test('a cursor fits the longest key, and a longer cursor is rejected', async (t) => {
  const table = scratchTable(t, { capacity: 3, columns, maxKeyBytes: 255 });
  for (const end of ['1', '2', '3']) table.set(`${'\u0001'.repeat(254)}${end}`, {});
  const keys: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = table.scan({ cursor, limit: 1 });
    for (const { key } of page.entries) keys.push(key.slice(-1));
    cursor = page.cursor;
    if (cursor === null) continue;
    const longer = `${Buffer.from(cursor, 'base64url')}${' '.repeat(10_000)}`;
    t.throws(() => table.scan({ cursor: Buffer.from(longer).toString('base64url') }), { code: 'ERR_ARGUMENT' });
  }
  t.same(keys.sort(), ['1', '2', '3']);
});
