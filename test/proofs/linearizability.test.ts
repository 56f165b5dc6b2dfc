import t from 'tap';
import { runHistory } from './linearizability/run-histories.js';
import { makeMutant } from './mutant.js';

const ROUNDS = 4;
const OPERATIONS = 4_000;
/** Histories in which a mistake must show at the latest. */
const ATTEMPTS = 20;

process.env.SHMTABLE_NAMESPACE = `history-${process.pid}`;

t.test('concurrent histories with deaths are linearizable', async (t) => {
  const total = { operations: 0, overlapping: 0, interrupted: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const { violations, ...counts } = await runHistory(round, OPERATIONS);
    t.same(violations, [], `round ${round}: ${JSON.stringify(counts)}`);
    for (const name of ['operations', 'overlapping', 'interrupted'] as const) total[name] += counts[name];
  }
  t.ok(
    total.overlapping > 0,
    `${total.overlapping} of ${total.operations} operations overlapped, ${total.interrupted} were interrupted`,
  );
});

t.test('noticed: a compareAndSet that does not look whether the row has changed', async (t) => {
  process.env.SHMTABLE_PROOF_SUBJECT = makeMutant(t, [
    {
      file: 'table/writer.js',
      search: 'memory.revisionAt(rowWord(old)) !== ifRevision)\n            return',
      replace: 'false)\n            return',
    },
    // A while between reading and writing, in which others run.
    {
      file: 'table/table.js',
      search: 'const outcome = write(entry.revision);',
      replace: 'for (let i = 0; i < 20_000; i++); const outcome = write(entry.revision);',
    },
  ]);
  t.teardown(() => delete process.env.SHMTABLE_PROOF_SUBJECT);
  // One history may by chance have no compare-and-set that overlaps a change of its row.
  let found: string | undefined;
  for (let round = ROUNDS; found === undefined && round < ROUNDS + ATTEMPTS; round++) {
    const { violations } = await runHistory(round, OPERATIONS);
    found = violations[0]?.operation.name;
  }
  t.ok(found !== undefined, String(found));
});
