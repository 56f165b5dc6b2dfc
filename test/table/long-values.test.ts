/** Columns `text`, `blob` and `json`: values of any length. */
import { isDeepStrictEqual } from 'node:util';
import t, { type Test } from 'tap';
import { json, Table as PlainTable } from '../../src/index.js';
import { Table } from '../fixtures/placed-table.js';
import { scratchName, scratchTable, testShared } from './scratch-table.js';

const columns = { n: 'int32', text: 'text(10)', blob: 'blob(8)', state: 'json' } as const;
const heap = { bytes: 2 ** 20, blockBytes: 64 };
const NOTHING = { n: 0, text: '', blob: new Uint8Array(), state: null };

/** Asserts that every invariant holds and that each block belongs to a row. */
function isSound(t: Test, table: PlainTable<typeof columns>): void {
  t.same(table.verify(), { ok: true, problems: [] });
  t.equal(table.stats().heap?.inFlight, 0, 'every block belongs to a row');
}

t.test('a value of any length is read as it was written', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, heap: { bytes: 2 ** 22, blockBytes: 64 } });
  for (const length of [0, 1, 7, 8, 9, 10, 11, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000, 65_535, 65_536, 200_000]) {
    for (const unit of ['a', 'é', '€', '😀']) {
      const text = unit.repeat(length).slice(0, Math.max(0, Math.floor(length / unit.length) * unit.length));
      const blob = Uint8Array.from({ length }, (_, i) => i * 7 + length);
      const row = { n: length, text, blob, state: { text, list: [length, null, true] } };
      table.set('k', row);
      // `same` takes seconds to compare the longest.
      t.ok(isDeepStrictEqual(table.get('k'), row), `${length} bytes of ${unit}`);
      t.equal(table.get('k', 'text'), text);
      t.ok(isDeepStrictEqual(table.get('k', 'blob'), blob));
    }
  }
  isSound(t, table);
});

t.test('set changes only the named values, and put resets the others', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, heap });
  const long = { text: 't'.repeat(500), blob: new Uint8Array(300).fill(3), state: ['s'.repeat(400)] };
  table.set('k', { n: 1, ...long });
  const { used } = table.stats().heap ?? {};
  table.set('k', { n: 2 });
  t.same(table.get('k'), { n: 2, ...long });
  t.equal(table.stats().heap?.used, used, 'blocks are kept, not copied');
  table.set('k', { text: 'short' });
  t.same(table.get('k'), { n: 2, ...long, text: 'short' });
  table.update('k', { blob: new Uint8Array(70) });
  t.same(table.get('k'), { n: 2, ...long, text: 'short', blob: new Uint8Array(70) });
  table.increment('k', 'n');
  table.increment('k', 'n', 1, { ttl: 1e9 });
  table.expire('k', null);
  t.same(table.get('k'), { n: 4, ...long, text: 'short', blob: new Uint8Array(70) });
  isSound(t, table);
  table.put('k', { state: 'x' });
  t.same(table.get('k'), { ...NOTHING, state: 'x' });
  t.equal(table.stats().heap?.used, 0);
  isSound(t, table);
});

t.test('every operation that removes a row frees its blocks', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns, heap });
  const row = { text: 't'.repeat(500), blob: new Uint8Array(300), state: ['s'.repeat(400)] };
  const fill = () => {
    for (let i = 0; i < 30; i++) table.set(`k${i}`, row);
  };
  fill();
  t.same(table.take('k0'), { n: 0, ...row }, 'take returns the row');
  t.ok(table.delete('k1'));
  t.ok(table.compareAndDelete('k2', { state: row.state }));
  t.same(table.deleteMany(['k3', 'k4', 'none']), [true, true, false]);
  t.equal(table.stats().heap?.used, 25 * (8 + 5 + 7));
  table.clear();
  t.equal(table.stats().heap?.used, 0);
  fill();
  t.equal(await table.deletePrefix('k1'), 11);
  t.equal(await table.clear({ yieldMs: 1 }), 19);
  t.equal(table.stats().heap?.used, 0);
  isSound(t, table);
});

t.test('complete values are compared, JSON by its text', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, heap });
  const state = { a: 'x'.repeat(200), b: [1, 2] };
  table.set('k', { text: 'y'.repeat(200), blob: new Uint8Array(200), state });
  t.notOk(table.compareAndSet('k', { text: `${'y'.repeat(199)}z` }, { n: 1 }));
  t.notOk(table.compareAndSet('k', { blob: new Uint8Array(201) }, { n: 1 }));
  t.notOk(table.compareAndSet('k', { state: { b: [1, 2], a: state.a } }, { n: 1 }), 'the order of members matters');
  t.notOk(table.compareAndSet('k', { state: null }, { n: 1 }));
  t.ok(table.compareAndSet('k', { text: 'y'.repeat(200), blob: new Uint8Array(200), state }, { state: null }));
  t.ok(table.compareAndSet('k', { state: null }, { state: [0] }));
  t.same(
    table.modify('k', (row) => ({ state: [...((row?.state ?? []) as number[]), 1] })),
    { n: 0, text: 'y'.repeat(200), blob: new Uint8Array(200), state: [0, 1] },
  );
  isSound(t, table);
});

t.test('a JSON value is stored by JSON.stringify and parsed at each read', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns: { value: 'json' } });
  const date = new Date(0);
  const given = { date, nested: { toJSON: () => ['from', 'toJSON'] }, nan: Number.NaN };
  const values: [unknown, unknown][] = [
    [null, null],
    [true, true],
    [-0, 0],
    [1e300, 1e300],
    ['', ''],
    ['\ud800', '\ud800'],
    [[], []],
    [{}, {}],
    [given, { date: date.toJSON(), nested: ['from', 'toJSON'], nan: null }],
    [
      JSON.parse('{"__proto__":{"polluted":1},"constructor":2}'),
      JSON.parse('{"__proto__":{"polluted":1},"constructor":2}'),
    ],
  ];
  for (const [value, stored] of values) {
    table.set('k', { value });
    t.strictSame(table.get('k', 'value'), stored, JSON.stringify(value));
    t.ok(table.compareAndSet('k', { value }, { value }), 'and compares equal');
  }
  t.notOk('polluted' in {});
  table.set('k', { value: { list: [1] } });
  const first = table.get('k', 'value') as { list: number[] };
  first.list.push(2);
  t.same(table.get('k', 'value'), { list: [1] });
});

t.test('an invalid value is rejected and changes nothing', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, heap });
  const before = { n: 1, text: 't'.repeat(100), blob: new Uint8Array(100), state: { a: 's'.repeat(100) } };
  table.set('k', before);
  const circle: unknown[] = [];
  circle.push(circle);
  let deep: unknown = 0;
  for (let i = 0; i < 200_000; i++) deep = [deep];
  const type = 'ERR_COLUMN_TYPE';
  const refused: [string, object, string][] = [
    ['a number as text', { text: 5 }, type],
    ['null as text', { text: null }, type],
    ['a lone surrogate', { text: `${'x'.repeat(100)}\udc00` }, type],
    ['a string as blob', { blob: 'x' }, type],
    ['an ArrayBuffer', { blob: new ArrayBuffer(4) }, type],
    ['a DataView', { blob: new DataView(new ArrayBuffer(4)) }, type],
    ['a circle', { state: circle }, type],
    ['a bigint', { state: { a: [1n] } }, type],
    ['a function', { state: () => 1 }, type],
    ['a function inside', { state: { call() {} } }, type],
    ['undefined inside', { state: { a: { b: undefined } } }, type],
    ['undefined in a list', { state: [undefined] }, type],
    ['a symbol', { state: Symbol('s') }, type],
    ['a value nested too deeply', { state: deep }, type],
    [
      'what toJSON throws',
      {
        state: {
          toJSON: () => {
            throw new Error('no');
          },
        },
      },
      type,
    ],
    ['what toJSON leaves undefined', { state: { toJSON: () => undefined } }, type],
    ['a text longer than the heap', { text: 'x'.repeat(heap.bytes + 1) }, 'ERR_VALUE_TOO_LONG'],
    ['a blob longer than the heap', { blob: new Uint8Array(heap.bytes + 1) }, 'ERR_VALUE_TOO_LONG'],
    ['a JSON text longer than the heap', { state: 'x'.repeat(heap.bytes) }, 'ERR_VALUE_TOO_LONG'],
    [
      'values that are too long together',
      { text: 'x'.repeat(heap.bytes - 64), blob: new Uint8Array(65) },
      'ERR_VALUE_TOO_LONG',
    ],
  ];
  for (const [what, wrong, code] of refused) {
    for (const write of ['set', 'put', 'insert', 'update'] as const) {
      t.throws(
        () => table[write](write === 'insert' ? 'new' : 'k', { n: 2, ...wrong } as object),
        { code },
        `${write} of ${what}`,
      );
    }
    t.throws(
      () => table.compareAndSet('k', { n: 1 }, { n: 2, ...wrong } as object),
      { code },
      `compareAndSet to ${what}`,
    );
    t.throws(() => table.modify('k', () => ({ n: 2, ...wrong }) as object), { code }, `modify to ${what}`);
  }
  t.same(new Map(table), new Map([['k', before]]));
  isSound(t, table);
});

t.test('heap options out of range are rejected with value and limit', async (t) => {
  const create = (options: object) => () => Table.create({ name: scratchName(t), capacity: 10, columns, ...options });
  for (const blockBytes of [0, 32, 63, 65, 100, 8192, 64.5, '64', null]) {
    t.throws(create({ heap: { bytes: 4096, blockBytes } }), {
      code: 'ERR_ARGUMENT',
      message: /heap\.blockBytes must be/,
    });
  }
  for (const bytes of [0, -1, 255, 1.5, Number.NaN, '4096', 2 ** 53, null]) {
    t.throws(create({ heap: bytes }), { code: 'ERR_ARGUMENT', message: /heap/ }, String(bytes));
    t.throws(create({ heap: { bytes } }), { code: 'ERR_ARGUMENT', message: /heap/ }, String(bytes));
  }
  t.throws(create({ heap: { bytes: 4096, blockSize: 64 } }), { code: 'ERR_ARGUMENT', message: /blockBytes/ });
  t.throws(create({ columns: { n: 'int8' }, heap: 4096 }), {
    code: 'ERR_SCHEMA_INVALID',
    message: /text, blob or json/,
  });
  for (const type of ['text()', 'text(0)', 'text(4097)', 'blob(-1)', 'json(x)', 'json(1.5)', 'Text']) {
    t.throws(create({ columns: { a: type } }), { code: 'ERR_SCHEMA_INVALID' }, type);
  }
  const many = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`c${i}`, 'text']));
  t.throws(create({ columns: many }), { code: 'ERR_SCHEMA_INVALID', message: /at most 256 .*257/ });
});

t.test('bytesFor and stats include the heap', async (t) => {
  const options = { capacity: 100, columns, heap: { bytes: 10_000, blockBytes: 128 } } as const;
  const table = scratchTable(t, options);
  const bytes = PlainTable.bytesFor({ name: 'any', ...options });
  t.equal(table.stats().bytes, bytes.total);
  t.equal(bytes.rows + bytes.spares + bytes.index + bytes.other + (bytes.heap ?? 0), bytes.total);
  t.ok((bytes.heap ?? 0) >= 79 * 128);
  t.same(table.stats().heap, { bytes: 10_000, blockBytes: 128, blocks: 79, used: 0, inFlight: 0 });
  t.same(table.columns, columns);
  const plain = scratchTable(t, { capacity: 100, columns: { n: 'int8' } });
  t.notOk('heap' in plain.stats());
  const byDefault = scratchTable(t, { capacity: 100, columns });
  t.match(byDefault.stats().heap, { bytes: 25_600, blockBytes: 256, blocks: 100 });
});

testShared('the heap is part of the schema', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, heap });
  const { name } = table;
  for (const same of [{}, { columns }, { heap }, { columns, heap }]) Table.open(name, same).close();
  for (const other of [
    { heap: 4096 },
    { heap: { ...heap, blockBytes: 128 } },
    { columns, heap: { ...heap, bytes: 2 ** 19 } },
  ]) {
    t.throws(() => Table.open(name, other), {
      code: 'ERR_SCHEMA_MISMATCH',
      message: /heap is 1048576 bytes in blocks of 64/,
    });
  }
  t.throws(() => Table.open(name, { columns: { n: 'int32' } }), {
    code: 'ERR_SCHEMA_MISMATCH',
    message: /column text/,
  });
});

t.test('the type of a JSON column is that of json<T>()', async (t) => {
  interface Session {
    readonly user: string;
    readonly visits: number;
  }
  const table = scratchTable(t, { capacity: 10, columns: { session: json<Session>(), any: 'json(100)' } });
  const session: Session = { user: 'ada', visits: 1 };
  table.set('k', { session, any: session });
  const visits: number | undefined = table.get('k')?.session.visits;
  t.equal(visits, 1);
  t.same(table.get('k', 'any'), session);
  // @ts-expect-error: not a session
  table.set('k', { session: { user: 5 } });
});

t.test('iteration, scan, getMany and entry return long values', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns, heap });
  const rows = new Map(
    Array.from({ length: 50 }, (_, i) => [
      `k${i}`,
      { n: i, text: 'é'.repeat(i * 5), blob: new Uint8Array(i * 11).fill(i), state: { i, s: 'x'.repeat(i * 3) } },
    ]),
  );
  table.setMany([...rows]);
  t.same(new Map(table), rows);
  t.same(table.getMany([...rows.keys()]), [...rows.values()]);
  for (const [key, row] of rows) t.same(table.entry(key)?.row, row);
  const seen = new Map<string, unknown>();
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = table.scan({ limit: 7, columns: ['text', 'state'], ...(cursor === undefined ? {} : { cursor }) });
    for (const { key, row } of page.entries) seen.set(key, row);
    cursor = page.cursor;
  }
  t.same(seen, new Map([...rows].map(([key, { text, state }]) => [key, { text, state }])));
});

t.test('a snapshot contains long values, and can be restored with another heap', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns, heap });
  for (let i = 0; i < 60; i++) {
    table.set(`k${i}`, {
      n: i,
      text: 'é'.repeat(i * 9),
      blob: new Uint8Array(i * 50).fill(i),
      state: [i, 'x'.repeat(i)],
    });
  }
  const path = t.testdir({});
  await table.snapshot(`${path}/s`);
  const restored = await Table.restore(`${path}/s`, { name: scratchName(t) });
  t.same(new Map(restored), new Map(table));
  isSound(t, restored as PlainTable as PlainTable<typeof columns>);
  restored.close();
  const other = await Table.restore(`${path}/s`, { name: scratchName(t), heap: { bytes: 2 ** 20, blockBytes: 4096 } });
  t.same(new Map(other), new Map(table));
  other.close();
  const name = scratchName(t);
  await t.rejects(Table.restore(`${path}/s`, { name, heap: 50_000 }), { code: 'ERR_TABLE_FULL' });
  t.throws(() => Table.open(name), { code: 'ERR_TABLE_NOT_FOUND' }, 'no table is left behind');
});

t.test('a blob that is read is a copy, and the bytes that were written are not referenced', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, heap });
  const given = Buffer.alloc(500, 1);
  table.set('k', { blob: given });
  given.fill(2);
  const read = table.get('k', 'blob');
  t.same(read, new Uint8Array(500).fill(1));
  read?.fill(3);
  t.same(table.get('k', 'blob'), new Uint8Array(500).fill(1));
  t.equal(read?.constructor, Uint8Array);
});

t.test('code of the caller in a JSON value may write to the table', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, heap });
  const inner = { text: 'inner'.repeat(100), state: ['inner'.repeat(50)] };
  const state = {
    toJSON() {
      table.set('inner', inner);
      return 'outer'.repeat(40);
    },
  };
  table.set('outer', { text: 'o'.repeat(300), state, blob: new Uint8Array(100).fill(9) });
  t.match(table.get('inner'), inner);
  t.same(table.get('outer'), {
    n: 0,
    text: 'o'.repeat(300),
    state: 'outer'.repeat(40),
    blob: new Uint8Array(100).fill(9),
  });
  isSound(t, table);
  const closing = { toJSON: () => table.close() };
  t.throws(() => table.set('outer', { text: 'x'.repeat(300), state: closing }), {
    code: /ERR_(TABLE_CLOSED|COLUMN_TYPE)/,
  });
});

t.test('methods of a subclass are not called while a blob is written', async (t) => {
  class Digest extends Uint8Array {
    override subarray(): Digest {
      throw new Error('called');
    }
  }
  const table = scratchTable(t, { capacity: 100, columns, heap: { bytes: 64 * 40, blockBytes: 64 } });
  // Every other block is free, so that the value has many runs.
  for (let i = 0; i < 40; i++) table.set(`k${i}`, { blob: new Uint8Array(64).fill(i) });
  for (let i = 0; i < 40; i += 2) table.delete(`k${i}`);
  const others = new Map(table);
  const blob = Digest.from({ length: 64 * 10 }, (_, i) => i);
  table.set('digest', { blob });
  t.same(
    table.get('digest', 'blob'),
    Uint8Array.from({ length: 64 * 10 }, (_, i) => i),
  );
  for (const [key, row] of others) t.same(table.get(key), row);
  isSound(t, table);
});

t.test("whatever toJSON throws becomes an error of the package; the package's own errors are unchanged", async (t) => {
  const table = scratchTable(t, { capacity: 1, columns: { state: 'json' } });
  const throwing = (thrown: unknown) => ({
    toJSON() {
      throw thrown;
    },
  });
  const odd = [
    Object.create(null),
    Object.assign(new Error('x'), { message: 5 }),
    undefined,
    new RangeError('string length'),
  ];
  for (const thrown of odd) t.throws(() => table.set('k', { state: throwing(thrown) }), { code: 'ERR_COLUMN_TYPE' });
  const refusing = {
    toJSON() {
      table.set('', {});
    },
  };
  t.throws(() => table.set('k', { state: refusing }), { code: 'ERR_KEY_INVALID' });
  t.throws(() => table.set('k', { state: new Array(3) }), { code: 'ERR_COLUMN_TYPE' });
  t.equal(table.size, 0);
});
