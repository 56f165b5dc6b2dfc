/** Which changes of a ratio fail the guard; the committed baseline contains every guarded ratio. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { type Baseline, guardedRatios, judge } from '../../bench/baseline.js';
import type { Figure } from '../../src/bench/figure.js';
import { OPERATIONS } from '../../src/bench/row-subject.js';
import { spreadOf } from '../../src/bench/spread.js';

const baseline: Baseline = { measuredAt: '', processor: '', node: '', ratios: { get: 2, set: 1 } };
const lost = (ratios: Record<string, number>) =>
  judge(baseline, ratios)
    .filter((verdict) => verdict.lost)
    .map(({ name }) => name);

t.test('a ratio may drop by less than 30 % from its baseline, or rise', async (t) => {
  t.same(lost({ get: 1.41, set: 5 }), []);
  t.same(lost({ get: 1.39, set: 0.69 }), ['get', 'set']);
});

t.test('a figure that is no longer measured fails the guard', async (t) => {
  t.same(lost({ get: 2 }), ['set']);
});

t.test('the median over the processes counts, so one slow process does not fail the guard', async (t) => {
  const figure = (comparedWith: string, ratio: number): Figure => ({
    what: 'get',
    comparedWith,
    unit: 'x',
    value: spreadOf([ratio]),
  });
  const runs = [2.1, 0.1, 2.3].map((ratio) => [figure('Map', ratio), figure('Map, reused keys', 9)]);
  t.same(guardedRatios(runs), { get: 2.1 });
});

t.test('the committed baseline has every operation at two sizes, and on a third table', async (t) => {
  const file = fileURLToPath(new URL('../../../bench/results/baseline.json', import.meta.url));
  const { ratios }: Baseline = JSON.parse(readFileSync(file, 'utf8'));
  const expected = ['1,000 rows', '100,000 rows', 'third table of 1,000 rows'].flatMap((rows) =>
    OPERATIONS.map((each) => `${each}, ${rows}`),
  );
  t.same(Object.keys(ratios).sort(), expected.sort());
});
