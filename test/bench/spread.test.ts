import t from 'tap';
import { spreadOf } from '../../bench/spread.js';

t.test('median and quartiles, between two neighbours in proportion', async (t) => {
  t.same(spreadOf([7]), { median: 7, lowerQuartile: 7, upperQuartile: 7 });
  t.same(spreadOf([30, 10, 20]), { median: 20, lowerQuartile: 15, upperQuartile: 25 });
  t.same(spreadOf([4, 2, 3, 1, 5]), { median: 3, lowerQuartile: 2, upperQuartile: 4 });
});
