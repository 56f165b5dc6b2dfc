/** Which caller loads, which ones wait, and what each of them gets; for several processes see `stampede.long.test.ts`. */
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { Cache } from '../../src/cache/index.js';
import { Table } from '../../src/table/table.js';
import { type TestClock, useTestClock } from '../../src/table/test-clock.js';
import { within } from '../fixtures/deadline.js';
import { fixturePath } from '../table/child.js';
import { scratchCache } from './scratch-cache.js';

const CLOSED = { name: 'ShmTableError', code: 'ERR_TABLE_CLOSED' };

/** A load that lasts until the test ends it. */
class HeldLoad<V> {
  calls = 0;
  end: (value: V | undefined) => void = () => {};
  fail: (error: unknown) => void = () => {};

  readonly run = (): Promise<V | undefined> => {
    this.calls++;
    return new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
    });
  };
}

/** Another handle on the same cache, with separate loads and waits, like that of another process. */
function secondHandle<V>(t: Test, { name }: Cache<V>): Cache<V> {
  const other = Cache.open<V>({ name, bytes: 4 * 2 ** 20, entries: 1_000 });
  t.teardown(() => other.close());
  return other;
}

function testClock(t: Test): TestClock {
  const clock = useTestClock();
  t.teardown(() => clock.restore());
  return clock;
}

const soon = <T>(promise: Promise<T>): Promise<T> => within(10_000, 'an answer', promise);

t.test('an invalid load and invalid options are rejected', async (t) => {
  const cache = scratchCache(t);
  const refused = (args: unknown[], code: string) =>
    t.rejects(Reflect.apply(cache.getOrSet, cache, args), { name: 'ShmTableError', code });
  await refused(['k'], 'ERR_ARGUMENT');
  await refused(['k', 5], 'ERR_ARGUMENT');
  await refused([5, () => 1], 'ERR_KEY_INVALID');
  await refused(['k', () => 1, { negativTtl: 1 }], 'ERR_ARGUMENT');
  await refused(['k', () => 1, { signal: {} }], 'ERR_ARGUMENT');
  await refused(['k', () => 1, { negativeTtl: 0 }], 'ERR_ARGUMENT');
  cache.set('k', 1);
  await refused(['k', () => 1, { ttl: 'x' }], 'ERR_ARGUMENT');
  await refused(['k', 5], 'ERR_ARGUMENT');
});

t.test('one load serves all callers of a key, each gets its own copy, and the value is stored', async (t) => {
  const cache = scratchCache<{ n: number; at: Date | string }>(t);
  let loads = 0;
  const load = async () => ({ n: ++loads, at: new Date(0) });
  const values = await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet('k', load)));
  t.equal(loads, 1);
  for (const value of values) t.same(value, { n: 1, at: '1970-01-01T00:00:00.000Z' }, 'decoded by the codec');
  t.equal(new Set(values).size, 50);
  t.same(cache.get('k'), values[0]);
  t.same(await cache.getOrSet('k', load), values[0]);
  t.equal(loads, 1);
  t.match(cache.stats(), { hits: 2, misses: 50, loads: 1, failedLoads: 0, waits: 0 });
});

t.test('a load may be synchronous, and load other keys', async (t) => {
  const cache = scratchCache<number>(t);
  t.equal(await cache.getOrSet('a', () => 1), 1);
  t.equal(await cache.getOrSet('b', async () => 1 + ((await cache.getOrSet('c', () => 2)) ?? 0)), 3);
  await t.rejects(
    cache.getOrSet('d', () => {
      throw new Error('at once');
    }),
    { message: 'at once' },
  );
  t.equal(await cache.getOrSet('d', () => 4), 4);
});

t.test('another handle waits for the load and gets the value', async (t) => {
  const cache = scratchCache<string>(t);
  const other = secondHandle(t, cache);
  const held = new HeldLoad<string>();
  const mine = cache.getOrSet('k', held.run);
  const theirs = other.getOrSet('k', () => 'not called');
  held.end('value');
  t.same(await soon(Promise.all([mine, theirs])), ['value', 'value']);
  t.match(cache.stats(), { loads: 1, waits: 1 });
});

for (const where of ['of one handle', 'of several handles']) {
  t.test(`the error of a failed load goes to its caller, and the next caller ${where} loads`, async (t) => {
    const cache = scratchCache<string>(t);
    const others = [1, 2].map(() => (where === 'of one handle' ? cache : secondHandle(t, cache)));
    const held = new HeldLoad<string>();
    const first = cache.getOrSet('k', held.run);
    let loads = 0;
    const rest = others.map((other) => other.getOrSet('k', () => `load ${++loads}`));
    held.fail(new Error('broken'));
    await t.rejects(first, { message: 'broken' });
    t.same(await soon(Promise.all(rest)), ['load 1', 'load 1']);
    t.match(cache.stats(), { loads: 2, failedLoads: 1 });
  });
}

t.test('the error of a value that cannot be stored goes to its caller', async (t) => {
  const cache = scratchCache<unknown>(t);
  await t.rejects(
    cache.getOrSet('k', () => ({ n: 5n })),
    { code: 'ERR_COLUMN_TYPE' },
  );
  const tooLong = 'x'.repeat(4 * 2 ** 20);
  await t.rejects(
    cache.getOrSet('k', () => tooLong),
    { code: 'ERR_VALUE_TOO_LONG' },
  );
  t.equal(await cache.getOrSet('k', () => 'fits'), 'fits');
});

t.test('undefined is not stored, but waiting callers get it', async (t) => {
  const cache = scratchCache<string>(t);
  const other = secondHandle(t, cache);
  const held = new HeldLoad<string>();
  const calls = [cache.getOrSet('k', held.run), cache.getOrSet('k', held.run), other.getOrSet('k', held.run)];
  held.end(undefined);
  t.same(await soon(Promise.all(calls)), [undefined, undefined, undefined]);
  t.equal(held.calls, 1);
  t.equal(cache.size, 0);
  t.equal(await other.getOrSet('k', () => 'there now'), 'there now');
});

t.test('negativeTtl keeps undefined', async (t) => {
  const clock = testClock(t);
  const cache = scratchCache<string>(t);
  let loads = 0;
  const load = (): string | undefined => (++loads > 1 ? 'there now' : undefined);
  t.equal(await cache.getOrSet('k', load, { negativeTtl: 100, tags: ['x'] }), undefined);
  t.equal(await cache.getOrSet('k', load), undefined);
  t.equal(loads, 1);
  t.equal(cache.get('k'), undefined);
  t.equal(cache.has('k'), false);
  t.same([...cache.keys()], []);
  t.equal(cache.delete('other'), false);
  clock.advance(100);
  t.equal(await cache.getOrSet('k', load), 'there now');
  t.equal(await cache.getOrSet('n', () => undefined, { negativeTtl: 100, tags: ['x'] }), undefined);
  cache.invalidateTag('x');
  t.equal(await cache.getOrSet('n', () => 'after the tag'), 'after the tag');
  t.equal(await cache.getOrSet('m', () => undefined, { negativeTtl: 100 }), undefined);
  t.equal(cache.delete('m'), false);
  t.equal(await cache.getOrSet('m', () => 'after the delete'), 'after the delete');
});

t.test('during staleTtl the old value is returned while one caller loads, even if the load fails', async (t) => {
  const clock = testClock(t);
  const errors: unknown[] = [];
  const cache = scratchCache<string>(t, { onReloadError: (error, key) => errors.push(key, error) });
  const other = secondHandle(t, cache);
  const options = { ttl: 100, staleTtl: 1_000 };
  t.equal(await cache.getOrSet('k', () => 'old', options), 'old');
  clock.advance(99);
  t.equal(await cache.getOrSet('k', () => 'too early', options), 'old');
  clock.advance(1);
  t.equal(cache.get('k'), 'old', 'get returns it too');
  const held = new HeldLoad<string>();
  for (const handle of [cache, cache, other]) t.equal(await handle.getOrSet('k', held.run, options), 'old');
  t.equal(held.calls, 1, 'one loads');

  const broken = new Error('broken');
  held.fail(broken);
  while (errors.length === 0) await turn();
  t.same(errors, ['k', broken]);
  t.equal(await other.getOrSet('k', held.run, options), 'old', 'served on');
  t.equal(held.calls, 2, 'and loaded again');
  held.end('new');
  while (cache.get('k') !== 'new') await turn();
  clock.advance(1_099);
  t.equal(cache.get('k'), 'new');
  clock.advance(1);
  t.equal(cache.get('k'), undefined, 'absent after ttl and staleTtl');
  t.equal(await cache.getOrSet('k', () => 'third', options), 'third');
});

t.test('a caller after the stale time waits for the load in progress', async (t) => {
  const clock = testClock(t);
  const cache = scratchCache<string>(t);
  const options = { ttl: 100, staleTtl: 100 };
  cache.set('k', 'old', options);
  clock.advance(150);
  const held = new HeldLoad<string>();
  t.equal(await cache.getOrSet('k', held.run, options), 'old');
  clock.advance(100);
  const waiting = cache.getOrSet('k', () => 'not called', options);
  held.end('new');
  t.equal(await waiting, 'new');
});

t.test('an invalidated entry is not returned in its stale time', async (t) => {
  const clock = testClock(t);
  const cache = scratchCache<string>(t);
  cache.set('k', 'old', { ttl: 100, staleTtl: 1_000, tags: ['x'] });
  clock.advance(150);
  t.equal(cache.get('k'), 'old');
  cache.invalidateTag('x');
  t.equal(cache.get('k'), undefined);
  t.equal(await cache.getOrSet('k', () => 'new'), 'new');
});

t.test('a signal ends the wait of its caller, and the load continues', async (t) => {
  const cache = scratchCache<string>(t);
  const other = secondHandle(t, cache);
  const held = new HeldLoad<string>();
  const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()];
  const loading = cache.getOrSet('k', held.run, { signal: first.signal });
  const joined = cache.getOrSet('k', held.run, { signal: second.signal });
  const waiting = other.getOrSet('k', held.run, { signal: third.signal });
  const patient = other.getOrSet('k', held.run);
  const reason = new Error('enough');
  for (const controller of [first, second, third]) controller.abort(reason);
  for (const call of [loading, joined, waiting]) await t.rejects(soon(call), reason);
  held.end('value');
  t.equal(await soon(patient), 'value');
  t.equal(held.calls, 1);
  t.equal(cache.get('k'), 'value');
  await t.rejects(cache.getOrSet('k', held.run, { signal: AbortSignal.abort(reason) }), reason, 'aborted before');
  const late = new AbortController();
  t.equal(await cache.getOrSet('k', held.run, { signal: late.signal }), 'value');
  late.abort(reason);
});

t.test('the result of a load that began before the key changed is not stored', async (t) => {
  const cache = scratchCache<string>(t);
  const other = secondHandle(t, cache);
  const changes: [string, () => void, string | undefined][] = [
    ['set', () => other.set('k', 'set'), 'set'],
    ['setMany', () => other.setMany([['k', 'set']]), 'set'],
    ['delete', () => other.delete('k'), undefined],
    ['deleteMany', () => other.deleteMany(['k']), undefined],
    ['clear', () => other.clear(), undefined],
    ['invalidateTag', () => other.invalidateTag('x'), undefined],
  ];
  for (const [what, change, left] of changes) {
    const held = new HeldLoad<string>();
    const before = cache.getOrSet('k', held.run, { tags: ['x'] });
    change();
    const { end } = held;
    const after = cache.getOrSet('k', held.run, { tags: ['x'] });
    end('outdated');
    t.equal(await soon(before), 'outdated', `${what}: its caller still gets it`);
    if (left === undefined) {
      while (held.calls < 2) await turn();
      held.end('loaded again');
    }
    t.equal(await soon(after), left ?? 'loaded again', `${what}: later callers get no older value`);
    t.equal(cache.get('k'), left ?? 'loaded again');
    cache.delete('k');
  }
});

t.test('after close, waiting callers get ERR_TABLE_CLOSED, and other handles load', async (t) => {
  const cache = scratchCache<string>(t);
  const other = secondHandle(t, cache);
  const held = new HeldLoad<string>();
  const calls = [cache.getOrSet('k', held.run), cache.getOrSet('k', held.run)];
  const taken = other.getOrSet('k', () => 'taken over');
  await turn();
  cache.close();
  for (const call of calls) await t.rejects(soon(call), CLOSED);
  t.equal(await soon(taken), 'taken over');
  held.end('too late');
  await turn();
  t.equal(other.get('k'), 'taken over');

  const third = secondHandle(t, other);
  const again = other.getOrSet('j', held.run);
  const waiting = third.getOrSet('j', held.run);
  third.close();
  await t.rejects(soon(waiting), CLOSED, 'closed while it waited for another handle');
  held.end('loaded');
  t.equal(await soon(again), 'loaded');
});

t.test('after destroy, waiting callers of every handle get ERR_TABLE_CLOSED', async (t) => {
  const cache = scratchCache<string>(t);
  const other = secondHandle(t, cache);
  const held = new HeldLoad<string>();
  const loading = cache.getOrSet('k', held.run);
  const waiting = other.getOrSet('k', held.run);
  cache.destroy();
  await t.rejects(soon(loading), CLOSED);
  await t.rejects(soon(waiting), CLOSED);
});

t.test('a load that throws or aborts its own signal immediately leaves the key to others', async (t) => {
  const cache = scratchCache<number>(t);
  const other = secondHandle(t, cache);
  const { signal } = new AbortController();
  const failing = (): number => {
    throw new Error('at once');
  };
  await t.rejects(soon(cache.getOrSet('k', failing, { signal })), { message: 'at once' });
  const controller = new AbortController();
  const aborting = (): Promise<number> => {
    controller.abort();
    return Promise.reject(new Error('too late'));
  };
  await t.rejects(soon(cache.getOrSet('k', aborting, { signal: controller.signal })), { name: 'AbortError' });
  t.equal(await soon(other.getOrSet('k', () => 5)), 5);
});

t.test('a destroyed cache rejects a caller with a signal, too', async (t) => {
  const cache = scratchCache<number>(t);
  const { signal } = new AbortController();
  const held = new HeldLoad<number>();
  const loading = cache.getOrSet('k', held.run, { signal });
  Cache.destroy(cache.name);
  held.end(1);
  await t.rejects(soon(loading), CLOSED);
  await t.rejects(soon(cache.getOrSet('k', () => 1, { signal })), CLOSED);
});

t.test('a value that is set while the result of an older load is being stored remains', async (t) => {
  const cache = scratchCache<number>(t);
  const other = secondHandle(t, cache);
  let isSet = false;
  // Encoding is the last thing that a load does before it stores.
  const old = {
    toJSON() {
      if (!isSet) other.set('k', 2);
      isSet = true;
      return 1;
    },
  };
  await soon((cache as Cache<unknown>).getOrSet('k', () => old));
  t.equal(cache.get('k'), 2);
});

t.test('callers that share a load do not share memory', async (t) => {
  const cache = scratchCache<Uint8Array>(t, { codec: 'v8' });
  const held = new HeldLoad<Uint8Array>();
  const callers = [cache.getOrSet('k', held.run), cache.getOrSet('k', held.run)];
  held.end(new Uint8Array(100));
  const [one, two] = await soon(Promise.all(callers));
  one?.fill(9);
  t.same(two, new Uint8Array(100));
});

t.test('delete removes a kept undefined, whatever the key', async (t) => {
  const cache = scratchCache<number>(t);
  for (const key of ['short', '', 'long '.repeat(40)]) {
    t.equal(await cache.getOrSet(key, () => undefined, { negativeTtl: 60_000 }), undefined);
    t.equal(cache.delete(key), false, 'there was no value');
    t.equal(await cache.getOrSet(key, () => 7), 7, JSON.stringify(key.slice(0, 9)));
  }
});

t.test('a deletion removes a value that a load stores while the deletion is in progress', async (t) => {
  const cache = scratchCache<string>(t);
  const words = new Int32Array(new SharedArrayBuffer(8));
  const loader = new Worker(fixturePath('cache-blocked-loader'), { argv: [cache.name], workerData: words });
  t.teardown(() => loader.terminate());
  t.equal(Atomics.wait(words, 0, 0, 20_000), 'ok', 'it loads');

  const { get } = Table.prototype;
  t.teardown(() => {
    Table.prototype.get = get;
  });
  // The load ends right after the deletion has looked for a value.
  Table.prototype.get = function (this: Table, ...args: [string, string]) {
    Table.prototype.get = get;
    const row = get.apply(this, args);
    Atomics.store(words, 1, 1);
    Atomics.notify(words, 1);
    Atomics.wait(words, 0, 1, 20_000);
    return row;
  } as typeof get;
  cache.delete('k');
  t.equal(Atomics.load(words, 0), 2, 'the load has ended');
  t.equal(cache.get('k'), undefined);
});
