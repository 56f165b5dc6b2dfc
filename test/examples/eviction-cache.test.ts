/** What everybody asks for stays in a cache through which a thousand others pass. */
import t from 'tap';
import { Table } from '../../src/index.js';
import { namespace, outputOf } from './example-program.js';

t.test('the front page is rendered once', async (t) => {
  t.equal(await outputOf('eviction-cache'), '1001\n100 901\ntrue false\n');
  t.same(Table.list({ namespace }), []);
});
