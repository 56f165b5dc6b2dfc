/** All events of all workers arrive, also behind one that died while it wrote. */
import t from 'tap';
import { Segment } from '../../src/pools/index.js';
import { outputOf } from './example-program.js';

t.test('three workers write a log, one dies within an event, and the primary follows', async (t) => {
  t.equal(await outputOf('event-log'), '[ 1000, 1000, 1000 ]\n');
  t.notOk(Segment.list().some(({ name }) => name.startsWith('event-log-')));
});
