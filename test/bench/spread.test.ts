import t from 'tap';
import { spreadOf } from '../../src/bench/spread.js';

t.test('median and quartiles are interpolated between two neighbours', async (t) => {
  t.same(spreadOf([7]), { median: 7, minimum: 7, lowerQuartile: 7, upperQuartile: 7 });
  t.same(spreadOf([30, 10, 20]), { median: 20, minimum: 10, lowerQuartile: 15, upperQuartile: 25 });
  t.same(spreadOf([4, 2, 3, 1, 5]), { median: 3, minimum: 1, lowerQuartile: 2, upperQuartile: 4 });
});
