/** Error messages: how schemas differ, and how values are shown. */

import t from 'tap';
import { show } from '../../src/errors.js';
import type { Columns } from '../../src/index.js';
import { Table } from '../fixtures/placed-table.js';
import { scratchTable } from './scratch-table.js';

t.test('a schema mismatch lists exactly the differences, with both sides', async (t) => {
  const columns = { a: 'int32', b: 'string(9)', c: 'float64' } as const;
  const { name } = scratchTable(t, { capacity: 10, columns, maxKeyBytes: 20 });
  const cases: [object, string][] = [
    [{ capacity: 20 }, 'capacity is 10, given was 20'],
    [{ maxKeyBytes: 63 }, 'maxKeyBytes is 20, given was 63'],
    [{ evict: 'lru', changes: 65_536 }, 'evict is none, given was lru; changes is 0, given was 65536'],
    [{ columns: { ...columns, b: 'string(8)' } }, 'column b is string(9), given was string(8)'],
    [{ columns: { a: 'int32', c: 'float64' } }, 'column b (string(9)) was not given'],
    [{ columns: { ...columns, d: 'int8' } }, 'column d (int8) was given and is not there'],
    [
      { columns: { a: 'int8', b: 'string(9)', d: 'int8' }, capacity: 9 },
      'column a is int32, given was int8; column c (float64) was not given; column d (int8) was given and is not there; capacity is 10, given was 9',
    ],
    [
      { columns: { b: 'string(9)', a: 'int32', c: 'float64' } },
      'the columns are the same in another order: column 1 is a, given was b',
    ],
  ];
  for (const [wanted, difference] of cases) {
    const message = `table ${name} has another schema: ${difference}`;
    t.throws(() => Table.open(name, wanted), { code: 'ERR_SCHEMA_MISMATCH', message });
    const all = { capacity: 10, columns, maxKeyBytes: 20, ...wanted, name };
    t.throws(() => Table.openOrCreate(all), { code: 'ERR_SCHEMA_MISMATCH', message });
  }
  const many: Columns = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x${i}`, 'int8' as const]));
  t.throws(() => Table.open(name, { columns: many }), { message: /and 493 more columns differ$/ });
});

t.test('restoring a snapshot with other columns lists the differences too', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns: { a: 'int32' } });
  const path = `${t.testdir()}/snapshot`;
  await table.snapshot(path);
  await t.rejects(Table.restore(path, { name: 'never-made', columns: { a: 'int8' } }), {
    code: 'ERR_SCHEMA_MISMATCH',
    message: 'the snapshot has other columns: column a is int32, given was int8',
  });
});

t.test('a value is shown once, truncated, and without running its code', async (t) => {
  const failing = new Proxy([], {
    get: () => t.fail('a trap ran'),
    getPrototypeOf: () => t.fail('a trap ran') as never,
  });
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  const shown: [unknown, string][] = [
    ['a"b', '"a\\"b"'],
    ['x'.repeat(1e6), `"${'x'.repeat(80)}"… (1000000 characters)`],
    [5, '5'],
    [-0, '-0'],
    [5n, '5n'],
    [10n ** 100_000n, 'a bigint of more than 256 bits'],
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'true'],
    [Symbol('s'), 'Symbol(s)'],
    [Symbol('s'.repeat(1000)), `Symbol(${'s'.repeat(73)}…`],
    [() => 5, 'a function'],
    [{}, 'an object'],
    [Object.create(null), 'an object'],
    [[1, 2], 'an array of 2'],
    [new Uint8Array(3), 'a typed array (Uint8Array)'],
    [new Date(0), 'a Date'],
    [new Map(), 'a Map'],
    [Promise.resolve(), 'a promise'],
    [failing, 'an object'],
    [proxy, 'an object'],
  ];
  for (const [value, expected] of shown) t.equal(show(value), expected);
  const table = scratchTable(t, { capacity: 10, columns: { n: 'int32' } });
  const message = (value: unknown): string => {
    try {
      table.set('k', { n: value as number });
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
    return '';
  };
  t.equal(message({}), 'column n is int32 and takes an integer, got an object');
  t.equal(message('5'), 'column n is int32 and takes an integer, got "5"');
  t.equal(message(null), 'column n is int32 and takes an integer, got null');
  t.equal(message(5n), 'column n is int32 and takes an integer, got 5n');
});
