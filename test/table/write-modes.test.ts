import t from 'tap';
import { scratchTable } from './scratch-table.js';

const columns = { a: 'int32', b: 'float64', c: 'boolean', d: 'string(8)', e: 'bytes(4)', f: 'int64' } as const;
const zero = { a: 0, b: 0, c: false, d: '', e: new Uint8Array(), f: 0n };
const whole = { a: 1, b: 2.5, c: true, d: 'four', e: Uint8Array.of(5), f: 6n };

t.test('set writes the named columns and creates a missing row', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  t.equal(table.set('k', { d: 'x' }), table, 'returns the table');
  t.same(table.get('k'), { ...zero, d: 'x' }, 'the other columns of a new row are zero');
  table.set('k', { a: 7, c: true });
  t.same(table.get('k'), { ...zero, d: 'x', a: 7, c: true });
  table.set('k', {});
  t.same(table.get('k'), { ...zero, d: 'x', a: 7, c: true });
  table.set('empty', {});
  t.same(table.get('empty'), zero);
});

t.test('put replaces the whole row', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  t.equal(table.put('k', whole), table);
  t.same(table.get('k'), whole);
  table.put('k', { a: 9 });
  t.same(table.get('k'), { ...zero, a: 9 }, 'columns not named become zero');
  table.put('k', whole).put('k', {});
  t.same(table.get('k'), zero);
});

t.test('insert writes only a missing row, update only an existing one', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  t.equal(table.update('k', whole), false);
  t.equal(table.has('k'), false);
  t.equal(table.insert('k', { a: 1 }), true);
  t.equal(table.insert('k', { a: 2 }), false);
  t.same(table.get('k'), { ...zero, a: 1 });
  t.equal(table.update('k', { d: 'y' }), true);
  t.same(table.get('k'), { ...zero, a: 1, d: 'y' });
});

t.test('a new row contains nothing of the previous row in its memory', async (t) => {
  const table = scratchTable(t, { capacity: 1, columns, maxParticipants: 1 });
  for (let i = 0; i < 4; i++) {
    table.set('old', { ...whole, d: 'abcdefgh', e: Uint8Array.of(1, 2, 3, 4) }).delete('old');
    table.insert('new', { a: 1 });
    t.same(table.get('new'), { ...zero, a: 1 });
    table.delete('new');
    table.increment('inc', 'a');
    t.same(table.take('inc'), { ...zero, a: 1 });
  }
});

t.test('undefined counts as not named, and null has the wrong type', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  table.set('k', whole).set('k', { a: undefined, d: 'z', e: undefined });
  t.same(table.get('k'), { ...whole, d: 'z' });
  table.put('k', { a: undefined, d: 'z' });
  t.same(table.get('k'), { ...zero, d: 'z' });
  for (const column of Object.keys(columns)) {
    t.throws(() => table.set('k', { [column]: null }), { code: 'ERR_COLUMN_TYPE', message: new RegExp(column) });
  }
  table.set('k', JSON.parse('{"a":3}')).set('k', Object.assign({ unknown: undefined }, { a: 4 }));
  t.equal(table.get('k', 'a'), 4);
});

t.test('an unknown column throws wherever it is named', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  table.set('there', whole);
  const before = table.entry('there');
  const row = { nope: 1 } as object;
  const named = { a: 1, nope: 1 };
  const code = { code: 'ERR_COLUMN_UNKNOWN', message: /nope.*\ba, b, c\b/ };
  const name = 'nope' as 'a';
  for (const key of ['there', 'missing']) {
    for (const input of [
      row,
      named,
      Object.assign(Object.create({ nope: 1 }), { a: 1 }),
      { a: undefined, nope: null },
    ]) {
      t.throws(() => table.set(key, input), code);
      t.throws(() => table.put(key, input), code);
      t.throws(() => table.insert(key, input), code);
      t.throws(() => table.update(key, input), code);
      t.throws(() => table.modify(key, () => input), code);
      t.throws(() => table.compareAndSet(key, input, { a: 1 }), code);
      t.throws(() => table.compareAndDelete(key, input), code);
      t.throws(() => table.compareAndSet(key, { a: 1 }, input), code);
      t.throws(() => table.compareAndSet(key, { a: -1 }, input), code);
      t.throws(() => table.compareAndSet(key, { revision: 1 }, input), code);
    }
    t.throws(() => table.get(key, name), code);
    t.throws(() => table.increment(key, name), code);
    t.throws(() => table.decrement(key, name), code);
  }
  for (const other of ['__proto__', 'toString', 'constructor', 'revision', '', 'A']) {
    t.throws(() => table.get('there', other as 'a'), { code: 'ERR_COLUMN_UNKNOWN' }, other);
    t.throws(() => table.increment('there', other as 'a'), { code: 'ERR_COLUMN_UNKNOWN' }, other);
    t.throws(() => table.scan({ columns: [other as 'a'] }), { code: 'ERR_COLUMN_UNKNOWN' }, other);
  }
  t.throws(() => table.set('there', JSON.parse('{"__proto__":1}')), { code: 'ERR_COLUMN_UNKNOWN' });
  t.throws(() => table.scan({ columns: ['a', name] }), code);
  t.same(table.entry('there'), before);
  t.equal(table.size, 1);
});

t.test('anything but an object is rejected as a row', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  for (const row of [
    undefined,
    null,
    5,
    'a',
    true,
    5n,
    Symbol('a'),
    () => ({}),
    [],
    [1],

    Promise.resolve({}),
  ]) {
    for (const write of ['set', 'put', 'insert', 'update'] as const) {
      t.throws(() => table[write]('k', row as object), { code: 'ERR_ARGUMENT' }, `${write} ${String(row)}`);
    }
  }
  t.equal(table.size, 0);
});

t.test('rows may be objects of any kind', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  class Made {
    a = 3;
    get d(): string {
      return 'got';
    }
  }
  t.same(table.set('class', new Made()).get('class'), { ...zero, a: 3, d: 'got' });
  t.same(table.set('null', Object.assign(Object.create(null), { a: 4 })).get('null'), { ...zero, a: 4 });
  t.same(table.set('frozen', Object.freeze({ a: 5 })).get('frozen'), { ...zero, a: 5 });
  const row = table.get('class');
  t.same(table.set('copy', row ?? {}).get('copy'), row);
  const asked: PropertyKey[] = [];
  const proxy = new Proxy(
    { a: 6, d: 'p' },
    {
      get: (target, name) => {
        asked.push(name);
        return Reflect.get(target, name);
      },
    },
  );
  t.same(table.set('proxy', proxy).get('proxy'), { ...zero, a: 6, d: 'p' });
  t.equal(asked.filter((name) => name === 'a').length, 1, 'each property is read once');
  class Strange {
    nope = 1;
    get a(): number {
      return 1;
    }
  }
  t.throws(
    () => table.set('k', new Strange()),
    { code: 'ERR_COLUMN_UNKNOWN' },
    'an unknown name is reported even if a column is inherited',
  );
});

t.test('getters may use the table, throw, and even close it', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  table.set('k', whole);
  const nested = {
    get a(): number {
      table.set('inner', { a: 10, d: 'inner' });
      table.delete('k');
      table.increment('other', 'a', 5);
      table.set('k', { d: 'again' });
      t.same([...table.keys()].sort(), ['inner', 'k', 'other']);
      return 20;
    },
    d: 'outer',
  };
  table.set('k', nested);
  t.same(table.get('k'), { ...zero, a: 20, d: 'outer' });
  t.same(table.get('inner'), { ...zero, a: 10, d: 'inner' });
  t.equal(table.get('other', 'a'), 5);

  const failing = {
    a: 99,
    get d(): string {
      throw new RangeError('mine');
    },
  };
  for (const write of ['set', 'put', 'insert', 'update'] as const) {
    t.throws(() => table[write]('k', failing), { name: 'RangeError', message: 'mine' });
    t.throws(() => table[write]('absent', failing), { message: 'mine' });
  }
  t.same(table.get('k'), { ...zero, a: 20, d: 'outer' });
  t.same(table.verify(), { ok: true, problems: [] });

  const closing = {
    get a(): number {
      table.close();
      return 1;
    },
  };
  t.throws(() => table.set('k', closing), { code: 'ERR_TABLE_CLOSED' });
});

t.test('a getter may destroy the table', async (t) => {
  for (const write of ['set', 'put', 'insert', 'update', 'compareAndSet', 'modify'] as const) {
    const table = scratchTable(t, { capacity: 9, columns });
    table.set('k', whole);
    const destroying = {
      get a(): number {
        table.destroy();
        return 1;
      },
    };
    const call =
      write === 'compareAndSet'
        ? () => table.compareAndSet('k', { a: 1 }, destroying)
        : write === 'modify'
          ? () => table.modify('k', () => destroying)
          : () => table[write]('k', destroying);
    t.throws(call, { code: 'ERR_TABLE_CLOSED' }, write);
  }
});

t.test('delete, take and clear remove rows', async (t) => {
  const table = scratchTable(t, { capacity: 200, columns });
  table.set('k', whole);
  t.equal(table.has('k'), true);
  t.same(table.take('k'), whole);
  t.equal(table.take('k'), undefined);
  t.equal(table.delete('k'), false);
  t.equal(table.has('k'), false);
  table.set('k', whole);
  t.equal(table.delete('k'), true);
  t.equal(table.get('k'), undefined);
  t.equal(table.get('k', 'a'), undefined);
  t.equal(table.entry('k'), undefined);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 200; i++) table.set(`k${i}`, { a: i });
    t.equal(table.clear(), undefined);
    t.equal(table.size, 0);
    t.same([...table], []);
    t.same(table.verify(), { ok: true, problems: [] });
  }
});

t.test('invalid write options are rejected', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  table.set('k', whole);
  for (const options of [null, 5, 'x'] as unknown[]) {
    t.throws(() => table.set('k', {}, options as object), { code: 'ERR_ARGUMENT' }, String(options));
    t.throws(() => table.insert('k', {}, options as object), { code: 'ERR_ARGUMENT' });
    t.throws(() => table.compareAndSet('k', { a: 1 }, {}, options as object), { code: 'ERR_ARGUMENT' });
  }
});
