/** Of four workers with 50 visitors each, one renders a page; a tag removes the pages of its section. */
import t from 'tap';
import { Table } from '../../src/index.js';
import { namespace, outputOf } from './example-program.js';

t.test('each page is rendered once', async (t) => {
  t.equal(await outputOf('page-cache'), '2\ntrue true\nfalse true\n');
  t.same(Table.list({ namespace }), []);
});
