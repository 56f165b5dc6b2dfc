/** The sum includes every increment of every worker, and the table is removed afterwards. */
import t from 'tap';
import { Table } from '../../src/index.js';
import { namespace, outputOf } from './example-program.js';

t.test('four workers count in one table', async (t) => {
  const own = [1, 2, 3, 4].map((id) => `/worker/${id} 25000n\n`);
  t.equal(await outputOf('cluster-counter'), `/ 100000n\n${own.join('')}`);
  t.same(Table.list({ namespace }), []);
});
