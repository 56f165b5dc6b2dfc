/** Of all processes and threads that request one missing key, one loads it. All get a result, even if that one dies. */
import t from 'tap';
import { generous } from '../fixtures/deadline.js';
import { tries } from '../fixtures/tries.js';
import { type Agent, answersOf, loaderOf, startProcesses, startThreads } from './agents.js';
import { scratchCache } from './scratch-cache.js';

const PROCESSES = 8;
const CALLERS = 50;
/**
 * Maximum time from the end of a load until all have the value. Only the fastest round must meet it, because the
 * machine is shared.
 */
const ANSWERED_MS = generous(100);
const ROUNDS = 3;
/** Number of processes that request many keys. */
const ASKING = tries(3, PROCESSES);

function pidOf({ host }: Agent): string {
  return 'pid' in host ? String(host.pid) : String(process.pid);
}

/** Milliseconds from the end of the load to the last result. */
function slowest(answers: readonly { at: number; loadedAt: number }[]): number {
  return Math.max(...answers.map(({ at }) => at)) - Math.max(...answers.map(({ loadedAt }) => loadedAt));
}

const shown = (times: readonly number[]): string => times.map((ms) => ms.toFixed(1)).join(', ');

const loadsOf = (answers: readonly { loads: number }[]): number => answers.reduce((sum, { loads }) => sum + loads, 0);

t.test(`${PROCESSES} processes with ${CALLERS} callers each share loads`, async (t) => {
  const cache = scratchCache(t, { bytes: 32 * 2 ** 20, entries: 30_000 });
  const agents = await startProcesses(t, cache.name, PROCESSES);
  const askAll = (prefix: string, order: object = {}): void => {
    for (const agent of agents) agent.order({ ask: { prefix, keys: 1, callers: CALLERS, ...order } });
  };

  await t.test('one process loads a missing key, and all get its value', async (t) => {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      askAll(`cold-${round}`);
      const loader = await loaderOf(agents);
      loader.order({ end: 'well' });
      const answers = await answersOf(agents);
      t.equal(loadsOf(answers), 1);
      for (const answer of answers) t.same(answer.answers, [`"cold-${round} by ${pidOf(loader)}"`]);
      times.push(slowest(answers));
    }
    t.ok(Math.min(...times) < ANSWERED_MS, `all have results after ${shown(times)} ms`);
    t.equal(cache.stats().loads, ROUNDS);
  });

  await t.test('the error of a failed load goes to its caller, and the next caller loads', async (t) => {
    askAll('failing');
    const first = await loaderOf(agents);
    first.order({ end: 'badly' });
    const second = await loaderOf(agents);
    second.order({ end: 'well' });
    const answers = await answersOf(agents);
    t.equal(loadsOf(answers), 2);
    const wanted = `"failing by ${pidOf(second)}"`;
    agents.forEach((agent, i) => {
      const failed = agent === first ? [`told to fail: ${pidOf(first)}`] : [];
      t.same(answers[i].answers, [wanted, ...failed].sort(), `those of ${pidOf(agent)}`);
    });
  });

  await t.test('each of thousands of keys that are requested at once is loaded once', async (t) => {
    const keys = tries(2_000, 10_000);
    const start = performance.now();
    const asking = agents.slice(0, ASKING);
    for (const agent of asking) agent.order({ ask: { prefix: 'many', keys, callers: 1, endsAtOnce: true } });
    t.equal(loadsOf(await answersOf(asking)), keys);
    t.comment(`${keys} keys by ${ASKING} processes: ${(performance.now() - start).toFixed(0)} ms`);
  });

  await t.test('when the loading process is killed, one of the others loads', async (t) => {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      askAll(`killed-${round}`);
      const first = await loaderOf(agents);
      await first.kill();
      agents.splice(agents.indexOf(first), 1);
      const second = await loaderOf(agents);
      second.order({ end: 'well' });
      const answers = await answersOf(agents);
      t.equal(loadsOf(answers), 1, 'one of the survivors loads');
      for (const answer of answers) t.same(answer.answers, [`"killed-${round} by ${pidOf(second)}"`]);
      times.push(slowest(answers));
    }
    t.ok(Math.min(...times) < ANSWERED_MS, `all have results after ${shown(times)} ms`);
  });

  await t.test('when the loading process of thousands of keys is killed, the others load each key once', async (t) => {
    const keys = tries(2_000, 10_000);
    const [first, ...living] = agents.slice(0, ASKING);
    first.order({ ask: { prefix: 'orphans', keys, callers: 1 } });
    await first.next('loading');
    for (const agent of living) agent.order({ ask: { prefix: 'orphans', keys, callers: 1, endsAtOnce: true } });
    // This command completes after all calls were made.
    for (const agent of living) agent.order({ delete: 'nothing' });
    for (const agent of living) await agent.next('done');
    const start = performance.now();
    await first.kill();
    t.equal(loadsOf(await answersOf(living)), keys);
    t.comment(`${keys} keys taken over in ${(performance.now() - start).toFixed(0)} ms`);
  });
});

t.test('when a loading worker thread ends, another thread loads', async (t) => {
  const cache = scratchCache(t, { bytes: 32 * 2 ** 20, entries: 30_000 });
  const agents = await startThreads(t, cache.name, 3);
  for (const agent of agents) agent.order({ ask: { prefix: 'thread', keys: 1, callers: 10 } });
  const first = await loaderOf(agents);
  await first.kill();
  const living = agents.filter((agent) => agent !== first);
  const ended = performance.now();
  const second = await loaderOf(living);
  t.comment(`another thread loads ${(performance.now() - ended).toFixed(1)} ms after the end of the first`);
  second.order({ end: 'well' });
  const answers = await answersOf(living);
  t.equal(loadsOf(answers), 1);
  t.ok(slowest(answers) < ANSWERED_MS, `all have results after ${slowest(answers).toFixed(1)} ms`);
});
