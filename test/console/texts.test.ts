/** What the console makes of numbers and addresses. */
import t from 'tap';
import * as formats from '../../src/console/formats.js';
import { sortRows } from '../../src/console/parts/sorting.js';
import { hrefOf, parseRoute } from '../../src/console/route.js';

t.test('bytes have three digits and never 1,024 of a unit', async (t) => {
  const cases: [number, string][] = [
    [0, '0 B'],
    [1023, '1,023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [10_240, '10 KiB'],
    [1024 ** 2 - 1, '1 MiB'],
    [160_000_000, '153 MiB'],
    [3 * 1024 ** 3, '3 GiB'],
  ];
  for (const [bytes, text] of cases) t.equal(formats.formatBytes(bytes), text);
});

t.test('a percentage is 0 only for nothing and 100 only for everything', async (t) => {
  const cases: [number | undefined, string][] = [
    [undefined, '–'],
    [0, '0 %'],
    [0.0001, '< 0.1 %'],
    [0.0123, '1.2 %'],
    [0.5, '50 %'],
    [0.9999, '> 99.9 %'],
    [1, '100 %'],
  ];
  for (const [part, text] of cases) t.equal(formats.formatPercent(part), text);
});

t.test('a rate that is not known differs from none', async (t) => {
  const cases: [number | undefined, string][] = [
    [undefined, '–'],
    [0, '0'],
    [0.05, '< 0.1/s'],
    [1.234, '1.23/s'],
    [99.96, '100/s'],
    [1234.5, '1,235/s'],
    [1_234_567, '1.23M/s'],
  ];
  for (const [rate, text] of cases) t.equal(formats.formatRate(rate), text);
});

t.test('a duration has its two largest units', async (t) => {
  const cases: [number, string][] = [
    [0, '0 s'],
    [59.9, '59 s'],
    [60, '1 min'],
    [312, '5 min 12 s'],
    [3600 + 12, '1 h'],
    [2 * 86_400 + 3 * 3600, '2 d 3 h'],
  ];
  for (const [seconds, text] of cases) t.equal(formats.formatDuration(seconds), text);
  t.equal(formats.formatMs(0.004), '< 0.01 ms');
  t.equal(formats.formatMs(1.234), '1.23 ms');
  t.equal(formats.formatMs(3210), '3.21 s');
  t.equal(formats.formatMs(90_000), '1 min 30 s');
  t.equal(formats.formatMs(null), '–');
});

t.test('large counts are short', async (t) => {
  t.equal(formats.formatShort(9999), '9,999');
  t.equal(formats.formatShort(135_233), '135K');
  t.equal(formats.formatPlural(1, 'row'), '1 row');
  t.equal(formats.formatPlural(1200, 'entry', 'entries'), '1,200 entries');
});

t.test('rows without a value come last in both directions', async (t) => {
  const rows = [3, undefined, 1];
  t.same(
    sortRows(rows, (row) => row, false),
    [1, 3, undefined],
  );
  t.same(
    sortRows(rows, (row) => row, true),
    [3, 1, undefined],
  );
});

t.test('numbers in names count, and rows with equal values stay in their order', async (t) => {
  const rows = [
    { name: 't10', n: 1 },
    { name: 't2', n: 1 },
    { name: 't1', n: 2 },
  ];
  t.same(
    sortRows(rows, ({ name }) => name, false).map(({ name }) => name),
    ['t1', 't2', 't10'],
  );
  t.same(
    sortRows(rows, ({ n }) => n, true).map(({ name }) => name),
    ['t1', 't10', 't2'],
  );
});

t.test('every page has an address from which it is found again, whatever the table and the key', async (t) => {
  for (const key of ['42', '/', 'a/b', '..', ' ', '%2F', '#?&', 'ключ', '\u0000', '"<>']) {
    for (const route of [
      { page: 'row', table: 'cities', key } as const,
      { page: 'table', table: 'a.b-c_9' } as const,
    ]) {
      t.same(parseRoute(hrefOf(route)), route);
    }
  }
  t.same(parseRoute(hrefOf({ page: 'overview' })), { page: 'overview' });
  t.same(parseRoute(hrefOf({ page: 'admin' })), { page: 'admin' });
});

t.test('the address without a page is the overview', async (t) => {
  for (const hash of ['', '#', '#/']) t.same(parseRoute(hash), { page: 'overview' });
});

t.test('an address that leads nowhere is no page', async (t) => {
  for (const hash of [
    '#x',
    '#/x',
    '#/admin/x',
    '#/tables',
    '#/tables/',
    '#/tables/a/x/b',
    '#/tables/a/rows/',
    '#/tables/%E0',
  ]) {
    t.same(parseRoute(hash), { page: 'unknown' }, hash);
  }
});
