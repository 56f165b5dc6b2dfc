/** shmTableDriver with unstorage. */
import t, { type Test } from 'tap';
import { createStorage, prefixStorage, type Storage } from 'unstorage';
import shmTableDriver, { type ShmTableDriverOptions } from '../../src/adapters/unstorage.js';
import { useTestClock } from '../../src/table/test-clock.js';
import { within } from '../fixtures/deadline.js';
import { scratchOptions } from './scratch-adapter.js';

function scratchStorage(t: Test, options: ShmTableDriverOptions = scratchOptions(t)): Storage {
  const storage = createStorage({ driver: shmTableDriver(options) });
  t.teardown(() => storage.dispose());
  return storage;
}

function shmTableDriverOf(storage: Storage): ReturnType<typeof shmTableDriver> {
  return storage.getMount().driver as ReturnType<typeof shmTableDriver>;
}

t.test('invalid options, keys and values are rejected', async (t) => {
  const options = scratchOptions(t);
  for (const wrong of [undefined, {}, { ...options, bytes: 1_000 }, { ...options, base: 'x' }]) {
    t.throws(() => Reflect.apply(shmTableDriver, undefined, [wrong]), {
      name: 'ShmTableError',
      code: /^ERR_(ARGUMENT|SCHEMA_INVALID)$/,
    });
  }
  const storage = scratchStorage(t, options);
  await t.rejects(storage.setItem('k'.repeat(256), 1), { code: 'ERR_KEY_INVALID' });
  await t.rejects(storage.setItem('a', '\ud800'), { code: 'ERR_COLUMN_TYPE' });
  await t.rejects(storage.setItemRaw('a', { n: 1 }), { code: 'ERR_COLUMN_TYPE' });
  await t.rejects(storage.setItem('a', 'x'.repeat(options.bytes)), { code: 'ERR_VALUE_TOO_LONG' });
  await t.rejects(storage.setItem('a', 1, { ttl: -1 }), { code: 'ERR_ARGUMENT' });
  t.same(await storage.getKeys(), []);
});

t.test('items are found by every storage of the same name', async (t) => {
  const options = scratchOptions(t);
  const [one, other] = [scratchStorage(t, options), scratchStorage(t, options)];
  const values = [{ n: 1, list: [null, 'é'] }, 'text', '', 0, true, null, [1], '{"not": parsed'];
  for (const [i, value] of values.entries()) {
    await one.setItem(`dir:${i}`, value);
    t.same(await other.getItem(`dir:${i}`), value === '' ? '' : value, JSON.stringify(value));
  }
  t.equal(await other.getItem('missing'), null);
  t.same([await other.hasItem('dir:0'), await other.hasItem('dir')], [true, false]);
  await other.setItems([
    { key: 'a', value: 'A' },
    { key: 'b', value: 'B' },
  ]);
  t.same(await one.getItems(['a', 'x', 'b']), [
    { key: 'a', value: 'A' },
    { key: 'x', value: null },
    { key: 'b', value: 'B' },
  ]);
  const bytes = Uint8Array.from([0, 255, 128, 10]);
  await one.setItemRaw('raw', bytes);
  t.same(await other.getItemRaw('raw'), bytes);
  await one.setItemRaw('buffer', bytes.buffer);
  t.same(await other.getItemRaw('buffer'), bytes);
  await one.setItemRaw('raw-text', 'text');
  t.equal(await other.getItemRaw('raw-text'), 'text');
  const large = 'x'.repeat(100_000);
  await one.setItem('large', large);
  t.equal(await other.getItem('large'), large);

  t.same(
    (await other.getKeys('dir')).sort(),
    values.map((_, i) => `dir:${i}`),
  );
  t.same((await prefixStorage(other, 'dir').getKeys()).length, values.length);
  const meta = await other.getMeta('large');
  t.equal(meta.size, 100_000);
  t.ok(meta.mtime instanceof Date && Math.abs(Date.now() - Number(meta.mtime)) < 60_000);
  t.same(await other.getMeta('missing'), {});
  await other.removeItem('dir:0');
  t.equal(await one.hasItem('dir:0'), false);
  // unstorage itself clears only the mounts below the base.
  await shmTableDriverOf(other).clear('dir:');
  t.same((await one.getKeys()).sort(), ['a', 'b', 'buffer', 'large', 'raw', 'raw-text']);
  await other.clear();
  t.same(await one.getKeys(), []);
});

t.test('an item has a lifetime, in seconds in a call and in milliseconds in the options', async (t) => {
  using clock = useTestClock();
  const storage = scratchStorage(t, { ...scratchOptions(t), ttl: 500 });
  await storage.setItem('default', 1);
  await storage.setItem('seconds', 1, { ttl: 2 });
  t.equal((await storage.getMeta('seconds')).ttl, 2);
  clock.advance(500);
  t.same(await storage.getKeys(), ['seconds']);
  clock.advance(1_500);
  t.same(await storage.getKeys(), []);
});

t.test('watch reports the changes of all processes, until unwatch', async (t) => {
  const options = scratchOptions(t);
  const [one, other] = [scratchStorage(t, options), scratchStorage(t, options)];
  const heard: string[] = [];
  let arrived = (): void => {};
  const unwatch = await one.watch((event, key) => {
    heard.push(`${event} ${key}`);
    arrived();
  });
  const until = (what: string): Promise<void> =>
    within(
      20_000,
      what,
      new Promise((resolve) => {
        arrived = () => heard.includes(what) && resolve();
        arrived();
      }),
    );
  await other.setItem('a:b', 1);
  await other.setItem('a:b', 2);
  await other.removeItem('a:b');
  await other.setItem('last', 1);
  await until('update last');
  t.same(heard, ['update a:b', 'update a:b', 'remove a:b', 'update last']);
  await unwatch();
  await one.unwatch();
  await other.setItem('later', 1);
  t.equal(heard.length, 4);

  // A listener that throws causes an uncaught exception. If the program continues, it is told of further changes.
  const uncaught: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => uncaught.push(error));
  t.teardown(() => process.setUncaughtExceptionCaptureCallback(null));
  const failure = new Error('from a listener');
  const unwatchFailing = await one.watch((_, key) => {
    heard.push(key);
    arrived();
    if (key === 'failing') throw failure;
  });
  await other.setItem('failing', 1);
  await other.setItem('after', 1);
  await until('after');
  await unwatchFailing();
  process.setUncaughtExceptionCaptureCallback(null);
  t.same(uncaught, [failure]);

  const watching = scratchStorage(t, options);
  await watching.watch(() => {});
  await watching.dispose();
  t.equal(await other.getItem('last'), 1, 'items remain after dispose');
});
