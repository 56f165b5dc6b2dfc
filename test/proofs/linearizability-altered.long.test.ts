import t from 'tap';
import { tries } from '../fixtures/tries.js';
import { runHistory } from './linearizability/run-histories.js';

const OPERATIONS = 1_500;

process.env.SHMTABLE_NAMESPACE = `history-altered-${process.pid}`;

t.test('concurrent histories of a table that is altered throughout are linearizable', async (t) => {
  for (let round = 0; round < tries(2, 20); round++) {
    const { violations, ...counts } = await runHistory(round, OPERATIONS, {
      hasLong: round % 2 === 1,
      isAltered: true,
    });
    t.same(violations, [], `round ${round}: ${JSON.stringify(counts)}`);
    t.ok(counts.alterations > 0);
  }
});
