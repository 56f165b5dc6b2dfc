/** There is one leader at a time, and another takes over when it is killed. */
import t from 'tap';
import { Table } from '../../src/index.js';
import { namespace, outputOf } from './example-program.js';

t.test('another process gets the lease when its holder is killed', async (t) => {
  t.equal(await outputOf('leader-lease'), 'term 1: true\nterm 2: true\n');
  t.same(Table.list({ namespace }), []);
});
