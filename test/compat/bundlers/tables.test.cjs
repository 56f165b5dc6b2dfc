// Runs in Jest, without flags and without a transformation.
const { Table } = require('shmtable');
const { default: KeyvShmTable, KeyvShmTable: named } = require('shmtable/keyv');

test('tables of one process, and what they throw', () => {
  const columns = { n: 'int32', data: 'bytes(8)', value: 'json' };
  const row = { n: 1, data: new Uint8Array([1, 2]), value: { list: [1] } };
  for (const n of [1, 2, 3]) {
    const table = Table.create({ name: `jest-${process.pid}-${n}`, capacity: 100, columns });
    expect(table.set('a', row).get('a')).toEqual(row);
    expect(() => table.increment('a', 'n', 1.5)).toThrow(expect.objectContaining({ code: 'ERR_VALUE_RANGE' }));
    table.destroy();
  }
});

test('every entry point', () => {
  const { exports } = require('shmtable/package.json');
  for (const path of Object.keys(exports)) expect(require(`shmtable${path.slice(1)}`)).toBeDefined();
  expect(KeyvShmTable).toBe(named);
});
