/** A page that is often requested stays in the cache while a thousand others pass through it. */
import t from 'tap';
import { Table } from '../../src/index.js';
import { namespace, outputOf } from './example-program.js';

t.test('the front page is rendered once', async (t) => {
  t.equal(await outputOf('eviction-cache'), '1001\n100 901\ntrue false\n');
  t.same(Table.list({ namespace }), []);
});
