import t from 'tap';
import { type Entry, type JsonValue, type Row, type RowInput, ShmTableError } from '../../src/index.js';
import { Table } from '../fixtures/placed-table.js';
import { scratchTable } from './scratch-table.js';

/** True if two types are identical, not only assignable. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for a value whose type is exactly `T`. */
function hasType<T>() {
  return <U>(_value: U, ..._same: Same<T, U> extends true ? [] : [never]): void => {};
}

const columns = {
  small: 'int8',
  big: 'int64',
  real: 'float32',
  flag: 'boolean',
  text: 'string(9)',
  data: 'bytes(4)',
} as const;
interface Expected {
  small: number;
  big: bigint;
  real: number;
  flag: boolean;
  text: string;
  data: Uint8Array;
}

t.test('rows have the types of their columns', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  table.set('k', { big: 1 });
  hasType<true>()({} as Same<{ -readonly [K in keyof Row<typeof columns>]: Row<typeof columns>[K] }, Expected>);
  hasType<number | undefined>()(table.get('k', 'small'));
  hasType<bigint | undefined>()(table.get('k', 'big'));
  hasType<boolean | undefined>()(table.get('k', 'flag'));
  hasType<string | undefined>()(table.get('k', 'text'));
  hasType<Uint8Array | undefined>()(table.get('k', 'data'));
  hasType<Row<typeof columns> | undefined>()(table.get('k'));
  hasType<Row<typeof columns> | undefined>()(table.take('missing'));
  hasType<Entry<typeof columns> | undefined>()(table.entry('k'));
  hasType<number>()(table.increment('k', 'small'));
  hasType<bigint>()(table.increment('k', 'big', 5n));
  hasType<bigint>()(table.decrement('k', 'big', 5));
  hasType<number>()(table.increment('k', 'small', 1, { ttl: 5000, ttlIfNew: null }));
  hasType<bigint>()(table.decrement('k', 'big', 1n, { ttlIfNew: 5000 }));
  hasType<(Row<typeof columns> | undefined)[]>()(table.getMany(['k']));
  hasType<typeof table>()(table.setMany([['k', { big: 1, text: 'a' }]], { ttl: 5000 }));
  hasType<boolean[]>()(table.deleteMany(new Set(['none'])));
  const removals = [table.deletePrefix('none'), table.clear({ yieldMs: 5 })];
  for (const removal of removals) hasType<Promise<number>>()(removal);
  await Promise.all(removals);
  hasType<void>()(scratchTable(t, { capacity: 9, columns }).clear());
  hasType<boolean>()(table.isOpen);
  hasType<'string(9)'>()(table.options.columns.text);
  hasType<'string(9)'>()(table.columns.text);
  table.set('k', {});
  for (const [key, row] of table) {
    hasType<string>()(key);
    hasType<string>()(row.text);
  }
  const page = table.scan({ columns: ['text', 'flag'] });
  hasType<string>()(page.entries[0].row.text);
  // @ts-expect-error: not among the requested columns
  t.equal(page.entries[0].row.small, undefined);
  t.same(page.entries[0].row, { text: '', flag: false });
});

t.test('anything that the schema forbids does not compile', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  const input: RowInput<typeof columns> = { big: 1, small: undefined };
  table.set('k', input);
  const unknown = { code: 'ERR_COLUMN_UNKNOWN' };
  const type = { code: 'ERR_COLUMN_TYPE' };
  // @ts-expect-error: no such column
  t.throws(() => table.set('k', { nope: 1 }), unknown);
  // @ts-expect-error: no such column
  t.throws(() => table.get('k', 'nope'), unknown);
  // @ts-expect-error: a string is not a number
  t.throws(() => table.set('k', { small: '1' }), type);
  // @ts-expect-error: null is a wrong type
  t.throws(() => table.put('k', { text: null }), type);
  // @ts-expect-error: a bigint only for int64
  t.throws(() => table.insert('new', { small: 1n }), type);
  // @ts-expect-error: no number
  t.throws(() => table.increment('k', 'text'), type);
  // @ts-expect-error: no number
  t.throws(() => table.increment('k', 'flag'), type);
  // @ts-expect-error: no such option
  t.throws(() => table.increment('k', 'small', 1, { TTL: 5 }), { code: 'ERR_ARGUMENT' });
  // @ts-expect-error: ttlIfNew is for increments
  t.throws(() => table.set('k', {}, { ttlIfNew: 5 }), { code: 'ERR_ARGUMENT' });
  // @ts-expect-error: no such column
  t.throws(() => table.setMany([['k', { nope: 1 }]]), unknown);
  // @ts-expect-error: a string is not a list of keys
  t.throws(() => table.getMany(5), { code: 'ERR_ARGUMENT' });
  // @ts-expect-error: a callback that is asynchronous
  t.throws(() => table.modify('k', async () => ({ small: 1 })), { code: 'ERR_ARGUMENT' });
  // @ts-expect-error: a key is a string
  t.throws(() => table.get(5), { code: 'ERR_KEY_INVALID' });
  // @ts-expect-error: no such type
  t.throws(() => Table.bytesFor({ name: 'x', capacity: 1, columns: { a: 'int' } }), { code: 'ERR_SCHEMA_INVALID' });
  // @ts-expect-error: capacity is missing
  t.throws(() => Table.create({ name: 'x', columns }), { code: 'ERR_ARGUMENT' });
  // @ts-expect-error: read-only properties cannot be written
  t.throws(() => Object.freeze(table).capacity++, TypeError);
});

t.test('inline schemas need no `as const`; unknown schemas have general rows', async (t) => {
  const { name } = scratchTable(t, { capacity: 9, columns: { n: 'int32', text: 'string(4)' } });
  const made = Table.openOrCreate({ name, capacity: 9, columns: { n: 'int32', text: 'string(4)' } });
  hasType<number | undefined>()(made.get('k', 'n'));
  made.set('k', { n: 1 });
  const opened = Table.open(name, { columns: { n: 'int32', text: 'string(4)' } });
  hasType<string | undefined>()(opened.get('k', 'text'));
  const general = Table.open(name);
  hasType<number | bigint | string | boolean | Uint8Array | JsonValue | undefined>()(general.get('k', 'n' as string));
  t.equal(general.get('k', 'n'), 1);
  for (const table of [made, opened, general]) table.close();
});

t.test('errors carry their code as a type', async (t) => {
  try {
    Table.open('missing');
    t.fail('the table does not exist');
  } catch (error) {
    if (!(error instanceof ShmTableError)) throw error;
    // @ts-expect-error: no such code
    t.notOk(error.code === 'ERR_NOPE');
    t.ok(error.code === 'ERR_TABLE_NOT_FOUND');
    t.equal(error.name, 'ShmTableError');
    t.type(error, Error);
  }
});
