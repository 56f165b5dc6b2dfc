/** There is one leader, and another one when it is killed. */
import t from 'tap';
import { Table } from '../../src/index.js';
import { namespace, outputOf } from './example-program.js';

t.test('the lease passes on when its holder is killed', async (t) => {
  t.equal(await outputOf('leader-lease'), 'term 1: true\nterm 2: true\n');
  t.same(Table.list({ namespace }), []);
});
