import t from 'tap';
import { runHistory } from './linearizability/run-histories.js';

const ROUNDS = 2;
const OPERATIONS = 2_000;

process.env.SHMTABLE_NAMESPACE = `history-${process.pid}`;

t.test('concurrent histories with deaths are linearizable', async (t) => {
  const total = { operations: 0, overlapping: 0, interrupted: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const { violations, ...counts } = await runHistory(round, OPERATIONS, { hasLong: round % 2 === 1 });
    t.same(violations, [], `round ${round}: ${JSON.stringify(counts)}`);
    for (const name of ['operations', 'overlapping', 'interrupted'] as const) total[name] += counts[name];
  }
  t.ok(
    total.overlapping > 0,
    `${total.overlapping} of ${total.operations} operations overlapped, ${total.interrupted} were interrupted`,
  );
});
