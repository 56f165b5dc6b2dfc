/** The limit holds for all workers together, exactly. */
import t from 'tap';
import { Table } from '../../src/index.js';
import { namespace, outputOf } from './example-program.js';

t.test('four workers give one client the tokens of one bucket', async (t) => {
  t.equal(await outputOf('rate-limiter'), '50\n');
  t.same(Table.list({ namespace }), []);
});
