import { availableParallelism } from 'node:os';
import t from 'tap';
import { needsOwnShm } from '../fixtures/own-shm.js';
import { operations } from './kill/operations.js';
import { poolScenes } from './kill/pool-scenes.js';
import { runKills } from './kill/run-kills.js';
import { sampleSeed } from './sample-seed.js';
import { loadSubject } from './subject.js';

/* A sample of the operations and of their kill points, a different one each time; the seed is printed. `npm run proof` tries all of them. */
const SHARE = 0.04;
/** One in this many operations is killed. */
const OPERATIONS = 8;
const RECOVERY_POINTS = 1;
const RUNS = Math.min(availableParallelism(), 4);

/** The part of the chosen operations that this run kills. */
function sliceOf(run: number): string {
  return `${(sampleSeed % OPERATIONS) + run * OPERATIONS}/${RUNS * OPERATIONS}`;
}

t.test(
  'an operation that is killed before any of its stores leaves either the old or the new rows or records',
  { skip: needsOwnShm },
  async (t) => {
    let points = 0;
    let recoveryPoints = 0;
    const names = new Set<string>();
    const runs = Array.from({ length: RUNS }, (_, i) =>
      runKills({ seed: sampleSeed + i, share: SHARE, recovery: RECOVERY_POINTS, slice: sliceOf(i) }, (outcome) => {
        points += outcome.points;
        recoveryPoints += outcome.recoveryPoints;
        names.add(outcome.name);
        if (outcome.failures.length > 0) t.same(outcome.failures, [], outcome.name);
      }),
    );
    await Promise.all(runs);
    const isChosen = (_: unknown, i: number): boolean => i % OPERATIONS === sampleSeed % OPERATIONS;
    const expected = [...operations.filter(isChosen), ...poolScenes(await loadSubject()).filter(isChosen)];
    for (const { name } of expected) if (!names.has(name)) t.fail(`${name} was not tried`);
    t.ok(points > 0, `${points} kill points, ${recoveryPoints} more in recoveries, seed ${sampleSeed}`);
  },
);
