/** What the forms of the administration mean. */
import t from 'tap';
import { changesTo, formOf, optionsAfter, type TableDescription } from '../../src/console/admin/alteration.js';
import { parseByteSize, parseCount } from '../../src/console/admin/quantities.js';
import { emptyForm, newColumn, readForm, type TableForm } from '../../src/console/admin/table-form.js';
import { tableBytes } from '../../src/console/table-bytes.js';
import { Table } from '../../src/index.js';

t.test('counts may have separators of thousands, sizes a binary unit', async (t) => {
  for (const text of ['200000', '200,000', '200 000', ' 200_000 ']) t.equal(parseCount(text), 200_000, text);
  for (const text of ['', '1,0', '1.5', '-1', '1e3', '12,34', '0x10']) t.equal(parseCount(text), undefined, text);
  const sizes: [string, number | undefined][] = [
    ['65536', 65_536],
    ['65,536', 65_536],
    ['64 KiB', 65_536],
    ['1.5m', 1_572_864],
    ['2GiB', 2 ** 31],
    ['0.3 KiB', undefined],
    ['64 kilo', undefined],
    ['1 constructor', undefined],
  ];
  for (const [text, bytes] of sizes) t.equal(parseByteSize(text), bytes, text);
});

function form(parts: Partial<TableForm>): TableForm {
  return { ...emptyForm(), capacity: '1000', columns: [newColumn('n', 'int32')], ...parts };
}

t.test('fields that are empty are left to the service', async (t) => {
  t.same(readForm(form({})), { options: { capacity: 1000, columns: { n: 'int32' } }, errors: {} });
});

t.test('a value that no table can have is an error of its field', async (t) => {
  const cases: [Partial<TableForm>, string][] = [
    [{ capacity: '' }, 'capacity'],
    [{ capacity: '0' }, 'capacity'],
    [{ maxKeyBytes: '300' }, 'maxKeyBytes'],
    [{ changes: '5' }, 'changes'],
    [{ maxParticipants: '5000' }, 'maxParticipants'],
    [{ columns: [newColumn('d', 'json')], heapBytes: 'much' }, 'heapBytes'],
    [{ columns: [newColumn('d', 'json')], heapBytes: '1 MiB', blockBytes: '100' }, 'blockBytes'],
    [{ columns: [newColumn('d', 'json')], blockBytes: '128' }, 'heapBytes'],
    [{ columns: [] }, 'columns'],
  ];
  for (const [parts, field] of cases) {
    const { options, errors } = readForm(form(parts));
    t.equal(options, undefined, field);
    t.same(Object.keys(errors), [field]);
  }
});

t.test('each column has its own errors', async (t) => {
  const bad = ['a b', '', 'revision', '__proto__', 'é'].map((name) => newColumn(name, 'int8'));
  const columns = [newColumn('a', 'int8'), newColumn('a', 'int8'), newColumn('s', 'string'), ...bad];
  const { errors } = readForm(form({ columns }));
  t.same(
    Object.keys(errors),
    columns.slice(1).map(({ id }) => `column/${id}`),
  );
});

t.test('the memory that is shown is what the table takes', async (t) => {
  const { options } = readForm(
    form({ columns: [newColumn('d', 'json'), newColumn('s', 'string(9)')], changes: '64 KiB' }),
  );
  if (options === undefined) throw new Error('not valid');
  t.equal(tableBytes(options).total, Table.bytesFor({ ...options, name: 'any' }).total);
});

const options = { capacity: 1000, columns: { a: 'int32', s: 'string(9)', d: 'json' }, maxParticipants: 500 } as const;
const table: TableDescription = {
  name: 'cities',
  columns: options.columns,
  capacity: 1000,
  maxKeyBytes: 63,
  evict: 'none',
  changes: 0,
  heap: { bytes: 256_000, blockBytes: 256 },
  rows: 5,
  stats: { bytes: tableBytes(options).total },
};

t.test('a form that was not touched changes nothing, and the memory stays the same', async (t) => {
  const same = formOf(table);
  const read = readForm(same).options;
  if (read === undefined) throw new Error('not valid');
  t.same(changesTo(table, same, read), { body: {}, lines: [] });
  t.equal(tableBytes(optionsAfter(table, same, read)).total, table.stats.bytes);
});

t.test('the request has only what changes, in the words of the service', async (t) => {
  const before = formOf(table);
  const [a, s, d] = before.columns;
  const after: TableForm = {
    ...before,
    capacity: '2,000',
    evict: 'lru',
    columns: [{ ...a, isDropped: true }, { ...s, size: '20' }, d, newColumn('seen', 'int64')],
    heapBytes: '1 MiB',
  };
  const read = readForm(after).options;
  if (read === undefined) throw new Error('not valid');
  const { body, lines } = changesTo(table, after, read);
  t.same(body, {
    capacity: 2000,
    evict: 'lru',
    drop: ['a'],
    add: { seen: 'int64' },
    type: { s: 'string(20)' },
    heap: { bytes: 2 ** 20, blockBytes: 256 },
  });
  t.equal(lines.length, 6);
  t.equal(optionsAfter(table, after, read).heap, 2 ** 20);
});

t.test('a heap of another than the default size stays, if its field is emptied', async (t) => {
  const large = { ...table, heap: { bytes: 2 ** 20, blockBytes: 512 } };
  const emptied = { ...formOf(large), heapBytes: '', blockBytes: '' };
  const read = readForm(emptied).options;
  if (read === undefined) throw new Error('not valid');
  t.same(changesTo(large, emptied, read).body, {});
  t.same(optionsAfter(large, emptied, read).heap, large.heap);
});
