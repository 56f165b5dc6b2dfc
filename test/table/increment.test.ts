import t from 'tap';
import { scratchTable } from './scratch-table.js';

const columns = {
  i8: 'int8',
  u8: 'uint8',
  i16: 'int16',
  u16: 'uint16',
  i32: 'int32',
  u32: 'uint32',
  i64: 'int64',
  f32: 'float32',
  f64: 'float64',
  flag: 'boolean',
  text: 'string(4)',
  data: 'bytes(4)',
} as const;
const range = { code: 'ERR_VALUE_RANGE' };
const type = { code: 'ERR_COLUMN_TYPE' };

t.test('increment creates a missing row and returns the new value', async (t) => {
  const table = scratchTable(t, { capacity: 20, columns });
  t.equal(table.increment('a', 'i32'), 1);
  t.equal(table.increment('a', 'i32', 5), 6);
  t.equal(table.decrement('a', 'i32'), 5);
  t.equal(table.decrement('b', 'i32', 7), -7);
  t.equal(table.increment('a', 'i64'), 1n);
  t.equal(table.increment('a', 'i64', 2n), 3n);
  t.equal(table.decrement('a', 'i64', 5), -2n);
  t.equal(table.increment('a', 'f64', 0.5), 0.5);
  t.equal(table.increment('a', 'f32', 0.1), Math.fround(0.1));
  t.match(table.get('a'), { i32: 5, i64: -2n, f64: 0.5, f32: Math.fround(0.1), text: '', flag: false });
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('an increment beyond the range of an integer column changes nothing', async (t) => {
  const bounds = [
    ['i8', -128, 127],
    ['u8', 0, 255],
    ['i16', -32768, 32767],
    ['u16', 0, 65535],
    ['i32', -(2 ** 31), 2 ** 31 - 1],
    ['u32', 0, 2 ** 32 - 1],
  ] as const;
  const table = scratchTable(t, { capacity: 2, columns });
  table.put('k', { text: 'abcd' });
  for (const [column, min, max] of bounds) {
    t.equal(table.increment('k', column, max), max);
    const entry = table.entry('k');
    t.throws(() => table.increment('k', column), { ...range, message: new RegExp(`${column}.*${max}`) });
    for (const by of [2 ** 32, 2 ** 53 - 1, 256, 65536]) t.throws(() => table.increment('k', column, max + by), range);
    t.throws(() => table.decrement('k', column, max - min + 1), range);
    t.same(table.entry('k'), entry);
    t.equal(table.decrement('k', column, max - min), min);
    t.throws(() => table.decrement('k', column), range);
    t.throws(() => table.increment('k', column, min - max - 1), range);
    t.equal(table.get('k', column), min);
    t.throws(() => table.increment('missing', column, max + 1), range);
    t.throws(() => table.increment('missing', column, min - 1), range);
    t.equal(table.increment('k', column, -0), min);
    for (const by of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      t.throws(() => table.increment('k', column, by), range);
  }
  t.match(table.get('k'), {
    i8: -128,
    u8: 0,
    i16: -32768,
    u16: 0,
    i32: -(2 ** 31),
    u32: 0,
    i64: 0n,
    f32: 0,
    text: 'abcd',
  });
  t.equal(table.size, 1);
});

t.test('int64 columns are incremented by bigints and safe integers', async (t) => {
  const table = scratchTable(t, { capacity: 2, columns });
  const [min, max] = [-(2n ** 63n), 2n ** 63n - 1n];
  t.equal(table.increment('k', 'i64', max), max);
  t.throws(() => table.increment('k', 'i64'), range);
  t.equal(table.decrement('k', 'i64', max), 0n);
  t.equal(table.increment('k', 'i64', min), min);
  t.throws(() => table.decrement('k', 'i64'), range);
  t.throws(() => table.increment('k', 'i64', min), range);
  t.throws(() => table.decrement('missing', 'i64', min), range);
  t.equal(table.increment('k', 'i64', Number.MAX_SAFE_INTEGER), min + BigInt(Number.MAX_SAFE_INTEGER));
  for (const by of [0.5, 2 ** 53, Number.NaN]) t.throws(() => table.increment('k', 'i64', by), range);
  t.throws(() => table.increment('k', 'i64', 2n ** 64n), range);
});

t.test('floats stay finite, keep -0 and are rounded', async (t) => {
  const table = scratchTable(t, { capacity: 3, columns });
  t.equal(table.increment('k', 'f64', Number.MAX_VALUE), Number.MAX_VALUE);
  for (const by of [Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NaN]) {
    t.throws(() => table.increment('k', 'f64', by), range);
    t.throws(() => table.increment('missing', 'f32', by), range);
  }
  t.equal(table.get('k', 'f64'), Number.MAX_VALUE);
  t.throws(() => table.increment('k', 'f32', 1e39), range, 'infinite after rounding');
  table.set('k', { f32: 16777216, f64: -0 });
  t.equal(table.increment('k', 'f32'), 16777216, 'an amount too small for a float32');
  t.equal(table.increment('k', 'f64', -0), -0);
  t.equal(Object.is(table.get('k', 'f64'), -0), true);
  t.equal(Object.is(table.increment('k', 'f64', 0), 0), true);
  table.set('k', { f64: Number.NaN, f32: Number.POSITIVE_INFINITY });
  t.throws(() => table.increment('k', 'f64'), range);
  t.throws(() => table.decrement('k', 'f32'), range);
});

t.test('columns that are not numbers and invalid amounts are rejected', async (t) => {
  const table = scratchTable(t, { capacity: 2, columns });
  table.set('k', {});
  for (const key of ['k', 'missing']) {
    for (const column of ['flag', 'text', 'data']) {
      t.throws(() => table.increment(key, column as 'i8'), { ...type, message: new RegExp(column) });
      t.throws(() => table.decrement(key, column as 'i8'), type);
    }
    for (const by of ['1', null, true, {}, [], Symbol('1')]) {
      for (const column of ['i8', 'u32', 'i64', 'f32', 'f64'] as const) {
        t.throws(() => table.increment(key, column, by as number), type, `${column} ${String(by)}`);
        t.throws(() => table.decrement(key, column, by as number), type);
      }
    }
    for (const column of ['i8', 'u32', 'f32', 'f64'] as const) {
      t.throws(() => table.increment(key, column, 1n as never), type);
      t.throws(() => table.decrement(key, column, 1n as never), type);
    }
  }
  t.equal(table.size, 1);
});

t.test('only the number and the revision change', async (t) => {
  const table = scratchTable(t, { capacity: 2, columns });
  const row = {
    i8: -1,
    u8: 255,
    i16: -1,
    u16: 65535,
    i32: -1,
    u32: 2 ** 32 - 1,
    i64: -1n,
    f32: -1,
    f64: -1,
    flag: true,
  };
  table.set('k', { ...row, text: 'abcd', data: Uint8Array.of(1, 2, 3, 4) });
  const expected: Record<string, unknown> = { ...table.get('k') };
  let revision = table.entry('k')?.revision ?? 0;
  for (const column of ['i8', 'i16', 'i32', 'i64', 'f32', 'f64'] as const) {
    expected[column] = table.increment('k', column);
    t.same(table.get('k'), expected, column);
    const next = table.entry('k')?.revision ?? 0;
    t.ok(next > revision);
    revision = next;
  }
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('invalid lifetimes are rejected, and nothing is added', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('k', { i32: 1 });
  const wrong = [0, -1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, '5', 5n, true, {}];
  for (const name of ['ttl', 'ttlIfNew']) {
    for (const value of wrong) {
      const options = { [name]: value } as { ttl: number };
      for (const key of ['k', 'missing']) {
        const refused = { code: 'ERR_ARGUMENT', message: new RegExp(`^${name} must be`) };
        t.throws(() => table.increment(key, 'i32', 1, options), refused, `${name}: ${String(value)}`);
        t.throws(() => table.decrement(key, 'i32', 1, options), refused);
      }
    }
  }
  for (const options of [null, 5, [], 'ttl']) {
    t.throws(() => table.increment('k', 'i32', 1, options as never), { code: 'ERR_ARGUMENT' });
  }
  t.equal(table.get('k', 'i32'), 1);
  t.equal(table.size, 1);
});

const forEver = Number.POSITIVE_INFINITY;

t.test('ttlIfNew is a fixed window: only the increment that creates the row sets it', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.increment('k', 'i32', 1, { ttlIfNew: 60_000 });
  const { expiresAt } = table.entry('k') ?? {};
  t.type(expiresAt, 'number');
  for (let i = 0; i < 3; i++) {
    table.increment('k', 'i32', 1, { ttlIfNew: 5 });
    table.decrement('k', 'i32', 2, { ttlIfNew: null });
    t.equal(table.entry('k')?.expiresAt, expiresAt);
  }
  t.equal(table.get('k', 'i32'), -2);
  table.set('immortal', {});
  table.increment('immortal', 'i32', 1, { ttlIfNew: 60_000 });
  t.equal(table.ttl('immortal'), forEver, 'an existing row keeps its lifetime, or has none');
});

t.test('an expired row counts as missing: it is created again, with the lifetime of a new row', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('k', { i32: 40, text: 'old' }, { ttl: 1 });
  while (table.has('k'));
  t.equal(table.increment('k', 'i32', 1, { ttlIfNew: 60_000 }), 1);
  t.match(table.get('k'), { i32: 1, text: '' });
  t.ok((table.ttl('k') ?? 0) <= 60_000);
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('ttl sets the lifetime at every call, and null removes it', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.increment('k', 'i32', 1, { ttl: 50_000 });
  t.ok((table.ttl('k') ?? 0) <= 50_000);
  table.increment('k', 'i32', 1, { ttl: 90_000 });
  const left = table.ttl('k') ?? 0;
  t.ok(left > 50_000 && left <= 90_000, `${left} ms`);
  t.equal(table.decrement('k', 'i32', 1, { ttl: null }), 1);
  t.equal(table.ttl('k'), forEver);
  t.equal(table.increment('k', 'i32', 1, {}), 2);
  t.equal(table.increment('k', 'i32', 1, { ttl: undefined, ttlIfNew: undefined }), 3);
  t.equal(table.ttl('k'), forEver);
});

t.test('with both, a new row lives for ttlIfNew, and from its next increment on for ttl', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  const both = { ttl: 90_000, ttlIfNew: 50_000 };
  table.increment('k', 'i64', 1, both);
  t.ok((table.ttl('k') ?? 0) <= 50_000);
  table.increment('k', 'i64', 1n, both);
  t.ok((table.ttl('k') ?? 0) > 50_000);
  table.increment('new', 'i64', 1, { ttl: 90_000, ttlIfNew: null });
  t.equal(table.ttl('new'), forEver);
});

t.test('an increment out of range changes no lifetime; a getter of the options may close the table', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('k', { u8: 255 });
  t.throws(() => table.increment('k', 'u8', 1, { ttl: 5 }), range);
  t.throws(() => table.increment('new', 'u8', 256, { ttlIfNew: 5 }), range);
  t.equal(table.ttl('k'), forEver);
  t.equal(table.size, 1);
  const options = {
    get ttlIfNew() {
      table.close();
      return 5;
    },
  };
  t.throws(() => table.increment('k', 'i8', 1, options), { code: 'ERR_TABLE_CLOSED' });
});
