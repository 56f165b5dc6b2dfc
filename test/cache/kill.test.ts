/** No key remains blocked when processes are killed while they load, wait, store and invalidate. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Cache } from '../../src/cache/index.js';
import { Table } from '../../src/index.js';
import { within } from '../fixtures/deadline.js';
import { tries } from '../fixtures/tries.js';
import { Child } from '../table/child.js';
import { namespace, scratchCache } from './scratch-cache.js';

const KILLS = tries(12, 400);
const USERS = 3;
/** Enough time, even on a busy machine, to load all keys one after the other; a blocked key would take forever. */
const ALL_LOADED_MS = 10_000;

t.test(`kill -9 at ${KILLS} random moments: every key can be loaded immediately`, async (t) => {
  const cache = scratchCache<string>(t);
  const keys = [...Array.from({ length: 8 }, (_, i) => `key-${i}`), 'a long key '.repeat(20)];
  const startUsers = async (): Promise<Child[]> => {
    const users = Array.from({ length: USERS }, () => Child.start(t, 'cache-churner', cache.name, 128, ...keys));
    for (const user of users) await user.next();
    return users;
  };
  let slowest = 0;
  let kills = 0;
  const wrong: unknown[] = [];
  let next = startUsers();
  while (kills < KILLS) {
    const users = await next;
    for (const user of users) user.go();
    next = kills + USERS < KILLS ? startUsers() : Promise.resolve([]);
    for (const user of users) {
      await sleep(5 + Math.random() * 15);
      user.process.kill('SIGKILL');
      kills++;
      const start = performance.now();
      const loads = keys.map((key) => cache.getOrSet(key, () => `value of ${key}`, { ttl: 5 }));
      const values = await within(ALL_LOADED_MS, 'all keys', Promise.all(loads));
      slowest = Math.max(slowest, performance.now() - start);
      values.forEach((value, i) => {
        if (value !== undefined && value !== `value of ${keys[i]}`) wrong.push({ key: keys[i], value });
      });
    }
    for (const user of users) t.equal(await user.ended, 'SIGKILL');
    // No other process is left, so missing keys are loaded here.
    for (const key of keys) {
      cache.delete(key);
      const value = await within(
        ALL_LOADED_MS,
        key,
        cache.getOrSet(key, () => `value of ${key}`),
      );
      if (value !== `value of ${key}`) wrong.push({ key, value });
    }
  }
  t.same(wrong, []);
  t.comment(
    `${kills} kills; the slowest read of all keys took ${slowest.toFixed(1)} ms; ${cache.stats().takeovers} takeovers`,
  );
  for (const name of [cache.name, `${cache.name}.loads`]) {
    const table = Table.open(name, { namespace });
    t.same(table.verify(), { ok: true, problems: [] }, name);
    if (name !== cache.name) t.equal(table.size, 0, 'no lease is left');
    table.close();
  }
});

t.test('the handle of a killed process does not occupy a slot forever', async (t) => {
  const options = { bytes: 4 * 2 ** 20, entries: 1_000, maxParticipants: 3 };
  const cache = scratchCache<string>(t, options);
  const { name } = cache;
  for (let round = 0; round < 4; round++) {
    const user = Child.start(t, 'cache-churner', cache.name, 3, 'a');
    t.equal(await user.next(), 'ready');
    user.process.kill('SIGKILL');
    await user.ended;
  }
  const handles = [1, 2].map(() => Cache.open<string>({ name, ...options }));
  t.throws(() => Cache.open({ name, ...options }), { code: 'ERR_TOO_MANY_PARTICIPANTS' });
  for (const handle of handles) handle.close();
});
