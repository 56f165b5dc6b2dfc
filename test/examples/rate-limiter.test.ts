/** The limit holds for all workers together, exactly. */
import t from 'tap';
import { Table } from '../../src/index.js';
import { namespace, outputOf } from './example-program.js';

t.test('four workers let one client through as often as one limit says', async (t) => {
  t.equal(await outputOf('rate-limiter'), '50\n');
  t.same(Table.list({ namespace }), []);
});
