/** A session that is used lives longer than its idle time, and ends after it when it is not; a tag ends all of a user. */
import t from 'tap';
import { Cache } from '../../src/cache/index.js';
import { namespace, outputOf } from './example-program.js';

t.teardown(() => Cache.destroy('sessions', { namespace }));

t.test('it lives on with each visit, and then ends', async (t) => {
  t.equal(await outputOf('sessions'), '1\n2\n3\nundefined\nundefined undefined\n');
});
