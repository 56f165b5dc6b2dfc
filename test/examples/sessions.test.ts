/** A session lives as long as it is used, and expires after its idle time; a tag ends all sessions of a user. */
import t from 'tap';
import { Cache } from '../../src/cache/index.js';
import { namespace, outputOf } from './example-program.js';

t.teardown(() => Cache.destroy('sessions', { namespace }));

t.test('each visit extends a session, which then expires', async (t) => {
  t.equal(await outputOf('sessions'), '1\n2\n3\nundefined\nundefined undefined\n');
});
