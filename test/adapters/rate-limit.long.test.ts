/** The stores and the limiter of shmtable/rate-limit, by themselves and with their libraries. */
import { execFile } from 'node:child_process';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import fastifyRateLimit from '@fastify/rate-limit';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import Fastify from 'fastify';
import { BurstyRateLimiter, RateLimiterMemory, RateLimiterUnion } from 'rate-limiter-flexible';
import t, { type Test } from 'tap';
import {
  ExpressRateLimitStore,
  FastifyRateLimitStore,
  RateLimiterShmTable,
  type RateLimiterShmTableOptions,
} from '../../src/adapters/rate-limit.js';
import { Cache } from '../../src/cache/index.js';
import { Table } from '../../src/index.js';
import { useTestClock } from '../../src/table/test-clock.js';
import { within } from '../fixtures/deadline.js';
import { tries } from '../fixtures/tries.js';
import { fixturePath } from '../table/child.js';
import { FrameworkServer } from './framework-server.js';
import { scratchOptions } from './scratch-adapter.js';

function scratchLimiter(t: Test, options: RateLimiterShmTableOptions): RateLimiterShmTable {
  const limiter = new RateLimiterShmTable(options);
  t.teardown(() => limiter.close());
  return limiter;
}

/** The value with which a promise rejects: for rate-limiter-flexible, a result. */
function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'not refused',
    (result) => result,
  );
}

t.test('invalid options and keys are rejected', async (t) => {
  const options = scratchOptions(t);
  const wrong: unknown[] = [undefined, {}, { ...options, bytes: 1_000 }, { cache: 5 }, { ...options, point: 5 }];
  for (const make of [
    (options: unknown) => Reflect.construct(ExpressRateLimitStore, [options]),
    (options: unknown) => Reflect.construct(RateLimiterShmTable, [options]),
    (options: unknown) => Reflect.construct(FastifyRateLimitStore, [{}, options ?? 5]),
  ]) {
    for (const options of wrong)
      t.throws(() => make(options), { code: /^ERR_(ARGUMENT|SCHEMA_INVALID)$/ }, JSON.stringify(options));
  }
  const store = new ExpressRateLimitStore(options);
  t.teardown(() => store.shutdown());
  await t.rejects(Reflect.apply(store.increment, store, [{}]), { code: 'ERR_KEY_INVALID' });
  const limiter = scratchLimiter(t, { ...options, points: 1, duration: 1 });
  for (const points of [1.5, Number.NaN, 'x', '1.5']) {
    await t.rejects(Reflect.apply(limiter.consume, limiter, ['a', points]), { code: 'ERR_ARGUMENT' }, String(points));
  }
  t.equal(await limiter.get('a'), null);
});

t.test('limits are exact across four processes', async (t) => {
  const { name } = scratchOptions(t);
  const run = promisify(execFile);
  const times = 500;
  const points = 700;
  const outputs = await Promise.all(
    Array.from({ length: 4 }, () =>
      run(process.execPath, [fixturePath('limit-hitter'), name, `${times}`, `${points}`]),
    ),
  );
  const allowed = outputs.map(({ stdout }) => JSON.parse(stdout) as Record<string, number>);
  for (const limiter of ['express', 'fastify', 'flexible']) {
    t.equal(
      allowed.map((one) => one[limiter]).reduce((sum, count) => sum + count),
      points,
      limiter,
    );
  }
});

for (const framework of ['express', 'fastify', 'flexible'].slice(0, tries(1, 3))) {
  t.test(`four processes with ${framework} share a limit exactly, while one is killed occasionally`, async (t) => {
    const { name } = scratchOptions(t);
    const limit = 70;
    const servers = Array.from(
      { length: 4 },
      () => new FrameworkServer(t, 'limit-server', [framework, name, `${limit}`]),
    );
    const requests = 120;
    let done = 0;
    let allowed = 0;
    let refused = 0;
    let lost = 0;
    const client = async (): Promise<void> => {
      while (done < requests) {
        const number = done++;
        try {
          const { status } = await servers[number % 4].request('/');
          if (status === 200) allowed++;
          else if (status === 429) refused++;
          else t.fail(`status ${status}`);
        } catch {
          // The process was killed. The request may have been counted.
          lost++;
        }
        if (number % 50 === 49) await servers[number % 3].replace();
      }
    };
    await within(60_000, 'clients', Promise.all(Array.from({ length: 8 }, client)));
    t.equal(allowed + refused + lost, requests);
    t.ok(allowed <= limit && allowed >= limit - lost, `${allowed} of ${limit} were allowed, ${lost} were lost`);
    t.equal((await servers[3].request('/')).status, 429);
  });
}

t.test('the end of a window is a time of the test clock', async (t) => {
  using clock = useTestClock(new Date('2040-01-01'));
  const store = new ExpressRateLimitStore(scratchOptions(t));
  t.teardown(() => store.shutdown());
  const { resetTime } = await store.increment('a');
  t.equal(Number(resetTime), clock.now() + 60_000);
});

t.test('a window of length 0 ends with each hit', async (t) => {
  const options = scratchOptions(t);
  const store = new ExpressRateLimitStore(options);
  t.teardown(() => store.shutdown());
  const fastify = new FastifyRateLimitStore({}, options);
  for (const windowMs of [0, -1, Number.NaN]) {
    store.init({ windowMs });
    for (let i = 0; i < 3; i++) {
      const { totalHits, resetTime } = await store.increment('a');
      t.equal(totalHits, 1);
      t.ok(Number(resetTime) <= Date.now());
      fastify.incr('b', (_, result) => t.same(result, { current: 1, ttl: 0 }), windowMs, 1);
    }
  }
  t.equal(await store.get('a'), undefined);
});

t.test('express-rate-limit counts hits in windows', async (t) => {
  const options = scratchOptions(t);
  const stores = [0, 1].map(() => new ExpressRateLimitStore(options));
  const other = new ExpressRateLimitStore({ ...options, prefix: 'other:' });
  t.teardown(() => [...stores, other].map((store) => store.shutdown()));
  const urls: string[] = [];
  for (const store of stores) {
    const app = express();
    app.use(rateLimit({ store, windowMs: 60_000, limit: 3, standardHeaders: 'draft-6', legacyHeaders: false }));
    app.get('/', (_, response) => void response.send('ok'));
    const server = createServer(app as RequestListener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  }
  const statuses: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    const answer = await fetch(urls[i % 2]);
    statuses.push([answer.status, answer.headers.get('ratelimit-remaining')]);
    await answer.arrayBuffer();
  }
  t.same(statuses, [
    [200, '2'],
    [200, '1'],
    [200, '0'],
    [429, '0'],
  ]);

  const [store] = stores;
  t.equal((await other.increment('a')).totalHits, 1);
  await store.increment('a');
  const { totalHits, resetTime } = await store.increment('a');
  t.equal(totalHits, 2);
  const left = Number(resetTime) - Date.now();
  t.ok(left > 50_000 && left <= 60_000, `${left}`);
  await store.decrement('a');
  t.equal((await stores[1].get('a'))?.totalHits, 1);
  for (let i = 0; i < 3; i++) await store.decrement('a');
  t.equal((await store.get('a'))?.totalHits, 0, 'never below 0');
  await store.decrement('missing');
  t.equal(await store.get('missing'), undefined);
  await store.resetKey('a');
  t.equal(await store.get('a'), undefined);
  t.equal((await other.get('a'))?.totalHits, 1);
  await store.resetAll();
  t.equal(await other.get('a'), undefined);
});

t.test('a window begins with its first hit, and ends', async (t) => {
  using clock = useTestClock();
  const store = new ExpressRateLimitStore(scratchOptions(t));
  t.teardown(() => store.shutdown());
  store.init({ windowMs: 1_000 });
  for (const [ms, hits] of [
    [0, 1],
    [600, 2],
    [399, 3],
    [1, 1],
  ]) {
    clock.advance(ms);
    t.equal((await store.increment('k'.repeat(300))).totalHits, hits);
  }
});

t.test('@fastify/rate-limit has its windows, backoff, routes and groups', async (t) => {
  using clock = useTestClock();
  const options = scratchOptions(t);
  const apps = await Promise.all(
    [0, 1].map(async () => {
      const app = Fastify();
      t.teardown(() => app.close());
      await app.register(fastifyRateLimit, {
        max: 2,
        timeWindow: 1_000,
        store: FastifyRateLimitStore.with(options),
        ban: 3,
      });
      app.get('/', async () => 'ok');
      const limited = (url: string, rateLimit: object) => app.get(url, { config: { rateLimit } }, async () => 'ok');
      limited('/own', { max: 1, timeWindow: 1_000 });
      limited('/continue', { max: 1, timeWindow: 1_000, continueExceeding: true });
      limited('/backoff', { max: 1, timeWindow: 1_000, exponentialBackoff: true });
      limited('/none', { max: 1, timeWindow: 0 });
      return app;
    }),
  );
  let turn = 0;
  const hit = async (url: string): Promise<[number, number]> => {
    const { statusCode, headers } = await apps[turn++ % 2].inject(url);
    return [statusCode, Number(headers['x-ratelimit-reset'])];
  };
  t.same(
    [await hit('/'), await hit('/'), await hit('/')].map(([status]) => status),
    [200, 200, 429],
  );
  t.same(
    [await hit('/own'), await hit('/own')].map(([status]) => status),
    [200, 429],
    'a route has its own counters',
  );
  t.same(
    [await hit('/'), await hit('/'), await hit('/')].map(([status]) => status),
    [429, 429, 403],
    'banned',
  );
  clock.advance(1_000);
  t.equal((await hit('/'))[0], 200);

  t.same(
    [await hit('/continue'), await hit('/continue')],
    [
      [200, 1],
      [429, 1],
    ],
  );
  clock.advance(900);
  t.same(await hit('/continue'), [429, 1], 'restarts the window');
  clock.advance(900);
  t.equal((await hit('/continue'))[0], 429);
  clock.advance(1_000);
  t.equal((await hit('/continue'))[0], 200);

  const resets: number[] = [];
  for (let i = 0; i < 5; i++) resets.push((await hit('/backoff'))[1]);
  t.same(resets, [1, 1, 2, 4, 8], 'each excess hit doubles the window');
  clock.advance(7_999);
  t.equal((await apps[0].inject('/backoff')).statusCode, 403);
  for (let i = 0; i < 3; i++) t.equal((await hit('/none'))[0], 200);

  const store = new FastifyRateLimitStore({}, options);
  const read = (key: string) => new Promise((resolve) => store.read(key, (_, result) => resolve(result)));
  t.same(await read('unknown'), { current: 0, ttl: 0 });
  store.incr('known', () => {}, 1_000, 5);
  Reflect.apply(store.incr, store, [45, () => {}, 1_000, 5]);
  t.match(await read('45'), { current: 1 }, 'a number is a key too');
  t.same(
    [await read('known'), await read('known')],
    [
      { current: 1, ttl: 1_000 },
      { current: 1, ttl: 1_000 },
    ],
  );
  t.throws(
    () =>
      Reflect.apply(store.incr, store, [
        {},
        (error: unknown) => {
          throw error;
        },
        1,
        1,
      ]),
    { code: 'ERR_KEY_INVALID' },
  );
});

t.test('rate-limiter-flexible has its methods and wrappers', async (t) => {
  using clock = useTestClock();
  const options = scratchOptions(t);
  const limiter = scratchLimiter(t, { ...options, points: 2, duration: 1, keyPrefix: 'a', blockDuration: 10 });
  const other = scratchLimiter(t, { ...options, points: 2, duration: 1, keyPrefix: 'a', blockDuration: 10 });

  t.match(await limiter.consume('k'), {
    consumedPoints: 1,
    remainingPoints: 1,
    isFirstInDuration: true,
    msBeforeNext: 1_000,
  });
  t.match(await other.consume('k'), { consumedPoints: 2, remainingPoints: 0, isFirstInDuration: false });
  t.match(await refusal(limiter.consume('k')), { msBeforeNext: 10_000, remainingPoints: 0 }, 'blocked');
  clock.advance(9_999);
  t.match(await refusal(other.consume('k')), { consumedPoints: 4 }, 'for all');
  clock.advance(1);
  t.match(await limiter.consume('k'), { consumedPoints: 1 });

  t.match(await limiter.penalty('p', 2), { consumedPoints: 2 });
  t.match(await other.reward('p'), { consumedPoints: 1 });
  t.match(await limiter.reward('new'), { consumedPoints: -1, remainingPoints: 3 });
  t.match(await limiter.set('s', 5, 60), { consumedPoints: 5, msBeforeNext: 60_000 });
  t.match(await other.get('s'), { consumedPoints: 5, remainingPoints: 0, msBeforeNext: 60_000 });
  t.match(await limiter.block('b', 30), { msBeforeNext: 30_000 });
  t.match(await refusal(other.consume('b')), { remainingPoints: 0 });
  t.match(await limiter.block('forever', 0), { msBeforeNext: -1 });
  clock.advance(1_000_000);
  t.match(await refusal(other.consume('forever')), { msBeforeNext: -1 });
  t.same([await limiter.delete('forever'), await limiter.delete('forever')], [true, false]);
  t.equal(await limiter.get('forever'), null);

  class Doubled extends RateLimiterShmTable {
    double(key: string) {
      return this.consume(key, 2);
    }
  }
  const doubled = new Doubled({ ...options, points: 2, duration: 1, keyPrefix: 'doubled' });
  t.teardown(() => doubled.close());
  t.match(await doubled.double('k'), { consumedPoints: 2 }, 'a class may extend it');
  for (const each of [doubled, limiter]) t.ok(each instanceof RateLimiterShmTable);

  const forever = scratchLimiter(t, { ...options, points: 2, duration: 0, keyPrefix: 'never' });
  await forever.consume('k');
  t.match(await forever.consume('k'), { msBeforeNext: -1, consumedPoints: 2 });

  const union = new RateLimiterUnion(
    limiter,
    scratchLimiter(t, { ...options, points: 1, duration: 5, keyPrefix: 'u' }),
  );
  t.match(await union.consume('union'), { a: { consumedPoints: 1 }, u: { consumedPoints: 1 } });
  t.match(await refusal(union.consume('union')), { u: { consumedPoints: 2 } });

  const burst = scratchLimiter(t, { ...options, points: 2, duration: 5, keyPrefix: 'burst' });
  const slow = scratchLimiter(t, { ...options, points: 1, duration: 1, keyPrefix: 'slow' });
  const bursty = new BurstyRateLimiter(slow, burst);
  const served: boolean[] = [];
  for (let i = 0; i < 4; i++)
    served.push(
      await bursty.consume('k').then(
        () => true,
        () => false,
      ),
    );
  t.same(served, [true, true, true, false]);

  const insured = new RateLimiterShmTable({
    ...options,
    points: 1,
    duration: 1,
    keyPrefix: 'insured',
    insuranceLimiter: new RateLimiterMemory({ points: 1, duration: 1 }),
  });
  await insured.consume('k');
  insured.close();
  t.match(await insured.consume('k'), { consumedPoints: 1 }, 'by the memory of the process');
  t.match(await refusal(insured.consume('k')), { consumedPoints: 2 });
  const bare = new RateLimiterShmTable({ ...options, points: 1, duration: 1 });
  bare.close();
  await t.rejects(bare.consume('k'), { name: 'ShmTableError', code: 'ERR_TABLE_CLOSED' });
});

t.test('the counters for a cache are in a separate table, which is destroyed with it', async (t) => {
  const cache = Cache.open({ ...scratchOptions(t) });
  const limiter = scratchLimiter(t, { cache, points: 1, duration: 60 });
  t.teardown(() => {
    cache.close();
  });
  await limiter.consume('k');
  t.same([Table.open(`${cache.name}.limits`).size, cache.size], [1, 0]);
  cache.destroy();
  t.throws(() => Table.open(`${cache.name}.limits`), { code: 'ERR_TABLE_NOT_FOUND' });
});
