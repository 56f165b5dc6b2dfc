/** ShmTableCacheStore, by itself and with the cache interceptor of undici. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { Agent, type Dispatcher, interceptors, request } from 'undici';
import ShmTableCacheStore, { type CacheStoreOptions } from '../../src/adapters/undici.js';
import { Cache } from '../../src/cache/index.js';
import { useTestClock } from '../../src/table/test-clock.js';
import { scratchOptions } from './scratch-adapter.js';

function scratchStore(t: Test, options: CacheStoreOptions = scratchOptions(t)): ShmTableCacheStore {
  const store = new ShmTableCacheStore(options);
  t.teardown(() => store.close());
  return store;
}

const KEY = { origin: 'http://host', method: 'GET', path: '/a' };

function head(more: object = {}) {
  const now = Date.now();
  return {
    ...{
      statusCode: 200,
      statusMessage: 'OK',
      headers: { 'x-a': '1' },
      cacheControlDirectives: { public: true } as const,
    },
    ...{ cachedAt: now, staleAt: now + 10_000, deleteAt: now + 20_000 },
    ...more,
  };
}

async function write(
  store: ShmTableCacheStore,
  key: object,
  value: object,
  chunks: (string | Buffer)[],
): Promise<void> {
  const stream = Reflect.apply(store.createWriteStream, store, [key, value]);
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await once(stream, 'finish');
}

t.test('invalid options and keys are rejected, and a response that cannot be stored is reported', async (t) => {
  const options = scratchOptions(t);
  for (const wrong of [undefined, {}, { ...options, maxSize: 5 }, { ...options, errorCallback: 5 }]) {
    t.throws(() => Reflect.construct(ShmTableCacheStore, [wrong]), { name: 'ShmTableError', code: 'ERR_ARGUMENT' });
  }
  const reports: unknown[] = [];
  const store = scratchStore(t, { ...options, errorCallback: (error) => reports.push(Reflect.get(error, 'code')) });
  for (const key of [undefined, 'a', {}, { ...KEY, path: 5 }]) {
    t.throws(() => Reflect.apply(store.get, store, [key]), { code: 'ERR_ARGUMENT' });
  }
  await t.rejects(write(store, KEY, head(), [Buffer.alloc(options.bytes)]), { code: 'ERR_VALUE_TOO_LONG' });
  t.same(reports, ['ERR_VALUE_TOO_LONG']);
  // A response that never ends is given up when it is longer than the memory.
  const endless = Reflect.apply(store.createWriteStream, store, [KEY, head()]);
  const failed = once(endless, 'error');
  const chunk = Buffer.alloc(2 ** 20);
  for (let bytes = 0; bytes <= options.bytes && endless.writable; bytes += chunk.length) endless.write(chunk);
  t.equal(endless.writable, false);
  t.match(await failed, [{ code: 'ERR_VALUE_TOO_LONG' }]);
  t.same(reports, ['ERR_VALUE_TOO_LONG', 'ERR_VALUE_TOO_LONG']);
  t.equal(store.get(KEY), undefined);
});

t.test('a response is found as it was written, by every store of the same name', async (t) => {
  const options = scratchOptions(t);
  const [one, other] = [scratchStore(t, options), scratchStore(t, options)];
  const value = head({ etag: '"e"' });
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  await write(one, KEY, value, [bytes.subarray(0, 100), bytes.subarray(100), 'é']);
  const found = other.get(KEY);
  t.match(found, value);
  t.same(found?.body, Buffer.concat([bytes, Buffer.from('é')]));
  for (const key of [
    { ...KEY, method: 'HEAD' },
    { ...KEY, path: '/b' },
    { ...KEY, origin: 'http://other' },
  ]) {
    t.equal(other.get(key), undefined);
  }
  await write(one, KEY, head(), ['new']);
  t.equal(String(other.get(KEY)?.body), 'new');
  await write(one, { ...KEY, path: '/past' }, head({ deleteAt: Date.now() - 1 }), ['x']);
  t.equal(other.get({ ...KEY, path: '/past' }), undefined);
  await write(one, { ...KEY, method: 'HEAD' }, head(), []);
  await write(one, { ...KEY, path: '/b' }, head(), ['b']);
  other.delete(KEY);
  t.same([one.get(KEY), one.get({ ...KEY, method: 'HEAD' })], [undefined, undefined], 'all methods');
  t.equal(String(one.get({ ...KEY, path: '/b' })?.body), 'b');
});

t.test('a response that was requested before its URL was invalidated is not kept', async (t) => {
  const options = scratchOptions(t);
  const [one, other] = [scratchStore(t, options), scratchStore(t, options)];
  const requested = { ...KEY };
  t.equal(one.get(requested), undefined);
  other.delete({ ...KEY });
  await write(one, requested, head(), ['old']);
  t.equal(other.get({ ...KEY }), undefined);
  const stream = Reflect.apply(one.createWriteStream, one, [{ ...KEY }, head()]);
  stream.write('old');
  other.delete({ ...KEY });
  stream.end();
  await once(stream, 'finish');
  t.equal(other.get({ ...KEY }), undefined, 'also if its beginning was there');
  t.equal(one.get(requested), undefined);
  await write(one, requested, head(), ['new']);
  t.equal(String(other.get({ ...KEY })?.body), 'new');
});

t.test('a test clock decides when a response expires', async (t) => {
  using clock = useTestClock(new Date('2040-01-01'));
  const store = scratchStore(t);
  await write(store, KEY, head({ deleteAt: clock.now() + 20_000 }), ['a']);
  clock.advance(19_999);
  t.equal(String(store.get(KEY)?.body), 'a');
  clock.advance(1);
  t.equal(store.get(KEY), undefined);
});

t.test('responses vary by headers', async (t) => {
  const cache = Cache.open(scratchOptions(t));
  t.teardown(() => cache.close());
  // A cache that stores JSON can be used too.
  const store = scratchStore(t, { cache });
  const bodyFor = (headers?: object): string | undefined => {
    const found = Reflect.apply(store.get, store, [{ ...KEY, headers }]);
    return found === undefined ? undefined : String(found.body);
  };
  await write(store, KEY, head({ vary: { 'accept-language': 'de' } }), ['de']);
  await write(store, KEY, head({ vary: { 'accept-language': ['de', 'en'] } }), ['list']);
  await write(store, KEY, head({ vary: { 'accept-language': null } }), ['none']);
  t.same(
    [
      ...[
        { 'accept-language': 'de', other: 'x' },
        { 'accept-language': ['de', 'en'] },
        { 'accept-language': 'fr' },
        {},
      ].map(bodyFor),
      bodyFor(),
    ],
    ['de', 'list', undefined, 'none', 'none'],
  );
  await write(store, KEY, head({ vary: { 'accept-language': 'fr', accept: 'text/html' } }), ['both']);
  t.equal(bodyFor({ 'accept-language': 'fr', accept: 'text/html' }), 'both');
  t.equal(bodyFor({ 'accept-language': 'fr' }), undefined);
  t.equal(bodyFor({ 'accept-language': 'de', accept: 'text/html' }), 'de');
  store.delete(KEY);
  t.equal(bodyFor({ 'accept-language': 'de' }), undefined);
});

t.test(
  "undici's interceptor shares responses between agents, with Vary and invalidation by unsafe methods",
  async (t) => {
    const options = scratchOptions(t);
    let served = 0;
    const server = createServer((request: IncomingMessage, response) => {
      served++;
      if (request.url === '/vary') response.setHeader('vary', 'accept-language');
      response.setHeader('cache-control', request.url === '/no-store' ? 'no-store' : 'public, max-age=60');
      response.end(`${request.url} ${request.headers['accept-language'] ?? ''} ${served}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const agents = [0, 1].map(() => {
      const agent = new Agent();
      t.teardown(() => agent.close());
      return agent.compose(interceptors.cache({ store: scratchStore(t, options) }));
    });
    const get = async (
      agent: number,
      path: string,
      headers: Record<string, string> = {},
      method: Dispatcher.HttpMethod = 'GET',
    ) => (await request(`${origin}${path}`, { dispatcher: agents[agent], headers, method })).body.text();

    t.same([await get(0, '/a'), await get(1, '/a'), await get(0, '/a')], ['/a  1', '/a  1', '/a  1']);
    t.same([await get(0, '/no-store'), await get(1, '/no-store')], ['/no-store  2', '/no-store  3']);
    const [de, fr] = ['de', 'fr'].map((language) => ({ 'accept-language': language }));
    t.same(
      [await get(0, '/vary', de), await get(1, '/vary', fr), await get(1, '/vary', de), await get(0, '/vary', fr)],
      ['/vary de 4', '/vary fr 5', '/vary de 4', '/vary fr 5'],
    );
    await get(1, '/a', {}, 'POST');
    t.equal(await get(0, '/a'), '/a  7', 'a POST to a URL removes its response');
  },
);
