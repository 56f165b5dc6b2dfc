import t from 'tap';
import { isMet, ratioFigure, shown } from '../../src/bench/figure.js';
import { reportLines, reportMarkdown } from '../../src/bench/report.js';
import { spreadOf } from '../../src/bench/spread.js';

t.test('a target is met if the median is at least its limit, or below it', async (t) => {
  const value = spreadOf([1, 2, 9]);
  t.equal(isMet({ value }), undefined);
  t.equal(isMet({ value, target: { atLeast: 2 } }), true);
  t.equal(isMet({ value, target: { atLeast: 2.01 } }), false);
  t.equal(isMet({ value, target: { below: 2 } }), false);
  t.equal(isMet({ value, target: { below: 2.01 } }), true);
});

t.test('a number is shown with three significant digits', async (t) => {
  t.same([0.123, 1.239, 45.67, 1234.5].map(shown), ['0.12', '1.24', '45.7', '1,235']);
});

t.test('a report shows ratios first, whether targets are met, and what was left out', async (t) => {
  const ours = { operation: 'get', subject: 'shmtable', roundsNs: [100, 100] };
  const theirs = { operation: 'get', subject: 'a|b', roundsNs: [200, 200] };
  const figures = [
    { section: 's', what: 'bytes', unit: 'B', value: spreadOf([160]), target: { below: 190 }, note: 'in all' },
    { section: 's', ...ratioFigure('get', ours, theirs, { target: { atLeast: 3 } }) },
  ] as const;
  t.same(reportLines({ figures }).slice(1), [
    ['get', 'a|b', '2.00 x', '2.00 .. 2.00', 'at least 3', 'NO', '100', '200'],
    ['bytes', '', '160 B', '160 .. 160', 'under 190', 'yes', '', ''],
  ]);
  const where = { measuredAt: '2031-02-03T00:00:00Z', node: 'v20.19.0', processor: 'P', cores: 2, effort: 'full' };
  const markdown = reportMarkdown({ ...where, figures, leftOut: ['x: not installed'] });
  t.match(markdown, '| get | a\\|b | 2.00 x |');
  t.match(markdown, '- bytes: in all');
  t.match(markdown, 'Left out:\n\n- x: not installed');
  t.match(markdown, 'P, 2 cores, Node v20.19.0, full run of 2031-02-03');
});
