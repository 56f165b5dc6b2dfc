import t from 'tap';
import type { Table } from '../../src/index.js';
import { scratchTable } from './scratch-table.js';

const columns = { a: 'int32' } as const;

/** Every method that takes a key. */
const calls: Record<string, (table: Table<typeof columns>, key: string) => unknown> = {
  get: (table, key) => table.get(key),
  getColumn: (table, key) => table.get(key, 'a'),
  entry: (table, key) => table.entry(key),
  has: (table, key) => table.has(key),
  set: (table, key) => table.set(key, { a: 1 }),
  put: (table, key) => table.put(key, { a: 1 }),
  insert: (table, key) => table.insert(key, { a: 1 }),
  update: (table, key) => table.update(key, { a: 1 }),
  delete: (table, key) => table.delete(key),
  take: (table, key) => table.take(key),
  increment: (table, key) => table.increment(key, 'a'),
  decrement: (table, key) => table.decrement(key, 'a'),
  compareAndSet: (table, key) => table.compareAndSet(key, { a: 0 }, { a: 1 }),
  compareAndSetRevision: (table, key) => table.compareAndSet(key, { revision: 1 }, { a: 1 }),
  compareAndDelete: (table, key) => table.compareAndDelete(key, { a: 1 }),
  compareAndDeleteRevision: (table, key) => table.compareAndDelete(key, { revision: 1 }),
  modify: (table, key) => table.modify(key, () => ({ a: 1 })),
  expire: (table, key) => table.expire(key, 1000),
  ttl: (table, key) => table.ttl(key),
};

t.test('an invalid key throws in every method and changes nothing', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, maxKeyBytes: 8 });
  table.set('there', { a: 5 });
  const wrong: [string, unknown][] = [
    ['undefined', undefined],
    ['null', null],
    ['number', 5],
    ['bigint', 5n],
    ['symbol', Symbol('x')],
    ['object', {}],
    ['String', new String('there')],
    ['array', ['there']],
    ['bytes', Buffer.from('there')],
    ['empty', ''],
    ['too long', '123456789'],
    ['too long in bytes', 'äääää'],
    ['far too long', 'x'.repeat(100_000)],
    ['high surrogate', '\ud800'],
    ['low surrogate', 'a\udc00'],
    ['reversed pair', '\udc00\ud800'],
    ['pair and a half', '😀\ud83d'],
  ];
  for (const [method, call] of Object.entries(calls)) {
    for (const [what, key] of wrong) {
      t.throws(() => call(table, key as string), { code: 'ERR_KEY_INVALID' }, `${method}: ${what}`);
    }
  }
  t.throws(() => table.get('123456789'), { message: /9 bytes.*8/ });
  t.throws(() => table.get('äääää'), { message: /10 bytes.*8/ });
  t.same([...table], [['there', { a: 5 }]]);
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('keys of every length up to the limit are stored, in ASCII and beyond', async (t) => {
  for (const maxKeyBytes of [1, 2, 3, 4, 63, 64, 255]) {
    const keys = new Set<string>();
    for (const unit of ['a', '\0', '\x7f', 'ä', '€', '😀']) {
      const bytes = Buffer.byteLength(unit);
      for (let count = 1; count * bytes <= maxKeyBytes; count++) {
        keys.add(unit.repeat(count));
        const room = maxKeyBytes - count * bytes;
        if (room > 0) keys.add(`${unit.repeat(count)}z`).add(`z${unit.repeat(count)}`);
      }
    }
    const list = [...keys];
    const table = scratchTable(t, { capacity: list.length, columns, maxKeyBytes });
    for (const [a, key] of list.entries()) table.insert(key, { a });
    t.same(
      list.map((key) => table.get(key, 'a')),
      list.map((_, i) => i),
    );
    t.same([...table.keys()].sort(), [...list].sort());
    t.throws(() => table.get('x'.repeat(maxKeyBytes + 1)), { code: 'ERR_KEY_INVALID' });
    t.ok(table.verify().ok);
  }
});

t.test('keys are compared byte by byte, without normalisation', async (t) => {
  const table = scratchTable(t, { capacity: 20, columns });
  const keys = [
    'a',
    'A',
    'a\0',
    'a\0\0',
    '\0a',
    'a ',
    'ä',
    'a\u0308',
    '\ufeffa',
    '1',
    '01',
    '__proto__',
    'constructor',
  ];
  for (const [a, key] of keys.entries()) table.set(key, { a });
  t.same(
    keys.map((key) => table.get(key, 'a')),
    keys.map((_, a) => a),
  );
  t.equal(table.size, keys.length);
});

t.test('strings of every internal representation are keys', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  const plain = 'abcdefghijklmnopqrstuvwxyz';
  table.set(plain, { a: 1 });
  const half = plain.length / 2;
  t.equal(table.get(plain.slice(0, half) + plain.slice(half), 'a'), 1, 'a rope');
  t.equal(table.get(`€${plain}`.slice(1), 'a'), 1, 'a slice of a two-byte string');
  t.equal(table.get(Buffer.from(plain).toString(), 'a'), 1);
});
