/** Properties of a handle, open or closed. */
import t from 'tap';
import { Table } from '../fixtures/placed-table.js';
import { scratchTable, testShared } from './scratch-table.js';

const columns = { n: 'int32', text: 'string(4)' } as const;

t.test('isOpen, columns and options never throw, even when the table is closed', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, lockTimeoutMs: 77, maxParticipants: 3 });
  const { name, namespace, backend } = table;
  const expected = {
    name,
    namespace,
    backend,
    capacity: 10,
    columns,
    maxKeyBytes: 63,
    evict: 'none',
    changes: 0,
    hugePages: false,
    readOnly: false,
    lockTimeoutMs: 77,
    maxParticipants: 3,
  };
  t.equal(table.isOpen, true);
  t.match(table.options, expected);
  table.close();
  t.equal(table.isOpen, false);
  t.match(table.options, expected);
  t.same(table.columns, columns);
  t.throws(() => Object.assign(table.columns, { n: 'int8' }), TypeError);
});

testShared('a handle on a destroyed table is not open, whichever process destroyed it', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  const other = Table.open(table.name, { columns });
  other.destroy();
  t.same([table.isOpen, other.isOpen], [false, false]);
  t.equal(table.options.capacity, 10);
  t.same(Object.entries(table.columns), Object.entries(columns));
});

testShared('the options of a handle open the same table, and create one like it', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, maxKeyBytes: 9, changes: 65_536, evict: 'lru' });
  table.set('k', { n: 5 });
  const again = Table.openOrCreate(table.options);
  t.equal(again.get('k', 'n'), 5);
  again.destroy();
  const anew = Table.openOrCreate(table.options);
  t.same(anew.options, table.options);
  t.equal(anew.size, 0);
  anew.destroy();
});
