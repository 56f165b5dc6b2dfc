/** ShmTableCacheHandler, called as Next calls it; `test/compat/next.long.test.ts` runs it in Next. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import ShmTableCacheHandler, { type NextCacheOptions } from '../../src/adapters/next.js';
import { Cache } from '../../src/cache/index.js';
import { Table } from '../../src/index.js';
import { useTestClock } from '../../src/table/test-clock.js';
import { eventually } from '../fixtures/deadline.js';
import { scratchOptions } from './scratch-adapter.js';

type Handlers = ReturnType<typeof ShmTableCacheHandler.with>;

/** Two classes of one cache, as two processes have them. */
function twoOf(t: Test, options: NextCacheOptions = scratchOptions(t)): [Handlers, Handlers] {
  const both = [ShmTableCacheHandler.with(options), ShmTableCacheHandler.with(options)] as [Handlers, Handlers];
  t.teardown(() => both.map((each) => each.close()));
  return both;
}

const HOUR = { revalidate: 3_600, expire: 86_400 };
const PAGES = { kind: 'APP_PAGE' };

function page(text: string, tags: string[] = []) {
  return {
    ...{ kind: 'APP_PAGE', html: `<p>${text} é</p>`, status: 200 },
    headers: { 'x-next-cache-tags': tags.join(','), 'x-other': ['a', 'b'] },
    rscData: Buffer.from([0, 128, 255]),
    segmentData: new Map([['/_tree', Buffer.from(text)]]),
  };
}

function answer(body: string) {
  return { kind: 'FETCH', data: { headers: { a: '1' }, body, status: 200, url: 'http://host/' }, revalidate: 60 };
}

t.test('invalid options and keys are rejected, and a value that cannot be stored is an error', async (t) => {
  const options = scratchOptions(t);
  for (const wrong of [undefined, {}, { ...options, size: 5 }, { ...options, bytes: 5 }]) {
    const handlers = Reflect.apply(ShmTableCacheHandler.with, undefined, [wrong]) as Handlers;
    await t.rejects(new handlers().get('/a', PAGES), { name: 'ShmTableError', code: 'ERR_ARGUMENT' });
    await t.rejects(handlers.get('key'), { code: 'ERR_ARGUMENT' });
  }
  const [handlers] = twoOf(t, options);
  const handler = new handlers();
  for (const key of [undefined, 5]) {
    await t.rejects(Reflect.apply(handler.get, handler, [key, PAGES]), { code: 'ERR_KEY_INVALID' });
    await t.rejects(Reflect.apply(handler.set, handler, [key, page('a'), {}]), { code: 'ERR_KEY_INVALID' });
    await t.rejects(Reflect.apply(handlers.get, handlers, [key]), { code: 'ERR_KEY_INVALID' });
  }
  await t.rejects(handler.set('/a', page('x'.repeat(options.bytes)), {}), { code: 'ERR_VALUE_TOO_LONG' });
  await t.rejects(handlers.set('key', entryOf('x'.repeat(options.bytes))), { code: 'ERR_VALUE_TOO_LONG' });
  t.equal(await handler.get('/a', PAGES), null);
  t.equal(await handlers.get('key'), undefined);
  for (const tags of [[5], undefined]) {
    await t.rejects(Reflect.apply(handler.revalidateTag, handler, [tags]), { code: 'ERR_ARGUMENT' });
  }
  for (const expire of [Number.NaN, '60']) {
    await t.rejects(Reflect.apply(handlers.updateTags, handlers, [['x'], { expire }]), { code: 'ERR_ARGUMENT' });
  }
});

t.test('another process finds an entry as it was set', async (t) => {
  const cache = Cache.open(scratchOptions(t));
  t.teardown(() => cache.close());
  // A cache that stores JSON keeps bytes and maps too.
  for (const options of [scratchOptions(t), { cache }]) {
    const [one, other] = twoOf(t, options);
    const route = { kind: 'APP_ROUTE', body: Buffer.from([1, 200]), status: 200, headers: {} };
    const image = { kind: 'IMAGE', etag: 'e', upstreamEtag: 'u', buffer: Buffer.from([9]), extension: 'webp' };
    await new one().set('/a', page('a'), { cacheControl: HOUR });
    await new one().set('/b', route, { cacheControl: { revalidate: false } });
    await new one().set('/none', null, { cacheControl: HOUR });
    await new one().set('f', answer('x'), { fetchCache: true, tags: ['t'] });
    await new one().set('i', image, { kind: 'IMAGE' });
    const found = await new other().get('/a', PAGES);
    t.same(found?.value, page('a'));
    t.same(found?.cacheControl, HOUR);
    t.ok(Math.abs(Number(found?.lastModified) - Date.now()) < 60_000);
    t.same((await new other().get('/b', { kind: 'APP_ROUTE' }))?.value, route);
    t.match(await new other().get('/none', PAGES), { value: null });
    t.same((await new other().get('f', { kind: 'FETCH' }))?.value, answer('x'));
    t.same((await new other().get('i', { kind: 'IMAGE' }))?.value, image);
    t.equal(await new other().get('f', PAGES), null);
    t.equal(await new other().get('/missing', PAGES), null);
    one.close();
    t.match(await new one().get('/a', PAGES), { value: { status: 200 } }, 'a closed one opens it again');
  }
  t.equal(cache.isOpen, true);
});

t.test('memory that was destroyed while Next runs is created again', async (t) => {
  const options = scratchOptions(t);
  const [one, other] = twoOf(t, options);
  const destroys = [() => Cache.destroy(options.name), () => Table.destroy(`${options.name}.tags`)];
  for (const destroy of destroys) {
    await new one().set('/a', page('a', ['x']), { cacheControl: HOUR });
    await new one().set('/b', page('b', ['y']), { cacheControl: HOUR });
    t.ok(await new other().get('/a', PAGES));
    await new other().revalidateTag('y');
    destroy();
    t.equal(await new one().get('/b', PAGES), null, 'what was revalidated before remains so');
    await new other().revalidateTag('x');
    t.equal(await new one().get('/a', PAGES), null);
    await new one().set('/a', page('a', ['x']), { cacheControl: HOUR });
    t.ok(await new other().get('/a', PAGES));
  }
});

t.test('pages belong to one build; fetched responses are shared by all builds', async (t) => {
  const [one, other] = twoOf(t);
  const folders = ['old', 'new'].map((id) => {
    const folder = t.testdirName;
    mkdirSync(join(folder, id, 'server'), { recursive: true });
    writeFileSync(join(folder, id, 'BUILD_ID'), id);
    return join(folder, id, 'server');
  });
  const [before, after] = folders.map((serverDistDir) => ({ serverDistDir }));
  await new one(before).set('/a', page('a'), { cacheControl: HOUR });
  await new one(before).set('f', answer('x'), { fetchCache: true });
  t.match(await new other(before).get('/a', PAGES), { value: { kind: 'APP_PAGE' } });
  t.equal(await new other(after).get('/a', PAGES), null);
  t.match(await new other(after).get('f', { kind: 'FETCH' }), { value: { kind: 'FETCH' } });
  process.env.NEXT_PHASE = 'phase-production-build';
  t.teardown(() => {
    delete process.env.NEXT_PHASE;
  });
  const unopened = ShmTableCacheHandler.with({ name: `unopened-${process.pid}` });
  await new unopened().set('f', answer('x'), { fetchCache: true });
  await new unopened().revalidateTag('t');
  await unopened.set('k', entryOf('v'));
  t.same([await new unopened().get('f', { kind: 'FETCH' }), await unopened.get('k')], [null, undefined]);
  t.notOk(Table.list().some(({ name }) => name === `unopened-${process.pid}`));
});

t.test('revalidateTag removes all entries with the tag, in all processes', async (t) => {
  const [one, other] = twoOf(t);
  await new one().set('/a', page('a', ['x', '_N_T_/a']), { cacheControl: HOUR });
  await new one().set('/b', page('b', ['y', '_N_T_/b']), { cacheControl: HOUR });
  await new one().set('f', answer('x'), { fetchCache: true, tags: ['x'] });
  await new one().set('g', answer('y'), { fetchCache: true, tags: [] });
  await new other().revalidateTag('x');
  t.equal(await new one().get('/a', PAGES), null);
  t.equal(await new one().get('f', { kind: 'FETCH', tags: ['x'] }), null);
  t.ok(await new one().get('/b', PAGES));
  t.ok(await new one().get('g', { kind: 'FETCH', softTags: ['_N_T_/a'] }));
  t.equal(await new one().get('g', { kind: 'FETCH', tags: ['x'] }), null, 'also by a tag that the caller names');
  await new other().revalidateTag(['_N_T_/b', '_N_T_/a']);
  t.equal(await new one().get('/b', PAGES), null);
  t.equal(await new one().get('g', { kind: 'FETCH', softTags: ['_N_T_/a'] }), null, 'also by that of the page');
  t.equal(await new one({ revalidatedTags: ['z'] }).get('g', { kind: 'FETCH', tags: ['z'] }), null);
  await new one().set('/a', page('new', ['x']), { cacheControl: HOUR });
  t.ok(await new other().get('/a', PAGES), 'entries that are created afterwards remain');
});

t.test('an entry that was created from data from before a revalidation is not kept', async (t) => {
  const [one, other] = twoOf(t);
  const request = new one();
  t.equal(await request.get('/a', PAGES), null);
  // The page reads its data; another process changes them.
  await new other().revalidateTag('x');
  await request.set('/a', page('old', ['x']), { cacheControl: HOUR });
  t.equal(await new one().get('/a', PAGES), null);
  const entry = entryOf('old', { tags: ['x'], timestamp: Date.now() - 50 });
  await one.updateTags(['x']);
  await one.set('k', entry);
  t.equal(await other.get('k'), undefined);

  // A page that is found may be rendered again because of its age, at the same time as another request asks for it.
  await new one().set('/b', page('b', ['y']), { cacheControl: { revalidate: 1, expire: 3_600 } });
  const aged = new one();
  t.ok(await aged.get('/b', PAGES));
  await new other().revalidateTag('y', { expire: 3_600 });
  t.ok(await aged.get('/b', PAGES));
  await aged.set('/b', page('old', ['y']), { cacheControl: HOUR });
  const found = await new one().get('/b', PAGES);
  t.ok(Number(found?.lastModified) + HOUR.revalidate * 1_000 < Date.now(), 'it is stale');
  // A page or response that is revalidated on demand is not looked up.
  const onDemand = new one();
  await new other().revalidateTag('z');
  await onDemand.set('/c', page('old', ['z']), { cacheControl: HOUR });
  await onDemand.set('f', answer('old'), { fetchCache: true, tags: ['z'] });
  t.equal(await new one().get('/c', PAGES), null);
  t.equal(await new one().get('f', { kind: 'FETCH', tags: ['z'] }), null);
});

t.test('a change of the wall clock changes neither the age of an entry nor what a revalidation affects', async (t) => {
  const [one, other] = twoOf(t);
  // Next's clock in a process is that of its start: this one began before the wall clock was set, or the machine slept.
  const { now } = performance;
  const setClock = (ms: number): void => {
    performance.now = () => now.call(performance) + ms;
  };
  t.teardown(() => {
    performance.now = now;
  });
  const clock = (): number => performance.timeOrigin + performance.now();
  for (const ms of [3_600_000, -3_600_000]) {
    setClock(ms);
    const timestamp = clock() - 50;
    await one.updateTags(['x']);
    await one.set('old', entryOf('old', { tags: ['x'], timestamp }));
    t.equal(await one.get('old'), undefined, 'it was created from data from before the revalidation');
    await eventually('a later millisecond', () => clock() - timestamp > 55);
    await one.set('k', entryOf('v', { tags: ['x'], timestamp: clock() }));
    await new one().set('/a', page('a'), { cacheControl: HOUR });
    await new one().set('f', answer('x'), { fetchCache: true });
    for (const reader of [ms, 0]) {
      setClock(reader);
      const times = [
        (await other.get('k'))?.timestamp,
        (await new other().get('/a', PAGES))?.lastModified,
        (await new other().get('f', { kind: 'FETCH' }))?.lastModified,
      ];
      for (const time of times) t.ok(Math.abs(Number(time) - clock()) < 60_000, `${time} is now`);
    }
  }
});

t.test('with a profile, entries with the tag are stale until the profile expires', async (t) => {
  using clock = useTestClock();
  const [one, other] = twoOf(t);
  const stale = (found: Awaited<ReturnType<InstanceType<Handlers>['get']>>): boolean => {
    const revalidate = found?.cacheControl?.revalidate;
    return found !== null && typeof revalidate === 'number' && found.lastModified + revalidate * 1_000 < clock.now();
  };
  await new one().set('/a', page('a', ['x']), { cacheControl: HOUR });
  await new one().set('/b', page('b', ['x']), { cacheControl: { revalidate: false } });
  await new one().set('f', answer('x'), { fetchCache: true, tags: ['x'] });
  t.equal(stale(await new other().get('/a', PAGES)), false);
  await new other().revalidateTag('x', { expire: 60 });
  const found = await new one().get('/a', PAGES);
  t.equal(stale(found), true);
  t.ok(Number(found?.lastModified) + HOUR.expire * 1_000 > clock.now(), 'stale, but not over');
  t.equal(stale(await new one().get('/b', PAGES)), true);
  const fetched = await new one().get('f', { kind: 'FETCH', tags: ['x'], revalidate: 60 });
  t.ok(Number(fetched?.lastModified) + 60_000 < clock.now());
  const request = new one();
  await request.get('/a', PAGES);
  await request.set('/a', page('new', ['x']), { cacheControl: HOUR });
  t.equal(stale(await new other().get('/a', PAGES)), false);
  clock.advance(59_999);
  t.ok(await new one().get('/b', PAGES));
  await new other().revalidateTag('x', {});
  clock.advance(1);
  t.equal(await new one().get('/b', PAGES), null, 'a later call does not extend it');
  await new other().revalidateTag('x', { expire: 60 });
  t.equal(await new one().get('/b', PAGES), null);
  await new one().set('/a', page('newer', ['x']), { cacheControl: HOUR });
  t.equal(stale(await new other().get('/a', PAGES)), false);
  clock.advance(86_400_000);
  t.equal(await new one().get('/a', PAGES), null, 'a page is kept until it expires');
});

function entryOf(text: string, more: { tags?: string[]; expire?: number; timestamp?: number } = {}) {
  const value = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(Buffer.from(text));
      controller.enqueue(Buffer.from([0, 255]));
      controller.close();
    },
  });
  return Promise.resolve({
    ...{ value, tags: [], stale: 300, revalidate: 900, expire: 3_600, timestamp: Date.now() },
    ...more,
  });
}

async function textOf(stream: ReadableStream<Uint8Array> | undefined): Promise<string> {
  const chunks: Uint8Array[] = [];
  if (stream !== undefined) for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

t.test('entries of `use cache` are shared, with their tags and expiry', async (t) => {
  const [one, other] = twoOf(t);
  await one.refreshTags();
  t.equal(await one.getExpiration(['x']), Number.POSITIVE_INFINITY);
  const key = JSON.stringify(['build', 'id', 'x'.repeat(300)]);
  const entry = await entryOf('value', { tags: ['x'] });
  await one.set(key, Promise.resolve(entry));
  for (let i = 0; i < 2; i++) {
    const found = await other.get(key, ['_N_T_/a']);
    t.equal(await textOf(found?.value), 'value\0\xff', 'each caller has its own stream');
    t.match(found, { tags: ['x'], stale: 300, revalidate: 900, expire: 3_600 });
    t.ok(Math.abs(Number(found?.timestamp) - entry.timestamp) < 1_000);
  }
  await other.updateTags(['x'], { expire: 3_600 });
  t.equal((await one.get(key))?.revalidate, -1, 'stale');
  await new other().revalidateTag('x');
  t.equal(await one.get(key), undefined);
  // An entry of the millisecond in which a tag was revalidated counts as older.
  const revalidated = Date.now();
  await eventually('a later millisecond', () => Date.now() > revalidated);
  await one.set(key, entryOf('new', { tags: ['x'] }));
  await other.updateTags(['_N_T_/a']);
  t.equal(await one.get(key, ['_N_T_/a']), undefined);
  t.equal(await textOf((await one.get(key, ['_N_T_/b']))?.value), 'new\0\xff');

  await one.set('dynamic', entryOf('a', { expire: 0 }));
  t.equal(await one.get('dynamic'), undefined);
  using clock = useTestClock();
  const cache = Cache.open({ ...scratchOptions(t), staleTtl: 86_400_000 });
  t.teardown(() => cache.close());
  const [beside] = twoOf(t, { cache });
  await beside.set('short', entryOf('a', { expire: 60 }));
  await new beside().set('/a', page('a'), { cacheControl: { revalidate: 1, expire: 60 } });
  await one.set('short', entryOf('a', { expire: 60 }));
  clock.advance(59_999);
  t.ok(await other.get('short'));
  clock.advance(1);
  t.equal(await other.get('short'), undefined);
  t.same(
    [await beside.get('short'), await new beside().get('/a', PAGES)],
    [undefined, null],
    'whatever its stale time',
  );
});

t.test('callers wait for an entry that is being created, and one whose creation fails is not kept', async (t) => {
  const [one] = twoOf(t);
  let make = (_: Awaited<ReturnType<typeof entryOf>>): void => {};
  const pending = new Promise<Awaited<ReturnType<typeof entryOf>>>((resolve) => {
    make = resolve;
  });
  const setting = one.set('k', pending);
  const getting = one.get('k');
  make(await entryOf('v'));
  t.equal(await textOf((await getting)?.value), 'v\0\xff');
  await setting;
  const broken = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(Buffer.from('part'));
      controller.error(new Error('broken'));
    },
  });
  await one.set('k', Promise.resolve({ ...(await entryOf('')), value: broken }));
  t.equal(await textOf((await one.get('k'))?.value), 'v\0\xff', 'the older one remains');
  await t.rejects(one.set('k', Promise.reject(new Error('no entry'))), { message: 'no entry' });
});

t.test('destroying the cache removes the times of revalidations too', async (t) => {
  const [handlers] = twoOf(t);
  await handlers.updateTags(['a']);
  const [{ name }] = Table.list();
  t.same(
    Table.list().map((table) => table.name),
    [name, `${name}.loads`, `${name}.tags`],
  );
  Cache.destroy(name);
  t.same(Table.list(), []);
});
