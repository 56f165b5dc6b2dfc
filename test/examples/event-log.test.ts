/** All events of all workers arrive, including those after an unfinished event of a dead worker. */
import t from 'tap';
import { Segment } from '../../src/pools/index.js';
import { outputOf } from './example-program.js';

t.test('the primary reads the events of three workers, one of which dies while it writes an event', async (t) => {
  t.equal(await outputOf('event-log'), '[ 1000, 1000, 1000 ]\n');
  t.notOk(Segment.list().some(({ name }) => name.startsWith('event-log-')));
});
