/** `get`, `set` and related methods, with all kinds of keys and values. */
import t from 'tap';
import { Cache } from '../../src/cache/index.js';
import { Table } from '../../src/index.js';
import { Segment } from '../../src/pools/index.js';
import { useTestClock } from '../../src/table/test-clock.js';
import { namespace, scratchCache } from './scratch-cache.js';

const CLOSED = { name: 'ShmTableError', code: 'ERR_TABLE_CLOSED' };

t.test('invalid options, keys, values and tags are rejected and change nothing', async (t) => {
  const cache = scratchCache(t);
  const { name } = cache;
  const refused = (code: string, run: () => unknown, message?: RegExp): void => {
    t.throws(run, { name: 'ShmTableError', code, ...(message === undefined ? {} : { message }) }, String(run));
  };
  const open = (options: object) => () => Cache.open({ name, ...options });
  refused('ERR_ARGUMENT', () => Reflect.apply(Cache.open, Cache, []));
  refused('ERR_ARGUMENT', open({ name: 'no/slash' }), /"no\/slash"/);
  refused('ERR_ARGUMENT', open({ name: 'x'.repeat(59) }));
  refused('ERR_ARGUMENT', open({ bytes: 1000 }), /bytes .* got 1000/);
  refused('ERR_ARGUMENT', open({ entries: 0 }));
  refused('ERR_ARGUMENT', open({ entrie: 5 }), /did you mean entries\?/);
  refused('ERR_ARGUMENT', open({ ttl: 0 }));
  refused('ERR_ARGUMENT', open({ codec: 'xml' }), /"xml"/);
  refused('ERR_ARGUMENT', open({ codec: { encode: () => new Uint8Array() } }));
  refused('ERR_ARGUMENT', open({ onReloadError: 1 }));
  refused('ERR_SCHEMA_MISMATCH', open({ bytes: 4 * 2 ** 20, entries: 1_000, codec: 'v8' }));
  refused('ERR_ARGUMENT', () => Reflect.construct(Cache, [{}]));

  for (const key of [undefined, 5, null, {}]) {
    for (const method of ['get', 'has', 'delete'] as const) {
      refused('ERR_KEY_INVALID', () => Reflect.apply(cache[method], cache, [key]));
    }
    refused('ERR_KEY_INVALID', () => Reflect.apply(cache.set, cache, [key, 1]));
    refused('ERR_KEY_INVALID', () => Reflect.apply(cache.getMany, cache, [['a', key]]));
    refused('ERR_KEY_INVALID', () =>
      Reflect.apply(cache.setMany, cache, [
        [
          ['a', 1],
          [key, 1],
        ],
      ]),
    );
  }
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  for (const value of [undefined, () => 1, Symbol('s'), 5n, { n: 5n }, cyclic]) {
    refused('ERR_COLUMN_TYPE', () => cache.set('a', value));
    refused('ERR_COLUMN_TYPE', () =>
      cache.setMany([
        ['b', 1],
        ['a', value],
      ]),
    );
  }
  refused('ERR_ARGUMENT', () => cache.set('a', 1, { ttl: 1.5 }));
  refused('ERR_ARGUMENT', () => cache.set('a', 1, { staleTtl: -1 }));
  refused('ERR_ARGUMENT', () => Reflect.apply(cache.set, cache, ['a', 1, { TTL: 5 }]), /did you mean ttl\?/);
  refused('ERR_ARGUMENT', () => Reflect.apply(cache.set, cache, ['a', 1, { tags: 'x' }]));
  refused('ERR_ARGUMENT', () => Reflect.apply(cache.set, cache, ['a', 1, { tags: [5] }]));
  refused('ERR_ARGUMENT', () => cache.set('a', 1, { tags: Array.from({ length: 129 }, String) }), /129/);
  refused('ERR_ARGUMENT', () => Reflect.apply(cache.invalidateTag, cache, [5]));
  refused('ERR_ARGUMENT', () => Reflect.apply(cache.getMany, cache, ['abc']));
  refused('ERR_ARGUMENT', () => Reflect.apply(cache.setMany, cache, [['ab']]));
  refused('ERR_ARGUMENT', () => Reflect.apply(cache.deleteMany, cache, [5]));
  t.equal(cache.size, 0);
});

t.test('get returns a new copy of the value that was stored last', async (t) => {
  const cache = scratchCache(t);
  const values = [1, 'text', null, true, [1, { a: [] }], { user: 'ada', tags: ['x'], at: 1.5 }, ''];
  for (const value of values) {
    t.equal(cache.set('k', value), cache);
    t.same(cache.get('k'), value);
    t.equal(cache.has('k'), true);
  }
  cache.set('k', { a: 1 });
  t.not(cache.get('k'), cache.get('k'));
  t.equal(cache.get('missing'), undefined);
  t.equal(cache.has('missing'), false);
  t.equal(cache.size, 1);
  t.equal(cache.delete('k'), true);
  t.equal(cache.delete('k'), false);
  t.equal(cache.get('k'), undefined);
});

t.test('methods for many keys work in the order of the keys', async (t) => {
  const cache = scratchCache(t);
  cache.setMany([
    ['a', 1],
    ['b', 2],
    ['a', 3],
  ]);
  t.same(cache.getMany(['b', 'x', 'a']), [2, undefined, 3]);
  t.same(cache.deleteMany(['x', 'a', 'a']), [false, true, false]);
  t.same([...cache.keys()], ['b']);
  cache.clear();
  t.equal(cache.size, 0);
});

t.test('an expired value is absent', async (t) => {
  const clock = useTestClock();
  t.teardown(() => clock.restore());
  const cache = scratchCache(t, { ttl: 1_000 });
  cache.set('default', 1).set('short', 2, { ttl: 10 }).set('ever', 3, { ttl: null });
  cache.setMany([['many', 4]], { ttl: 20 });
  clock.advance(10);
  t.same(cache.getMany(['default', 'short', 'ever', 'many']), [1, undefined, 3, 4]);
  t.equal(cache.has('short'), false);
  clock.advance(10);
  t.equal(cache.get('many'), undefined);
  clock.advance(980);
  t.same([...cache.keys()], ['ever']);
  t.equal(cache.size, 1);
  cache.set('ever', 5);
  clock.advance(1_000);
  t.equal(cache.get('ever'), undefined, 'a new value has a new lifetime');
});

t.test('keys may have any length and content', async (t) => {
  const cache = scratchCache<string>(t);
  const keys = [
    '',
    '=',
    '"a"',
    'long-key:',
    `long-key:${'A'.repeat(22)}`,
    '\u0000',
    'x'.repeat(63),
    'x'.repeat(64),
    'ä'.repeat(31),
    'ä'.repeat(32),
    '\u{1f600}'.repeat(15),
    '\u{1f600}'.repeat(16),
    'x'.repeat(300),
    'y'.repeat(399),
    `${'x'.repeat(299)}y`,
    '\ud800',
    '\udc00',
    '\ud800\ud800',
    `${'x'.repeat(100)}\ud800`,
    '\ufffd',
  ];
  for (const key of keys) cache.set(key, key.length > 0 ? JSON.stringify(key) : 'empty');
  for (const key of keys) {
    t.equal(cache.get(key), key.length > 0 ? JSON.stringify(key) : 'empty');
    t.equal(cache.has(key), true);
  }
  t.same(new Set(cache.keys()), new Set(keys));
  t.same(cache.getMany(keys).length, keys.length);
  for (const key of keys) t.equal(await cache.getOrSet(key, () => 'loaded'), cache.get(key));
  t.same(
    cache.deleteMany(keys),
    keys.map(() => true),
  );
  t.equal(cache.size, 0);
});

t.test('the value of another key with the same hash is never returned', async (t) => {
  const cache = scratchCache<string>(t);
  const mine = 'm'.repeat(100);
  const other = 'o'.repeat(100);
  cache.set(mine, 'mine').set(other, 'other');
  // Hashes practically never collide, so the row of one key is stored under the row key of the other.
  const table = Table.open(cache.name, { namespace });
  t.teardown(() => table.close());
  const [first, second] = [...table.keys()];
  const row = table.get(first);
  if (row === undefined) throw new Error('no row');
  const victim = cache.get(mine) === 'mine' && String(row.key).includes('m') ? other : mine;
  table.put(second, row);
  t.equal(cache.get(victim), undefined);
  t.equal(cache.has(victim), false);
  t.same(cache.getMany([victim]), [undefined]);
  t.equal(cache.delete(victim), false, 'and is not removed');
  t.equal(await cache.getOrSet(victim, () => 'loaded'), 'loaded');
  t.equal(cache.get(victim), 'loaded');
});

t.test('values are encoded by the codec', async (t) => {
  await t.test('v8 preserves values that JSON cannot represent', async (t) => {
    const cache = scratchCache(t, { codec: 'v8' });
    const value = { map: new Map([[1, new Date(5)]]), big: 5n, bytes: new Uint8Array([1, 2]), none: undefined };
    cache.set('k', value);
    t.same(cache.get('k'), value);
    t.throws(() => cache.set('f', () => 1), { code: 'ERR_COLUMN_TYPE' });
    t.throws(() => cache.set('f', undefined), { code: 'ERR_COLUMN_TYPE' });
  });
  await t.test('a custom codec is used', async (t) => {
    const cache = scratchCache<string>(t, {
      codec: {
        encode: (text) => {
          if (text === 'refused') throw new Error('not this one');
          return text === 'no bytes' ? (text as unknown as Uint8Array) : Buffer.from(text);
        },
        decode: (bytes) => {
          const text = Buffer.from(bytes).toString();
          if (text === 'unreadable') throw new Error('what is this');
          return text;
        },
      },
    });
    for (const text of ['', 'some text']) t.equal(cache.set('k', text).get('k'), text);
    t.throws(() => cache.set('k', 'refused'), { code: 'ERR_COLUMN_TYPE', message: /not this one/ });
    t.throws(() => cache.set('k', 'no bytes'), { code: 'ERR_COLUMN_TYPE', message: /Uint8Array/ });
    t.equal(cache.get('k'), 'some text');
    cache.set('bad', 'unreadable');
    t.throws(() => cache.get('bad'), { code: 'ERR_COLUMN_TYPE', message: /what is this/ });
    await t.rejects(
      cache.getOrSet('bad', () => 'new'),
      { code: 'ERR_COLUMN_TYPE' },
    );
    t.equal(cache.delete('bad'), true);
    await t.rejects(
      cache.getOrSet('load', () => 'refused'),
      { code: 'ERR_COLUMN_TYPE' },
    );
  });
});

t.test('any string is returned as it was stored', async (t) => {
  const cache = scratchCache(t);
  const strings = ['', '=', '=a', '"a"', '{"a":1}', 'null', '\ud800', '=\udfff', 'é\u2028\0', '"'.repeat(10_000)];
  for (const text of strings) {
    cache.set('text', text);
    t.ok(cache.get('text') === text, encodeURIComponent(JSON.stringify(text).slice(0, 20)));
  }
});

t.test('a tag removes all entries that have it', async (t) => {
  const cache = scratchCache(t);
  cache.set('a', 1, { tags: ['x'] });
  cache.set('b', 2, { tags: ['x', 'y', 'z'] });
  cache.set('c', 3, { tags: ['z'] });
  cache.set('d', 4);
  cache.setMany([['e', 5]], { tags: ['y'] });
  cache.set(`long ${'x'.repeat(100)}`, 6, { tags: ['y'] });
  cache.invalidateTag('nobody has this');
  t.equal([...cache.keys()].length, 6);
  cache.invalidateTag('y');
  t.same([...cache.keys()].sort(), ['a', 'c', 'd']);
  t.same(cache.getMany(['a', 'b', 'c', 'd', 'e']), [1, undefined, 3, 4, undefined]);
  t.equal(cache.has('b'), false);
  t.equal(cache.delete('b'), false);
  cache.set('e', 7, { tags: ['y'] });
  t.equal(cache.get('e'), 7, 'an entry that is stored afterwards is valid');
  cache.invalidateTag('x');
  cache.invalidateTag('z');
  t.same([...cache.keys()].sort(), ['d', 'e']);
});

t.test(
  'values of any size: others are evicted for them, and a value can be overwritten by one of the same size',
  async (t) => {
    const cache = scratchCache<string>(t, { bytes: 8 * 2 ** 20 });
    const sizes = Array.from({ length: 1_200 }, (_, i) => (i * 7_919) % 20_000);
    for (const [i, size] of sizes.entries()) {
      cache.set(`k${i}`, 'x'.repeat(size), { tags: ['t'] });
      if (cache.get(`k${i}`)?.length !== size) t.fail(`value ${i}`);
    }
    t.ok(cache.stats().evictions > 200);
    const large = 5 * 2 ** 20;
    cache.set('large', 'a'.repeat(large));
    cache.set('large', 'b'.repeat(large));
    t.equal(cache.get('large'), 'b'.repeat(large), 'larger than half the memory');
    cache.setMany([
      ['small', 'c'],
      ['large', 'c'.repeat(large)],
      ['last', 'c'],
    ]);
    t.same(
      cache.getMany(['small', 'large', 'last']).map((text) => text?.length),
      [1, large, 1],
    );
    t.equal(await cache.getOrSet('loaded', () => 'd'.repeat(large)), 'd'.repeat(large));
    t.throws(() => cache.set('large', 'x'.repeat(8 * 2 ** 20)), { code: 'ERR_VALUE_TOO_LONG' });
    const tooLong = 'x'.repeat(8 * 2 ** 20);
    const entries: [string, string][] = [
      ['one', 'x'],
      ['two', tooLong],
    ];
    t.throws(() => cache.setMany(entries), { code: 'ERR_VALUE_TOO_LONG', completed: 1 });
    const table = Table.open(cache.name, { namespace });
    t.teardown(() => table.close());
    t.same(table.verify(), { ok: true, problems: [] });
  },
);

t.test('bytes is the total shared memory that a cache takes', async (t) => {
  for (const [bytes, entries] of [
    [4 * 2 ** 20, 1_000],
    [64 * 2 ** 20, 100_000],
    [20_000_001, 30_000],
  ] as const) {
    const cache = scratchCache(t, { bytes, entries });
    const taken = Segment.list()
      .filter(({ name }) => name.includes(`:${namespace}:${cache.name}`))
      .reduce((sum, segment) => sum + segment.bytes, 0);
    t.ok(taken <= bytes && taken > 0.98 * bytes, `${taken} of ${bytes}`);
    t.equal(cache.stats().bytes, taken);
  }
  t.throws(() => Cache.open({ name: 'too-small', bytes: 2 ** 20, entries: 100_000 }), {
    code: 'ERR_ARGUMENT',
    message: /bytes must be at least \d+ for 100000 entries, got 1048576/,
  });
});

t.test('a full cache evicts the entries that were used least recently', async (t) => {
  const cache = scratchCache<number>(t, { entries: 100 });
  for (let i = 0; i < 1_000; i++) {
    cache.set(`k${i}`, i);
    cache.get('k0');
  }
  t.equal(cache.size, 100);
  t.equal(cache.get('k0'), 0);
  t.equal(cache.get('k999'), 999);
  t.equal(cache.stats().evictions, 900);
});

t.test('a closed handle and a handle on a destroyed cache reject every call', async (t) => {
  const cache = scratchCache(t);
  const { name } = cache;
  cache.set('a', 1);
  const other = Cache.open({ name, bytes: 4 * 2 ** 20, entries: 1_000 });
  const uses: ((cache: Cache) => unknown)[] = [
    (cache) => cache.get('a'),
    (cache) => cache.get('missing'),
    (cache) => cache.has('a'),
    (cache) => cache.set('a', 1),
    (cache) => cache.delete('a'),
    (cache) => cache.clear(),
    (cache) => cache.getMany(['a']),
    (cache) => cache.getMany([]),
    (cache) => cache.setMany([]),
    (cache) => cache.deleteMany([]),
    (cache) => cache.size,
    (cache) => [...cache.keys()],
    (cache) => cache.stats(),
    (cache) => cache.invalidateTag('x'),
    (cache) => cache.destroy(),
  ];
  other.close();
  other.close();
  t.equal(other.isOpen, false);
  for (const use of uses) t.throws(() => use(other), CLOSED, String(use));
  await t.rejects(
    other.getOrSet('a', () => 2),
    CLOSED,
  );
  const third = Cache.open({ name, bytes: 4 * 2 ** 20, entries: 1_000 });
  t.equal(third.get('a'), 1);
  third.destroy();
  t.equal(cache.isOpen, false);
  for (const use of uses) t.throws(() => use(cache), CLOSED, String(use));
  await t.rejects(
    cache.getOrSet('a', () => 2),
    CLOSED,
  );
  const fourth = Cache.open({ name, bytes: 4 * 2 ** 20, entries: 1_000 });
  t.equal(fourth.get('a'), undefined);
  fourth[Symbol.dispose]();
  Cache.destroy(name);
  t.throws(() => Cache.destroy(name), { code: 'ERR_TABLE_NOT_FOUND' });
  t.same(Table.list({ namespace }), []);
});

t.test('expire changes the lifetime of a value, and nothing else', async (t) => {
  const cache = scratchCache(t);
  using clock = useTestClock();
  const long = 'k'.repeat(100);
  cache.set('plain', { n: 1 }, { ttl: 1_000 });
  cache.set('tagged', { n: 2 }, { ttl: 1_000, tags: ['a', 'b'] });
  cache.set('stale', { n: 3 }, { ttl: 1_000, staleTtl: 500 });
  cache.set(long, { n: 4 }, { ttl: 1_000 });
  cache.set('untagged', { n: 5 }, { tags: ['gone'] });
  cache.invalidateTag('gone');
  await cache.getOrSet('absent', () => undefined, { negativeTtl: 1_000 });
  const keys = ['plain', 'tagged', 'stale', long];
  for (const key of keys) t.equal(cache.expire(key, 2_000), true, key);
  for (const key of ['missing', 'untagged', 'absent', 'm'.repeat(100)]) t.equal(cache.expire(key, 9_000), false, key);
  t.same(
    [...keys, 'missing', 'untagged', 'absent'].map((key) => cache.ttl(key)),
    [...[2_000, 2_000, 2_000, 2_000], ...[undefined, undefined, undefined]],
  );
  clock.advance(1_999);
  t.same(cache.getMany(keys), [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }]);
  cache.expire('plain', null);
  t.equal(cache.ttl('plain'), Number.POSITIVE_INFINITY);
  let loads = 0;
  const old = await cache.getOrSet('stale', () => ({ n: ++loads }));
  t.same([old, loads], [{ n: 3 }, 0], 'it is not stale');
  clock.advance(1);
  t.same(cache.getMany(keys), [{ n: 1 }, undefined, undefined, undefined]);
  cache.set('tagged', 1, { ttl: 5, tags: ['a'] });
  cache.expire('tagged', 1_000);
  cache.invalidateTag('a');
  t.equal(cache.has('tagged'), false, 'its tags remain');
  for (const ttl of [0, -1, 1.5, '5', Number.NaN]) {
    t.throws(() => Reflect.apply(cache.expire, cache, ['plain', ttl]), { code: 'ERR_ARGUMENT' }, String(ttl));
  }
  t.throws(() => Reflect.apply(cache.expire, cache, [5, 1]), { code: 'ERR_KEY_INVALID' });
  cache.close();
  t.throws(() => cache.expire('plain', 1), CLOSED);
});

t.test('whoever destroys the table of a cache destroys the cache', async (t) => {
  const ways: ((name: string) => void)[] = [
    (name) => Table.destroy(name),
    (name) => Table.open(name).destroy(),
    (name) => Cache.destroy(name),
  ];
  for (const destroy of ways) {
    const cache = scratchCache(t);
    const { name, namespace } = cache;
    const loading = cache.getOrSet('a', () => new Promise<never>(() => undefined));
    destroy(name);
    t.notOk(cache.isOpen);
    const left = Segment.list().filter((segment) => segment.name.startsWith(`shmtable-cache:${namespace}:${name}`));
    t.same([...left, ...Table.list().filter((table) => table.name.startsWith(name))], []);
    cache.close();
    await t.rejects(loading, { code: 'ERR_TABLE_CLOSED' });
  }
});
