/** getMany, setMany, deleteMany, deletePrefix, and clear with options. */
import t from 'tap';
import type { Row } from '../../src/index.js';
import { scratchTable } from './scratch-table.js';

const columns = { n: 'int32', big: 'int64', text: 'string(4)', data: 'bytes(4)' } as const;
type Input = Partial<Row<typeof columns>>;
const argument = { code: 'ERR_ARGUMENT' };
const untyped = (value: unknown): never => value as never;

t.test('anything but a list of keys, or of keys and rows, is rejected before any row is touched', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('a', { n: 1 });
  for (const keys of [undefined, null, 5, 'abc', {}, new Uint8Array(3), () => ['a']]) {
    t.throws(() => table.getMany(untyped(keys)), argument);
    t.throws(() => table.deleteMany(untyped(keys)), argument);
    t.throws(() => table.setMany(untyped(keys)), argument);
  }
  for (const key of [5, '', 'x'.repeat(64), '\ud800', null, undefined]) {
    t.throws(() => table.getMany(['a', untyped(key)]), { code: 'ERR_KEY_INVALID' });
    t.throws(() => table.deleteMany(['a', untyped(key)]), { code: 'ERR_KEY_INVALID', message: /^key 1: / });
    t.throws(
      () =>
        table.setMany([
          ['a', { n: 2 }],
          [untyped(key), {}],
        ]),
      {
        code: 'ERR_KEY_INVALID',
        message: /^entry 1: /,
      },
    );
  }
  for (const entry of [undefined, 'ab', ['b'], ['b', {}, {}], { 0: 'b', 1: {} }]) {
    t.throws(() => table.setMany([['a', { n: 2 }], untyped(entry)]), { ...argument, message: /^entry 1: / });
  }
  const wrong = { n: [2 ** 31, 'ERR_VALUE_RANGE'], text: [5, 'ERR_COLUMN_TYPE'], nope: [1, 'ERR_COLUMN_UNKNOWN'] };
  for (const [column, [value, code]] of Object.entries(wrong)) {
    t.throws(
      () =>
        table.setMany([
          ['a', { n: 2 }],
          ['b', untyped({ [column]: value })],
        ]),
      {
        code,
        message: /^entry 1: /,
      },
    );
  }
  t.throws(() => table.setMany([['a', { n: 2 }]], untyped({ TTL: 5 })), { ...argument, message: /did you mean ttl/ });
  function* broken(): Generator<[string, Input]> {
    yield ['a', { n: 2 }];
    throw new RangeError('of the caller');
  }
  t.throws(() => table.setMany(broken()), RangeError);
  t.same(new Map(table), new Map([['a', { n: 1, big: 0n, text: '', data: new Uint8Array() }]]), 'nothing has changed');
});

t.test('results are in the order of the keys, repeated keys included', async (t) => {
  const table = scratchTable(t, { capacity: 500, columns });
  const keys = Array.from({ length: 300 }, (_, i) => `key-${i}`);
  t.equal(table.setMany(keys.map((key, n) => [key, { n, big: 5 }])), table);
  t.same(
    table.getMany([...keys, 'missing', 'key-7']).map((row) => row?.n),
    [...keys.keys(), undefined, 7],
  );
  t.same(
    table.getMany(new Set(['key-1', 'none'])).map((row) => row?.big),
    [5n, undefined],
  );
  t.same(table.getMany([]), []);
  table.setMany([
    ['key-1', { n: -1 }],
    ['key-1', { text: 'last' }],
    ['key-1', { n: -2 }],
  ]);
  t.match(table.get('key-1'), { n: -2, big: 5n, text: 'last' }, 'only the named columns change, in order');
  t.same(table.deleteMany(['key-1', 'none', 'key-1', 'key-2']), [true, false, false, true]);
  t.equal(table.size, 298);
  const copy = scratchTable(t, { capacity: 500, columns });
  t.equal(copy.setMany(table).size, 298, 'another table may be the list of keys and rows');
  t.same(new Map(copy), new Map(table));
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('a full table stops setMany, whose error says how many rows were written', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns });
  const entries = Array.from({ length: 150 }, (_, n): [string, Input] => [`key-${n}`, { n }]);
  t.throws(() => table.setMany(entries), { code: 'ERR_TABLE_FULL', completed: 100, message: /key-100.*100 of 150/ });
  t.equal(table.size, 100);
  t.same(table.get('key-99', 'n'), 99);
});

t.test('each row is read once, and later changes by the caller have no effect', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  let reads = 0;
  const row = {
    get n() {
      table.set('c', { n: 9 });
      return ++reads;
    },
  };
  const data = Uint8Array.of(1);
  table.setMany([
    ['a', { data }],
    [
      'b',
      {
        get text() {
          data[0] = 2;
          return 'b';
        },
      },
    ],
    ['c', row],
  ]);
  t.equal(reads, 1);
  t.equal(table.get('c', 'n'), 1);
  t.same(table.get('a', 'data'), Uint8Array.of(1));
});

t.test('setMany sets lifetimes', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.setMany(
    [
      ['a', {}],
      ['b', {}],
    ],
    { ttl: 60_000 },
  );
  table.setMany([['a', { n: 1 }]]);
  t.ok((table.ttl('a') ?? 0) <= 60_000);
  table.setMany([['a', { n: 1 }]], { ttl: null });
  t.equal(table.ttl('a'), Number.POSITIVE_INFINITY);
});

t.test('deletePrefix and clear with options yield to the event loop', async (t) => {
  const table = scratchTable(t, { capacity: 200_000, columns: { n: 'int8' } });
  for (let i = 0; i < 200_000; i++) table.set(i % 2 === 0 ? `even-${i}` : `odd-${i}`, { n: 1 });
  let turns = 0;
  const ticking = setInterval(() => turns++, 0);
  t.equal(await table.deletePrefix('even-'), 100_000);
  t.ok(turns > 1, `${turns} turns`);
  t.equal(table.size, 100_000);
  t.equal(await table.deletePrefix('even-'), 0);
  turns = 0;
  t.equal(await table.clear({ yieldMs: 2 }), 100_000);
  clearInterval(ticking);
  t.ok(turns > 1, `${turns} turns`);
  t.equal(table.size, 0);
  t.equal(await table.clear({}), 0);
  table.set('a', {});
  t.equal(table.clear(), undefined);
  t.equal(table.size, 0);
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('both end even if others insert continuously', async (t) => {
  const table = scratchTable(t, { capacity: 50_000, columns: { n: 'int8' } });
  for (let i = 0; i < 20_000; i++) table.set(`old-${i}`, {});
  let inserted = 0;
  const inserting = setInterval(() => {
    for (let i = 0; i < 50; i++) table.set(`new-${inserted++ % 10_000}`, {});
  }, 0);
  const removed = await table.clear({ yieldMs: 1 });
  t.ok(removed >= 20_000 && removed <= 20_000 + inserted, `${removed} removed, ${inserted} inserted`);
  clearInterval(inserting);
  t.equal([...table.keys()].filter((key) => key.startsWith('old-')).length, 0);
});

t.test('they reject for invalid arguments, and when the table is closed meanwhile', async (t) => {
  const table = scratchTable(t, { capacity: 100_000, columns: { n: 'int8' } });
  for (const prefix of [undefined, null, 5, ['a']]) await t.rejects(table.deletePrefix(untyped(prefix)), argument);
  for (const options of [null, 5, 'x', []]) await t.rejects(table.clear(untyped(options)), argument);
  for (const yieldMs of [0, -1, 0.5, '5', Number.NaN, 60_001]) {
    await t.rejects(table.clear({ yieldMs: untyped(yieldMs) }), { ...argument, message: /yieldMs/ });
  }
  await t.rejects(table.clear(untyped({ yieldMS: 5 })), { ...argument, message: /did you mean yieldMs\?/ });
  const closed = { code: 'ERR_TABLE_CLOSED' };
  for (let i = 0; i < 100_000; i++) table.set(`${i}`, {});
  const [clearing, deleting] = [table.clear({ yieldMs: 1 }), table.deletePrefix('9')];
  table.destroy();
  await t.rejects(clearing, closed);
  await t.rejects(deleting, closed);
  await t.rejects(table.clear({}), closed);
  for (const operation of [() => table.getMany([]), () => table.setMany([]), () => table.deleteMany([])]) {
    t.throws(operation, closed);
  }
});

t.test('long operations on three tables may overlap', async (t) => {
  const tables = [1, 2, 3].map(() => scratchTable(t, { capacity: 300, columns }));
  for (const [i, table] of tables.entries()) {
    table.setMany(Array.from({ length: 200 }, (_, n) => [`${n}`, { n: n + i }]));
    table.increment('0', 'n', 1, { ttlIfNew: 1000 });
  }
  for (const [i, table] of tables.entries()) {
    t.same(
      table.getMany(['0', '100']).map((row) => row?.n),
      [i + 1, 100 + i],
    );
    t.same(table.deleteMany(['0', '0']), [true, false]);
    t.equal(await table.deletePrefix('1'), 111);
    t.equal(await table.clear({}), 88);
    t.equal(table.size, 0);
  }
});
