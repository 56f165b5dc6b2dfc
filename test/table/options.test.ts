/** Options and their defaults, with the default backend posix. */
import t from 'tap';
import { Table } from '../../src/index.js';
import { namespace, scratchName, scratchTable } from './scratch-table.js';

const good = { name: 'good', capacity: 10, columns: { a: 'int32' } } as const;
const create = (options: unknown): unknown => Table.create(options as typeof good);

t.test('every option is checked, and the error names value and limits', async (t) => {
  const wrong: Record<string, unknown[]> = {
    name: [undefined, null, 5, '', '.a', '-a', 'a b', 'a/b', 'ä', 'a'.repeat(65), 'a:b'],
    namespace: [5, '', '.a', 'a/b', 'a'.repeat(65), 'a:b'],
    capacity: [undefined, null, 0, -1, 1.5, 2 ** 31, Number.NaN, Number.POSITIVE_INFINITY, '10', 10n],
    maxKeyBytes: [0, 256, 1.5, '63', Number.NaN],
    backend: ['shm', 5, 'POSIX', ''],
    path: [5],
    hugePages: [1, 'true'],
    readOnly: [0, 'false'],
    evict: ['lfu', true, ''],
    changes: [-1, 0.5, '0', Number.NaN],
    lockTimeoutMs: [-1, 0.5, '1000', Number.NaN, Number.POSITIVE_INFINITY],
    maxParticipants: [0, 1025, 1.5, '128'],
  };
  for (const [option, values] of Object.entries(wrong)) {
    for (const value of values) {
      const message = new RegExp(option);
      t.throws(() => create({ ...good, [option]: value }), { code: 'ERR_ARGUMENT', message }, `${option}: ${value}`);
      t.throws(() => Table.bytesFor({ ...good, [option]: value }), { code: 'ERR_ARGUMENT' });
    }
  }
  t.throws(() => create({ ...good, capacity: 2 ** 31 }), { message: /2147483647.*2147483648/ });
  t.throws(() => create({ ...good, maxKeyBytes: 256 }), { message: /255.*256/ });
  for (const options of [undefined, null, 5, 'good', []]) t.throws(() => create(options), { code: 'ERR_ARGUMENT' });
  for (const options of [undefined, null, 5]) {
    t.throws(() => Table.openOrCreate(options as never), { code: 'ERR_ARGUMENT' });
    t.throws(() => Table.bytesFor(options as never), { code: 'ERR_ARGUMENT' });
  }
  for (const options of [null, 5, 'x']) {
    t.throws(() => Table.open('x', options as never), { code: 'ERR_ARGUMENT' });
    t.throws(() => Table.destroy('x', options as never), { code: 'ERR_ARGUMENT' });
    t.throws(() => Table.list(options as never), { code: 'ERR_ARGUMENT' });
  }
  t.throws(() => Table.open('a/b'), { code: 'ERR_ARGUMENT' });
  t.throws(() => Table.destroy('a/b'), { code: 'ERR_ARGUMENT' });
  t.throws(() => Table.list({ namespace: 'a/b' }), { code: 'ERR_ARGUMENT' });
  t.same(Table.list(), [], 'nothing was created');
});

t.test('undefined counts as an option that is not given', async (t) => {
  const name = scratchName(t);
  const table = Table.create({
    name,
    capacity: 10,
    columns: { a: 'int32' },
    maxKeyBytes: undefined,
    backend: undefined,
    namespace: undefined,
    hugePages: undefined,
    readOnly: undefined,
    evict: undefined,
    changes: undefined,
    lockTimeoutMs: undefined,
    maxParticipants: undefined,
  });
  t.match(table, { name, namespace, capacity: 10, maxKeyBytes: 63, backend: 'posix', readOnly: false, evict: 'none' });
  table.close();
});

t.test('a table cannot be created with readOnly', async (t) => {
  t.throws(() => create({ ...good, readOnly: true }), { code: 'ERR_READ_ONLY' });
});

t.test('names and namespaces of every allowed form are accepted', async (t) => {
  for (const name of ['a', '_', '0', 'A.b-c_d', '9..', 'a'.repeat(64)]) {
    const options = { ...good, name, namespace: `${namespace}.${'n'.repeat(40)}` };
    const table = Table.create(options);
    table.set('k', { a: 1 });
    t.equal(Table.open(name, { namespace: options.namespace }).get('k')?.a, 1, name);
    table.destroy();
  }
});

t.test('tables of the same name in different namespaces are different', async (t) => {
  const name = scratchName(t);
  const here = Table.create({ ...good, name });
  const there = Table.create({ ...good, name, namespace: `${namespace}-b` });
  here.set('k', { a: 1 });
  t.equal(there.has('k'), false);
  t.same(
    Table.list({ namespace: `${namespace}-b` }).map((table) => table.name),
    [name],
  );
  there.destroy();
  t.throws(() => Table.open(name, { namespace: `${namespace}-b` }), { code: 'ERR_TABLE_NOT_FOUND', message: /-b/ });
  t.equal(here.get('k', 'a'), 1);
  t.equal(here.namespace, namespace);
  here.close();
});

t.test('bytesFor returns the size of the table that create creates', async (t) => {
  const options = { ...good, capacity: 1000, maxParticipants: 7 };
  const bytes = Table.bytesFor(options);
  const table = scratchTable(t, options);
  t.equal(table.stats().bytes, bytes.total);
  t.equal(bytes.rows + bytes.spares + bytes.index + bytes.other, bytes.total);
  for (const part of Object.values(bytes)) t.ok(Number.isInteger(part) && part > 0);
});
