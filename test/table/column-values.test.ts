import { inspect, isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';
import t, { type Test } from 'tap';
import type { Columns, ColumnType } from '../../src/index.js';
import { scratchTable } from './scratch-table.js';

/** As in ECMAScript 2024. */
interface GrowableMemory extends SharedArrayBuffer {
  grow(bytes: number): void;
}

/** Writes each value with every method that writes, and reads it with every method that reads. */
function takes(t: Test, type: ColumnType, values: readonly unknown[], givenBack = values): void {
  const columns: Columns = { before: 'uint8', v: type, after: 'uint8' };
  const table = scratchTable(t, { capacity: 4, columns });
  for (const [i, value] of values.entries()) {
    const row = { v: value as number, before: 255, after: 255 };
    for (const write of ['set', 'put', 'insert', 'update'] as const) {
      if (write === 'insert') table.delete('k');
      table[write]('k', row);
      const read = table.get('k');
      const same = (actual: unknown): boolean =>
        actual instanceof Uint8Array
          ? Buffer.compare(actual, givenBack[i] as Uint8Array) === 0 && actual.constructor === Uint8Array
          : Object.is(actual, givenBack[i]);
      if (
        !same(read?.v) ||
        !same(table.get('k', 'v')) ||
        !same(table.entry('k')?.row.v) ||
        !same([...table.values()][0].v)
      )
        t.fail(`${type} ${write}`, { value, read });
      if (read?.before !== 255 || read.after !== 255) t.fail(`${type} ${write} overwrites its neighbours`, { value });
      // Copied from the old row when another column is written.
      table.set('k', { before: 255 });
      if (!same(table.get('k', 'v'))) t.fail(`${type} is not copied`, { value });
    }
  }
  t.same(table.verify().problems, []);
}

function refuses(t: Test, type: ColumnType, code: string, values: readonly unknown[]): void {
  const columns: Columns = { before: 'uint8', v: type, after: 'uint8' };
  const table = scratchTable(t, { capacity: 4, columns });
  table.set('k', { before: 1, after: 2 });
  const entry = table.entry('k');
  for (const value of values) {
    const row = { v: value as number, before: 9, after: 9 };
    const expected = { code, message: /\bv\b/ };
    t.throws(() => table.set('k', row), expected, `${type} set ${typeof value} ${inspect(value).slice(0, 20)}`);
    t.throws(() => table.put('k', row), expected);
    t.throws(() => table.insert('new', row), expected);
    t.throws(() => table.update('missing', row), expected);
    t.throws(() => table.compareAndSet('k', row, { before: 5 }), expected);
    t.throws(() => table.compareAndSet('k', { before: 1 }, row), expected);
    t.throws(() => table.compareAndSet('missing', { before: 1 }, row), expected);
    t.throws(() => table.modify('k', () => row), expected);
  }
  t.same(table.entry('k'), entry, 'the row is unchanged, including its revision');
  t.equal(table.size, 1);
  t.same(table.verify().problems, []);
}

const noNumbers = ['', '1', true, null, {}, [], [1], new Number(1), Symbol('1'), () => 1, new Date(0)];

for (const [type, min, max] of [
  ['int8', -128, 127],
  ['uint8', 0, 255],
  ['int16', -32768, 32767],
  ['uint16', 0, 65535],
  ['int32', -(2 ** 31), 2 ** 31 - 1],
  ['uint32', 0, 2 ** 32 - 1],
] as const) {
  t.test(type, async (t) => {
    takes(t, type, [0, 1, min, min + 1, max - 1, max, 77]);
    takes(t, type, [-0], [0]);
    const outside = [min - 1, max + 1, 0.5, max + 0.5, 2 ** 32, 2 ** 32 + 1, -(2 ** 32), 2 ** 53, 1e300, -1e300];
    refuses(t, type, 'ERR_VALUE_RANGE', [...outside, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    refuses(t, type, 'ERR_COLUMN_TYPE', [...noNumbers, 1n]);
  });
}

t.test('int64 columns hold bigints in range', async (t) => {
  const min = -(2n ** 63n);
  const max = 2n ** 63n - 1n;
  takes(t, 'int64', [0n, 1n, -1n, min, min + 1n, max - 1n, max, 2n ** 53n + 1n]);
  const safe = Number.MAX_SAFE_INTEGER;
  takes(t, 'int64', [0, -0, 5, -5, safe, -safe], [0n, 0n, 5n, -5n, BigInt(safe), BigInt(-safe)]);
  refuses(t, 'int64', 'ERR_VALUE_RANGE', [
    min - 1n,
    max + 1n,
    2n ** 64n,
    2 ** 53,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ]);
  refuses(t, 'int64', 'ERR_COLUMN_TYPE', noNumbers);
});

const { NaN: notANumber, POSITIVE_INFINITY: infinity, MAX_VALUE: max, MIN_VALUE: min, EPSILON: epsilon } = Number;

t.test('float64 columns hold every number', async (t) => {
  takes(t, 'float64', [0, -0, 1.1, -1.1, notANumber, infinity, -infinity, max, -max, min, epsilon, 2 ** 53 + 2]);
  refuses(t, 'float64', 'ERR_COLUMN_TYPE', [...noNumbers, 1n]);
});

t.test('float32 columns round to the nearest', async (t) => {
  const values = [0, -0, 0.5, 1.1, -1.1, 16777217, notANumber, infinity, -infinity, 1e39, -1e39, 1e-50, 3.4028235e38];
  takes(t, 'float32', values, values.map(Math.fround));
  refuses(t, 'float32', 'ERR_COLUMN_TYPE', [...noNumbers, 1n]);
});

t.test('boolean columns hold true and false', async (t) => {
  takes(t, 'boolean', [true, false]);
  refuses(t, 'boolean', 'ERR_COLUMN_TYPE', [0, 1, '', 'true', null, {}, new Boolean(true), 1n]);
});

t.test('string(n) columns hold up to n bytes of UTF-8', async (t) => {
  const texts = ['', 'a', '\0', 'a\0b', '\x7f', '\x80', 'ä', '€', '😀', '\ufeffx', '\uffff', 'é'.normalize('NFD')];
  takes(t, 'string(7)', [...texts, 'abcdefg', 'äöü1', '€€1', '😀äb']);
  // Around the length up to which text is encoded without a call into the runtime.
  const long = [22, 23, 24, 25, 26, 47, 48, 100].flatMap((n) => [
    'x'.repeat(n),
    'ä'.repeat(n / 2),
    `${'x'.repeat(n - 2)}ä`,
  ]);
  takes(t, 'string(100)', long);
  refuses(t, 'string(7)', 'ERR_VALUE_TOO_LONG', [
    'abcdefgh',
    'äöüß',
    '€€€',
    '😀😀',
    'x'.repeat(70_000),
    'x'.repeat(2 ** 20),
  ]);
  refuses(t, 'string(1)', 'ERR_VALUE_TOO_LONG', ['ab', 'ä', '€', '😀']);
  const lone = ['\ud800', 'a\udc00', '\udc00\ud800', '\ud83d'];
  refuses(t, 'string(7)', 'ERR_COLUMN_TYPE', [
    ...lone,
    ...lone.map((text) => text + 'x'.repeat(50)),
    1,
    true,
    null,
    {},
  ]);
  refuses(t, 'string(7)', 'ERR_COLUMN_TYPE', [new String('a'), ['a'], Buffer.from('a'), Symbol('a'), 1n]);
});

t.test('strings of every length do not affect other columns, and writes of others do not affect them', async (t) => {
  // Short, long and non-ASCII strings are read, written and copied by different code.
  const columns = { a: 'string(71)', b: 'string(71)', c: 'string(3)', n: 'int8' } as const;
  const table = scratchTable(t, { capacity: 1, columns });
  const wrong: unknown[] = [];
  const expect = (row: Record<keyof typeof columns, unknown>): void => {
    const found = table.get('k');
    if (!isDeepStrictEqual(found, row)) wrong.push({ found, row });
  };
  for (let length = 0; length <= 71; length++) {
    const ascii = Array.from({ length }, (_, i) => String.fromCharCode(33 + ((i * 7 + length) % 94))).join('');
    for (const text of [ascii, ascii.slice(0, -2) + 'ä'.repeat(ascii.length > 1 ? 1 : 0), `ä${ascii.slice(2)}`]) {
      table.put('k', { a: 'x'.repeat(71), b: text, c: 'abc', n: 1 });
      expect({ a: 'x'.repeat(71), b: text, c: 'abc', n: 1 });
      table.set('k', { n: 2 });
      expect({ a: 'x'.repeat(71), b: text, c: 'abc', n: 2 });
      table.set('k', { a: text });
      expect({ a: text, b: text, c: 'abc', n: 2 });
    }
  }
  t.same(wrong.slice(0, 3), []);
});

t.test('bytes(n) columns hold up to n bytes', async (t) => {
  const bytes = [0, 1, 2, 7, 23, 24, 25, 100].map((n) => Uint8Array.from({ length: n }, (_, i) => 255 - i));
  takes(t, 'bytes(100)', bytes);
  takes(
    t,
    'bytes(100)',
    bytes.map((value) => Buffer.from(value)),
    bytes,
  );
  const part = Uint8Array.of(9, 1, 2, 9).subarray(1, 3);
  takes(t, 'bytes(2)', [part], [Uint8Array.of(1, 2)]);
  takes(t, 'bytes(2)', [runInNewContext('Uint8Array.of(1, 2)')], [Uint8Array.of(1, 2)]);
  refuses(t, 'bytes(7)', 'ERR_VALUE_TOO_LONG', [new Uint8Array(8), Buffer.alloc(8), new Uint8Array(2 ** 20)]);
  const views = [new Int8Array(1), new Uint16Array(1), new DataView(new ArrayBuffer(1)), new ArrayBuffer(1)];
  const imposters = [Object.create(Uint8Array.prototype), new Proxy(new Uint8Array(1), {}), { byteLength: 1, 0: 5 }];
  refuses(t, 'bytes(7)', 'ERR_COLUMN_TYPE', ['a', [1], null, 1, new Uint8ClampedArray(1), ...views, ...imposters]);
});

t.test('bytes with a wrong length property are written only within their column', async (t) => {
  class Liar extends Uint8Array {
    override get byteLength(): number {
      return 1;
    }
    override get length(): number {
      return 1;
    }
  }
  refuses(t, 'bytes(7)', 'ERR_VALUE_TOO_LONG', [new Liar(100).fill(255)]);
});

t.test('bytes that are read are a copy', async (t) => {
  const table = scratchTable(t, { capacity: 2, columns: { data: 'bytes(4)' } });
  const given = Uint8Array.of(1, 2, 3);
  table.set('k', { data: given });
  given.fill(9);
  const read = table.get('k', 'data');
  t.same(read, Uint8Array.of(1, 2, 3));
  read?.fill(7);
  table.set('k', { data: Uint8Array.of(5) });
  t.same(read, Uint8Array.of(7, 7, 7));
  t.same(table.get('k'), { data: Uint8Array.of(5) });
});

t.test(
  'bytes over shared memory that another thread lengthens meanwhile are written only within their column',
  async (t) => {
    const table = scratchTable(t, { capacity: 4, columns: { data: 'bytes(8)', after: 'bytes(8)' } });
    const neighbour = Uint8Array.of(1, 2, 3, 4);
    table.set('other', { data: neighbour, after: neighbour });
    table.set('k', { after: neighbour });
    const memory: GrowableMemory = Reflect.construct(SharedArrayBuffer, [8, { maxByteLength: 4096 }]);
    const growing = new Uint8Array(memory).fill(255);
    // The other thread acts right after the length was read for the last time.
    let looks = 0;
    const arrays: object = Object.getPrototypeOf(Uint8Array.prototype);
    const plain = Object.getOwnPropertyDescriptor(arrays, 'byteLength') as PropertyDescriptor;
    Object.defineProperty(arrays, 'byteLength', {
      ...plain,
      get(this: Uint8Array) {
        const length: number = plain.get?.call(this);
        if (this === growing && ++looks === 2) memory.grow(4096);
        return length;
      },
    });
    try {
      table.set('k', { data: growing });
    } finally {
      Object.defineProperty(arrays, 'byteLength', plain);
    }
    t.equal(growing.length, 4096, 'it has grown');
    t.same(table.get('k'), { data: new Uint8Array(8).fill(255), after: neighbour });
    t.same(table.get('other'), { data: neighbour, after: neighbour });
    t.same(table.verify(), { ok: true, problems: [] });
  },
);
