import t from 'tap';
import type { Columns } from '../../src/index.js';
import { Table } from '../fixtures/placed-table.js';
import { scratchName, scratchTable, testShared } from './scratch-table.js';

const bytesFor = (columns: unknown): unknown => Table.bytesFor({ name: 'x', capacity: 1, columns: columns as Columns });

t.test('an invalid schema is rejected', async (t) => {
  for (const columns of [undefined, null, 5, 'int32', [], ['int32'], {}]) {
    t.throws(() => bytesFor(columns), { code: 'ERR_SCHEMA_INVALID' }, `columns: ${JSON.stringify(columns)}`);
  }
});

t.test('an unknown type is rejected with column and type', async (t) => {
  const wrong = ['int', 'INT32', 'int32 ', 'string', 'string()', 'string(0)', 'string(01)', 'string(65536)'];
  wrong.push('string(-1)', 'string(1.5)', 'bytes', 'bytes(0)', 'bytes(16777216)', 'bytes(1e3)', 'float16', 'uint64');
  wrong.push('toString', '__proto__', '');
  for (const type of [...wrong, 5, null, undefined, {}, ['int32']]) {
    t.throws(() => bytesFor({ abc: type }), { code: 'ERR_SCHEMA_INVALID', message: /abc/ }, String(type));
  }
  t.throws(() => bytesFor({ a: 'string(65536)' }), { message: /65536.*65535/ });
  t.throws(() => bytesFor({ a: 'bytes(16777216)' }), { message: /16777216.*16777215/ });
});

t.test('an invalid column name is rejected', async (t) => {
  const refused = ['revision', 'constructor', 'prototype', '', '1a', 'a-b', 'a.b', 'ä', 'a b', 'a'.repeat(64)];
  for (const name of refused) t.throws(() => bytesFor({ [name]: 'int8' }), { code: 'ERR_SCHEMA_INVALID' }, name);
  t.throws(() => bytesFor(JSON.parse('{"__proto__":"int8"}')), { code: 'ERR_SCHEMA_INVALID' });
});

t.test('a schema has 1 to 1,024 columns', async (t) => {
  const many = (count: number): Columns =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}`, 'int8']));
  t.throws(() => bytesFor(many(1025)), { code: 'ERR_SCHEMA_INVALID', message: /1024.*1025/ });

  const columns = many(1024);
  const table = scratchTable(t, { capacity: 2, columns });
  const whole = Object.fromEntries(Object.keys(columns).map((name, i) => [name, (i % 256) - 128]));
  t.same(table.set('a', whole).get('a'), whole);
  t.equal(table.set('b', { c31: 1, c32: 2, c1023: 3 }).get('b', 'c31'), 1);
  t.same(
    [table.get('b', 'c30'), table.get('b', 'c32'), table.get('b', 'c1022'), table.get('b', 'c1023')],
    [0, 2, 0, 3],
  );
  t.equal(table.set('a', { c63: 5 }).get('a', 'c63'), 5);
  t.same(table.get('a'), { ...whole, c63: 5 });
});

t.test('names that mean something elsewhere are ordinary columns', async (t) => {
  const names = [
    'toString',
    'valueOf',
    'hasOwnProperty',
    'isPrototypeOf',
    'toLocaleString',
    '__defineGetter__',
    'then',
  ];
  names.push('propertyIsEnumerable', 'row', 'value', 'class', 'return', 'input', 'text', 'named', 'i32', 'count', 'v0');
  names.push('support', 'begin', 'refuse', 'from', 'length', 'name', 'key', '_', 'A'.repeat(63), 'undefined', 'NaN');
  const columns: Columns = Object.fromEntries(names.map((name) => [name, 'int32']));
  const table = scratchTable(t, { capacity: 4, columns });
  const whole = Object.fromEntries(names.map((name, i) => [name, i + 1]));
  t.same(table.set('whole', whole).get('whole'), whole);
  const zero = Object.fromEntries(names.map((name) => [name, 0]));
  for (const name of names) {
    table.put('one', { [name]: 7 });
    t.same(table.get('one'), { ...zero, [name]: 7 }, name);
    t.equal(table.get('whole', name), whole[name]);
    t.equal(table.compareAndSet('one', { [name]: 7 }, { [name]: 8 }), true, name);
  }
});

testShared('rows have the columns in the order of the schema', async (t) => {
  const columns = { z: 'int8', a: 'string(3)', m: 'float64', b: 'bytes(2)', y: 'int64' } as const;
  const table = scratchTable(t, { capacity: 2, columns });
  table.set('k', { y: 1n, a: 'x' });
  t.same(Object.keys(table.get('k') ?? {}), ['z', 'a', 'm', 'b', 'y']);
  t.same(Object.keys(table.columns), ['z', 'a', 'm', 'b', 'y']);
  t.same(Object.keys(Table.open(table.name).columns), ['z', 'a', 'm', 'b', 'y']);
});

t.test('the longest columns can be used', async (t) => {
  const columns = { text: 'string(65535)', data: 'bytes(16777215)', end: 'int8' } as const;
  const table = scratchTable(t, { capacity: 1, columns, maxParticipants: 2 });
  const row = { text: '€'.repeat(21845), data: new Uint8Array(16777215).fill(7), end: -1 };
  t.same(table.set('k', row).get('k', 'text'), row.text);
  t.equal(Buffer.compare(table.get('k', 'data') ?? new Uint8Array(), row.data), 0);
  t.equal(table.set('k', { end: 5 }).get('k', 'end'), 5);
  t.equal(Buffer.compare(table.get('k', 'data') ?? new Uint8Array(), row.data), 0, 'copied whole');
  t.throws(() => table.set('k', { text: `${row.text}x` }), { code: 'ERR_VALUE_TOO_LONG', message: /65536.*65535/ });
  t.throws(() => table.set('k', { data: new Uint8Array(16777216) }), { code: 'ERR_VALUE_TOO_LONG' });
});

t.test('a table that is too large for any memory is rejected', async (t) => {
  const columns: Columns = Object.fromEntries(Array.from({ length: 1024 }, (_, i) => [`c${i}`, 'bytes(16777215)']));
  for (const capacity of [1_000_000, 2 ** 31 - 1]) {
    const options = { name: scratchName(t), capacity, columns };
    t.ok(Table.bytesFor(options).total > 2 ** 50);
    t.throws(() => Table.create(options), { code: 'ERR_SEGMENT_TOO_LARGE' });
  }
});
