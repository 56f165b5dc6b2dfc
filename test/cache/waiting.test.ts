/** Waiting relies on no timer: every way in which a load can end wakes its waiters. */
import t from 'tap';
import { Cache } from '../../src/cache/index.js';
import { timers } from '../../src/memory/index.js';
import { within } from '../fixtures/deadline.js';
import { type Agent, startProcesses, startThreads } from './agents.js';
import { scratchCache } from './scratch-cache.js';

// The interval at which waiting handles of this process would check for events without a notification.
Reflect.set(timers, 'setInterval', () => setInterval(() => {}, 1_000_000));

const options = { bytes: 32 * 2 ** 20, entries: 30_000 };

/** The result of a caller in this process that waits for a load of the agent; `end` ends that load. */
async function valueAfter(agent: Agent, key: string, cache: Cache, end: () => unknown): Promise<unknown> {
  agent.order({ ask: { prefix: key, keys: 1, callers: 1 } });
  await agent.next('loading');
  const { waits } = cache.stats();
  const value = cache.getOrSet(key, () => 'loaded here');
  value.catch(() => {});
  if (cache.stats().waits !== waits + 1) throw new Error('it does not wait');
  await end();
  return within(20_000, key, value);
}

t.test('when the process that loads is killed', async (t) => {
  const cache = scratchCache(t, options);
  for (let round = 0; round < 3; round++) {
    const [agent] = await startProcesses(t, cache.name, 1);
    t.equal(await valueAfter(agent, `killed ${round}`, cache, () => agent.kill()), 'loaded here');
  }
});

t.test('when the thread that loads is terminated', async (t) => {
  const cache = scratchCache(t, options);
  const [agent] = await startThreads(t, cache.name, 1);
  t.equal(await valueAfter(agent, 'terminated', cache, () => agent.kill()), 'loaded here');
});

t.test('when the load succeeds, fails, or its key is deleted by another process', async (t) => {
  const cache = scratchCache(t, options);
  const [agent] = await startProcesses(t, cache.name, 1);
  t.match(await valueAfter(agent, 'well', cache, () => agent.order({ end: 'well' })), /^well by /);
  t.equal(await valueAfter(agent, 'badly', cache, () => agent.order({ end: 'badly' })), 'loaded here');
  t.equal(await valueAfter(agent, 'deleted', cache, () => agent.order({ delete: 'deleted' })), 'loaded here');
});

t.test('when the cache is destroyed', async (t) => {
  const cache = scratchCache(t, options);
  const [agent] = await startProcesses(t, cache.name, 1);
  const end = (): void => Cache.destroy(cache.name);
  await t.rejects(valueAfter(agent, 'destroyed', cache, end), { code: 'ERR_TABLE_CLOSED' });
});
