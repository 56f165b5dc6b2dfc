/** Lists of rows and of changes: each value in a short line, pages forward and back, the latest changes and no more. */

import t from 'tap';
import {
  CHANGES_KEPT,
  changeOf,
  EMPTY_LOG,
  paused,
  resumed,
  type ShownChange,
  withChanges,
} from '../../src/console/table/change-log.js';
import { FIRST_PAGE, nextPage, pageNumber, previousPage, rowsBefore } from '../../src/console/table/page-history.js';
import { shortValue } from '../../src/console/table/short-value.js';
import { shownKey } from '../../src/console/table/shown-key.js';

t.test('a long value is cut and its length is said', async (t) => {
  t.match(shortValue('text', 'a'.repeat(12_345)), { text: /^a{40}…$/, of: '12,345 characters' });
  t.match(shortValue('json', Array(100).fill(1)), { of: '201 characters' });
  t.same(shortValue('blob', btoa('\0'.repeat(1000))), {
    text: '00 00 00 00 00 00 00 00 00 00 00 00 …',
    of: '1,000 bytes',
  });
  t.ok(shortValue('text', `${'a'.repeat(39)}😀😀`).text.isWellFormed());
});

t.test('a short value is shown whole', async (t) => {
  t.same(shortValue('bytes(4)', 'AAEC/w=='), { text: '00 01 02 ff' });
  t.same(shortValue('float64', -0), { text: '-0' });
  t.same(shortValue('float64', 'NaN'), { text: 'NaN' });
  t.same(shortValue('int64', '9007199254740993'), { text: '9007199254740993' });
  t.same(shortValue('json', 'a'), { text: '"a"' });
  t.same(shortValue('json', null), { text: 'null' });
});

t.test('what cannot be seen in a key is shown as an escape', async (t) => {
  t.equal(shownKey('a/b.c d'), 'a/b.c d');
  t.equal(shownKey('a\0b\n'), 'a\\u{0}b\\u{A}');
  t.equal(shownKey(' a '), '\\u{20}a\\u{20}');
  t.equal(shownKey('a\u202eb\\'), 'a\\u{202E}b\\\\');
  t.equal(shownKey('C:\\x'), 'C:\\x', 'a backslash alone is itself');
});

t.test('the way back visits the same pages', async (t) => {
  const second = nextPage(FIRST_PAGE, 'c1', 100);
  const third = nextPage(second, 'c2', 40);
  t.same([third.cursor, pageNumber(third), rowsBefore(third)], ['c2', 3, 140]);
  t.same(previousPage(third), second);
  t.same(previousPage(previousPage(third)), FIRST_PAGE);
  t.same(nextPage(previousPage(third), 'c2b', 50).cursor, 'c2b', 'the page after may end elsewhere by then');
});

t.test('there is nothing before the first page', async (t) => {
  t.same(previousPage(FIRST_PAGE), FIRST_PAGE);
  t.same([pageNumber(FIRST_PAGE), rowsBefore(FIRST_PAGE)], [1, 0]);
});

const updates = (from: number, count: number): ShownChange[] =>
  Array.from({ length: count }, (_, i) => ({ type: 'update', sequence: from + i, key: 'a', at: 0 }));

t.test('only the latest changes are kept, the latest first', async (t) => {
  const log = withChanges(withChanges(EMPTY_LOG, updates(1, 400)), updates(401, 2000));
  t.equal(log.changes.length, CHANGES_KEPT);
  t.same([log.changes[0].sequence, log.changes.at(-1)?.sequence, log.received], [2400, 1901, 2400]);
});

t.test('a pause keeps what arrives in the meantime, as bounded', async (t) => {
  let log = paused(withChanges(EMPTY_LOG, updates(1, 2)));
  log = withChanges(log, updates(3, 1));
  t.same([log.changes.length, log.held.length], [2, 1]);
  t.same(
    resumed(log).changes.map(({ sequence }) => sequence),
    [3, 2, 1],
  );
  log = withChanges(log, updates(4, 10_000));
  t.equal(log.held.length, CHANGES_KEPT);
  t.equal(resumed(log).changes.length, CHANGES_KEPT);
  t.same(resumed(log).held, []);
});

t.test('a gap is shown and is not counted as a change', async (t) => {
  const gap = changeOf('{"type":"gap","sequence":17}', 5);
  t.same(gap, { type: 'gap', sequence: 17, at: 5 });
  const log = withChanges(EMPTY_LOG, [gap as ShownChange]);
  t.same([log.received, log.gaps, log.changes.length], [0, 1, 1]);
});

t.test('data of another form is not a change', async (t) => {
  for (const data of ['', 'null', '5', '{}', '{"type":5,"sequence":1}']) t.equal(changeOf(data, 0), undefined, data);
  t.match(changeOf('{"sequence":1,"type":"insert","key":"a","revision":3}', 0), { key: 'a', revision: 3 });
});
