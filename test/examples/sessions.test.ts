/** A session that is used lives longer than its idle time, and expires when it is no longer used. */
import t from 'tap';
import { Table } from '../../src/index.js';
import { namespace, outputOf } from './example-program.js';

t.teardown(() => Table.destroy('sessions', { namespace }));

t.test('each visit extends the session, which then expires', async (t) => {
  const visits = [1, 2, 3].map((visit) => `{ user: 'ada', visits: ${visit} }\n`);
  t.equal(await outputOf('sessions'), `${visits.join('')}undefined\n`);
});
