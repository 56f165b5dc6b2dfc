/** KeyvShmTable, with Keyv and libraries that build on Keyv. */
import { KeyvAdapter } from '@apollo/utils.keyvadapter';
import { keyvApiTests, keyvIteratorTests, keyvNamespaceTest, keyvValueTests } from '@keyv/test-suite';
import { createCache } from 'cache-manager';
import { Cacheable } from 'cacheable';
import { Keyv } from 'keyv';
import t, { type Test } from 'tap';
import KeyvShmTable from '../../src/adapters/keyv.js';
import { Cache } from '../../src/cache/index.js';
import { useTestClock } from '../../src/table/test-clock.js';
import { type SuiteRunner, suiteRunner } from '../fixtures/expectations.js';
import { scratchOptions } from './scratch-adapter.js';

/** A store that is closed when the test ends. */
function scratchStore(t: Test, options = scratchOptions(t)): KeyvShmTable {
  const store = new KeyvShmTable(options);
  t.teardown(() => store.disconnect());
  return store;
}

/** KeyvAdapter has the types of the CommonJS Keyv, which differ from ours in private members only. */
function apolloOver(keyv: Keyv): KeyvAdapter<string> {
  return new KeyvAdapter<string>(keyv as never);
}

t.test('invalid options, keys and values are rejected', async (t) => {
  const options = scratchOptions(t);
  const cache = Cache.open(options);
  t.teardown(() => cache.close());
  const make = (options: unknown) => () => Reflect.construct(KeyvShmTable, [options]);
  for (const options of [undefined, null, 5, {}, { name: 5 }, { name: 'a/b' }, { cache: {} }]) {
    t.throws(make(options), { name: 'ShmTableError', code: 'ERR_ARGUMENT' }, JSON.stringify(options));
  }
  t.throws(make({ ...options, entrys: 5 }), { code: 'ERR_ARGUMENT', message: /did you mean entries\?/ });
  t.throws(make({ cache, ttl: 5 }), { code: 'ERR_ARGUMENT', message: /ttl/ });
  t.throws(make({ ...options, entries: 5 }), { code: 'ERR_SCHEMA_MISMATCH' });

  const store = new KeyvShmTable({ cache });
  const notStored = { name: 'ShmTableError', code: 'ERR_COLUMN_TYPE' };
  await t.rejects(store.set('a', 5n), notStored);
  await t.rejects(store.setMany([{ key: 'a', value: undefined }]), notStored);
  await t.rejects(store.set('a', 'x'.repeat(options.bytes)), { code: 'ERR_VALUE_TOO_LONG' });
  for (const run of [
    (key: unknown) => Reflect.apply(store.get, store, [key]),
    (key: unknown) => Reflect.apply(store.set, store, [key, 1]),
    (key: unknown) => Reflect.apply(store.delete, store, [key]),
    (key: unknown) => Reflect.apply(store.getMany, store, [['a', key]]),
  ]) {
    await t.rejects(run(5), { code: 'ERR_KEY_INVALID' });
  }
  t.equal(cache.size, 0);
  await store.disconnect();
  t.equal(cache.isOpen, true, 'a store does not close the cache of another');
});

t.test('for a value that cannot be stored, Keyv rejects with the error code', async (t) => {
  const options = scratchOptions(t);
  const tooLong = { name: 'ShmTableError', code: 'ERR_VALUE_TOO_LONG' };
  const huge = 'x'.repeat(options.bytes);
  const keyv = new Keyv({ store: scratchStore(t, options), throwOnErrors: true });
  await t.rejects(keyv.set('a', huge), tooLong);
  await t.rejects(keyv.setMany([{ key: 'a', value: huge }]), tooLong);
  await t.rejects(createCache({ stores: [keyv] }).set('a', huge), tooLong, 'by cache-manager');
  await t.rejects(apolloOver(keyv).set('a', huge), tooLong, 'by KeyvAdapter');
  const heard: unknown[] = [];
  const quiet = new Keyv({ store: scratchStore(t, options) });
  quiet.on('error', (error) => heard.push(error.code));
  t.equal(await quiet.set('a', huge), false, 'without throwOnErrors, Keyv returns false');
  t.same(heard, ['ERR_VALUE_TOO_LONG'], 'and emits the error');
});

t.test("Keyv's own tests", async (t) => {
  for (const tests of [keyvApiTests, keyvValueTests, keyvNamespaceTest, keyvIteratorTests]) {
    await t.test(tests.name, async (t) => {
      const options = scratchOptions(t);
      const suite = tests as unknown as (test: SuiteRunner, keyv: typeof Keyv, store: () => KeyvShmTable) => void;
      suite(suiteRunner(t), Keyv, () => scratchStore(t, options));
    });
  }
});

t.test('namespaces have their own keys, and are cleared without touching others', async (t) => {
  const options = scratchOptions(t);
  for (const useKeyPrefix of [true, false]) {
    const keyvOf = (namespace: string) => new Keyv({ store: scratchStore(t, options), namespace, useKeyPrefix });
    const [a, b, odd] = ['a', 'a:b', 'a":'].map(keyvOf);
    const keys = ['x', 'b:x', ':', 'a:x', '"a":x', 'k'.repeat(200)];
    for (const [i, key] of keys.entries()) {
      await a.set(key, `a${i}`);
      await b.set(key, `b${i}`);
      await odd.set(key, `odd${i}`);
    }
    // When Keyv prefixes keys, it does not itself distinguish `x` from `a:x` in namespace `a`.
    const distinct = useKeyPrefix ? keys.filter((key) => !key.startsWith('a:')) : keys;
    for (const key of distinct) {
      t.same(
        [await a.get(key), await b.get(key), await odd.get(key)].map((value) => String(value).replace(/\d/, '')),
        ['a', 'b', 'odd'],
        key,
      );
    }
    await b.clear();
    t.same([await a.has('x'), await b.has('x'), await odd.has('x')], [true, false, true]);
    const seen: string[] = [];
    for await (const [key] of a.iterator?.(undefined) ?? []) seen.push(key);
    // Keyv removes the first part of the keys that it iterates over, even if it has not added a prefix.
    if (useKeyPrefix) t.same(seen.sort(), distinct.sort());
    await a.clear();
    t.equal(await a.has('x'), false);
  }
  const [none, a] = [scratchStore(t, options), scratchStore(t, options)];
  a.namespace = 'a';
  await a.set('x', 'of a');
  const keys = ['"a":x', '"":"a":x', '"":', '"', 'x'];
  for (const key of keys) {
    t.equal(await none.get(key), undefined);
    await none.set(key, key);
  }
  t.same(await none.getMany(keys), keys);
  const seen: unknown[] = [];
  for await (const entry of none.iterator()) seen.push(entry);
  t.same(
    seen.sort(),
    keys.map((key) => [key, key]).sort(),
    'iteration without a namespace visits only keys without one',
  );
  t.equal(await a.get('x'), 'of a');
});

t.test('a store reads what another one of the same name has written', async (t) => {
  const options = scratchOptions(t);
  const one = new Keyv({ store: scratchStore(t, options) });
  const other = new Keyv({ store: scratchStore(t, options) });
  await one.setMany([
    { key: 'a', value: 1 },
    { key: 'b', value: { list: [1, null] }, ttl: 60_000 },
  ]);
  t.same(await other.getMany(['a', 'b', 'c']), [1, { list: [1, null] }, undefined]);
  t.same(await other.hasMany(['a', 'c']), [true, false]);
  t.equal(await other.deleteMany(['a', 'c']), false, 'not all of them');
  t.same(await one.getMany(['a', 'b']), [undefined, { list: [1, null] }]);
});

t.test('lifetimes', async (t) => {
  using clock = useTestClock();
  const store = scratchStore(t, { ...scratchOptions(t), ttl: 500 } as ReturnType<typeof scratchOptions>);
  await store.set('default', 'v');
  await store.set('fraction', 'v', 999.5);
  await store.setMany([{ key: 'many', value: 'v', ttl: 1_000 }]);
  await store.set('endless', 'v', Number.MAX_VALUE);
  await store.set('over', 'v');
  await store.set('over', 'v', -1);
  await store.set('long over', 'v', Number.NEGATIVE_INFINITY);
  t.same(await store.hasMany(['default', 'fraction', 'many', 'endless', 'over']), [true, true, true, true, false]);
  t.equal(await store.has('long over'), false);
  clock.advance(500);
  t.same(await store.hasMany(['default', 'fraction', 'many', 'endless']), [false, true, true, true]);
  clock.advance(500);
  t.same(await store.hasMany(['fraction', 'many', 'endless']), [false, false, true]);
  t.equal(await store.get('many'), undefined);

  const cache = Cache.open({ ...scratchOptions(t), staleTtl: 60_000 });
  t.teardown(() => cache.close());
  const beside = new KeyvShmTable({ cache });
  await beside.set('a', 'v', 1_000);
  clock.advance(1_000);
  t.equal(await beside.get('a'), undefined, 'the stale time of an open cache is for getOrSet');
});

t.test('cacheable, cache-manager and KeyvAdapter work with it', async (t) => {
  const options = scratchOptions(t);
  const keyv = (namespace: string) => new Keyv({ store: scratchStore(t, options), namespace, throwOnErrors: true });

  const cacheable = new Cacheable({ secondary: keyv('cacheable') });
  await cacheable.set('a', { n: 1 });
  t.same(await new Cacheable({ secondary: keyv('cacheable') }).get('a'), { n: 1 }, 'a second cacheable');
  await cacheable.disconnect();

  const manager = createCache({ stores: [keyv('manager')] });
  let calls = 0;
  const load = async () => ({ n: ++calls });
  t.same([await manager.wrap('a', load, 60_000), await manager.wrap('a', load, 60_000)], [{ n: 1 }, { n: 1 }]);
  await manager.mset([
    { key: 'b', value: 2 },
    { key: 'c', value: 3 },
  ]);
  t.same(await createCache({ stores: [keyv('manager')] }).mget(['b', 'c', 'd']), [2, 3, undefined]);
  await manager.mdel(['b']);
  t.equal(await manager.get('b'), undefined);
  await manager.clear();
  t.equal(await manager.get('a'), undefined);

  const apollo = apolloOver(keyv('apollo'));
  await apollo.set('query', 'result', { ttl: 60 });
  t.same(await Promise.all(['query', 'other'].map((key) => apollo.get(key))), ['result', undefined]);
  t.equal(await apollo.delete('query'), true);
});
