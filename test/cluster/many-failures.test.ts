/** Thousands of operations that wait for the same server: what they have under way, and how they fail. */
import t from 'tap';
import type { ClusterNodes } from '../../src/cluster/cluster-nodes.js';
import { failInTurn } from '../../src/cluster/failures.js';
import { KeyWalk } from '../../src/cluster/key-walk.js';
import { turn } from '../../src/memory/index.js';
import { eventually } from '../fixtures/deadline.js';

t.test('thousands fail a few in each turn of the event loop, in order', async (t) => {
  const failures = 5_000;
  const failed: number[] = [];
  for (let i = 0; i < failures; i++) failInTurn(() => failed.push(i));
  t.ok(failed.length > 0, 'the first ones at once');
  let most = failed.length;
  while (failed.length < failures) {
    const before = failed.length;
    await turn();
    most = Math.max(most, failed.length - before);
  }
  t.ok(most <= 64, `${most} in a turn`);
  t.same(
    failed,
    Array.from({ length: failures }, (_, i) => i),
  );
  let isLate = true;
  await turn();
  failInTurn(() => {
    isLate = false;
  });
  t.notOk(isLate, 'one alone fails at once');
});

t.test('walks share the slots that they ask for ahead, and each has some', async (t) => {
  const answers: (() => void)[] = [];
  const node = {
    command: () =>
      new Promise((resolve) => {
        answers.push(() => resolve([]));
      }),
  };
  const nodes = { isCluster: true, connection: { timeoutMs: 60_000 }, ownerOf: () => node } as unknown as ClusterNodes;
  const start = () => {
    const before = answers.length;
    const groups = new KeyWalk(nodes, Buffer.from('shm:n:t:')).groups(undefined, '');
    const first = groups.next();
    return { groups, first, asked: answers.length - before };
  };
  const answer = async (): Promise<void> => {
    for (const give of answers.splice(0)) give();
    await turn();
  };
  const walks = Array.from({ length: 1_000 }, start);
  t.comment(`${answers.length} commands`);
  t.ok(answers.length < 10_000, `${answers.length} commands`);
  t.ok(
    walks.every(({ asked }) => asked > 0),
    'every walk has some',
  );
  await answer();
  for (const { groups, first } of walks) {
    await first;
    await groups.return(undefined);
  }
  await eventually('nothing is under way', () => answers.length === 0);
  const later = start();
  t.equal(later.asked, walks[0].asked, 'as many as the first');
  await answer();
  await later.groups.return(undefined);
});
