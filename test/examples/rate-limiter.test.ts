/** The limit applies to all workers together, exactly. */
import t from 'tap';
import { Table } from '../../src/index.js';
import { namespace, outputOf } from './example-program.js';

t.test('four workers together allow one client exactly as many requests as the limit', async (t) => {
  t.equal(await outputOf('rate-limiter'), '50\n');
  t.same(Table.list({ namespace }), []);
});
