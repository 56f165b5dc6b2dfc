/** ShmTableSessionStore, by itself and with express-session and @fastify/session in several processes. */
import expressSession from 'express-session';
import t, { type Test } from 'tap';
import ShmTableSessionStore, { type SessionStoreOptions } from '../../src/adapters/session.js';
import { Cache } from '../../src/cache/index.js';
import { useTestClock } from '../../src/table/test-clock.js';
import { within } from '../fixtures/deadline.js';
import { FrameworkServer } from './framework-server.js';
import { scratchOptions } from './scratch-adapter.js';

/** The methods as promises. */
class Sessions {
  readonly store: ShmTableSessionStore;

  constructor(t: Test, options: SessionStoreOptions = scratchOptions(t)) {
    this.store = new ShmTableSessionStore(options);
    t.teardown(() => this.store.close());
  }

  call(method: 'get' | 'set' | 'touch' | 'destroy' | 'all' | 'length' | 'clear', ...args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const callback = (error: unknown, value: unknown): void => (error ? reject(error) : resolve(value));
      Reflect.apply(this.store[method], this.store, [...args, callback]);
    });
  }
}

t.test('invalid options, ids and sessions are errors for the callback', async (t) => {
  const options = scratchOptions(t);
  const make = (options: unknown) => () => Reflect.construct(ShmTableSessionStore, [options]);
  for (const wrong of [undefined, {}, { ...options, prefix: 5 }, { ...options, secret: 'x' }]) {
    t.throws(make(wrong), { name: 'ShmTableError', code: 'ERR_ARGUMENT' });
  }
  const sessions = new Sessions(t, options);
  for (const id of [undefined, 5, null, ['a']]) {
    for (const method of ['get', 'destroy'] as const) {
      await t.rejects(sessions.call(method, id), { code: 'ERR_KEY_INVALID' }, `${method} ${id}`);
    }
    await t.rejects(sessions.call('set', id, {}), { code: 'ERR_KEY_INVALID' });
    await t.rejects(sessions.call('touch', id, {}), { code: 'ERR_KEY_INVALID' });
  }
  for (const session of [undefined, { n: 5n }, () => 1]) {
    await t.rejects(sessions.call('set', 'a', session), { code: 'ERR_COLUMN_TYPE' });
  }
  await t.rejects(sessions.call('set', 'a', { text: 'x'.repeat(options.bytes) }), { code: 'ERR_VALUE_TOO_LONG' });
  t.throws(() => sessions.store.set('a', { n: 5n }), { code: 'ERR_COLUMN_TYPE' }, 'without a callback it is thrown');
  t.equal(await sessions.call('length'), 0);
  sessions.store.close();
  await t.rejects(sessions.call('get', 'a'), { code: 'ERR_TABLE_CLOSED' });
});

t.test('a session is found by its id until it is destroyed, whatever characters the id has', async (t) => {
  const options = scratchOptions(t);
  const sessions = new Sessions(t, options);
  const other = new Sessions(t, options);
  const ids = [
    'a',
    '',
    '__proto__',
    'constructor',
    '../../etc/passwd',
    'a b\0\n',
    '\ud800',
    'é'.repeat(500),
    'sess:a',
    '%00',
  ];
  for (const id of ids) await sessions.call('set', id, { id, cookie: {} });
  for (const id of ids) t.same(await other.call('get', id), { id, cookie: {} }, JSON.stringify(id));
  t.equal(await other.call('length'), ids.length);
  t.same(Object.keys((await other.call('all')) as object).sort(), [...ids].sort());
  for (const id of ids.slice(1)) await other.call('destroy', id);
  await other.call('destroy', 'missing');
  t.same(await Promise.all(ids.map((id) => sessions.call('get', id))), [
    { id: 'a', cookie: {} },
    ...ids.slice(1).map(() => null),
  ]);
  await other.call('clear');
  t.equal(await sessions.call('length'), 0);

  const large = { text: 'x'.repeat(16 * 1024), cookie: {} };
  for (let i = 0; i < 100; i++) await sessions.call('set', `large-${i}`, large);
  for (let i = 0; i < 100; i++) t.same(await other.call('get', `large-${i}`), large);
});

t.test('clear and length concern only sessions', async (t) => {
  const cache = Cache.open(scratchOptions(t));
  t.teardown(() => cache.close());
  const one = new Sessions(t, { cache });
  const two = new Sessions(t, { cache, prefix: 'two:' });
  cache.set('other', 1);
  await one.call('set', 'a', { n: 1 });
  await two.call('set', 'a', { n: 2 });
  t.same([await one.call('length'), await one.call('get', 'a'), await two.call('get', 'a')], [1, { n: 1 }, { n: 2 }]);
  await one.call('clear');
  t.same([await one.call('get', 'a'), await two.call('get', 'a'), cache.get('other')], [null, { n: 2 }, 1]);
  one.store.close();
  t.equal(cache.isOpen, true);
});

t.test('a session lives as long as its cookie, and touch prolongs it without writing it', async (t) => {
  using clock = useTestClock();
  const options = { ...scratchOptions(t), ttl: 5_000 };
  const sessions = new Sessions(t, options);
  const expires = (ms: number): string => new Date(clock.now() + ms).toISOString();
  await sessions.call('set', 'date', { cookie: { expires: new Date(clock.now() + 60_000), originalMaxAge: 60_000 } });
  await sessions.call('set', 'text', { n: 1, cookie: { expires: expires(60_000), originalMaxAge: 60_000 } });
  await sessions.call('set', 'age', { cookie: { maxAge: 60_000 } });
  await sessions.call('set', 'default', { cookie: { expires: null } });
  await sessions.call('set', 'past', { cookie: {} });
  await sessions.call('set', 'past', { cookie: { expires: expires(-1) } });
  const living = async (): Promise<string[]> => Object.keys((await sessions.call('all')) as object).sort();
  t.same(await living(), ['age', 'date', 'default', 'text']);
  clock.advance(5_000);
  t.same(await living(), ['age', 'date', 'text']);
  clock.advance(50_000);
  // Of the session that is passed to touch, only the cookie is used.
  await sessions.call('touch', 'text', { n: 2, cookie: { expires: expires(60_000) } });
  await sessions.call('touch', 'missing', { cookie: { expires: expires(60_000) } });
  clock.advance(10_000);
  t.same(await living(), ['text']);
  const { n, cookie } = (await sessions.call('get', 'text')) as { n: number; cookie: { expires: string } };
  t.equal(n, 1);
  const left = Date.parse(cookie.expires) - clock.now();
  t.ok(left > 49_000 && left <= 50_001, `the cookie has the lifetime that touch gave it: ${left}`);
  await sessions.call('touch', 'text', { cookie: { expires: expires(-5) } });
  t.same(await living(), []);

  const cache = Cache.open({ ...scratchOptions(t), staleTtl: 60_000 });
  t.teardown(() => cache.close());
  const beside = new Sessions(t, { cache });
  await beside.call('set', 'a', { cookie: { maxAge: 1_000 } });
  clock.advance(1_000);
  t.equal(await beside.call('get', 'a'), null, 'also in a cache whose values have a stale time');
});

t.test('a session that was destroyed is not brought back by a request that began before', async (t) => {
  using clock = useTestClock();
  for (const options of [{ ...scratchOptions(t) }, { ...scratchOptions(t), prefix: '' }]) {
    const [sessions, other] = [new Sessions(t, options), new Sessions(t, options)];
    for (const destroy of [() => other.call('destroy', 'a'), () => other.call('clear')]) {
      const id = `a${clock.now()}`;
      await sessions.call('set', 'a', { cookie: {} });
      await sessions.call('set', id, { user: 42, cookie: { maxAge: 60_000 } });
      const late = await sessions.call('get', id);
      await other.call('destroy', id);
      await sessions.call('touch', id, { cookie: { maxAge: 60_000 } });
      t.equal(await other.call('get', id), null, 'by touch');
      await sessions.call('set', id, late);
      t.equal(await other.call('get', id), null, 'by a save');
      await destroy();
      await sessions.call('set', 'a', { cookie: {} });
      t.same([await sessions.call('length'), await sessions.call('all')], [0, {}]);
      clock.advance(3_600_000);
    }
  }
  const cache = Cache.open(scratchOptions(t));
  t.teardown(() => cache.close());
  await new Sessions(t, { cache }).call('destroy', 'missing');
  t.equal(cache.size, 0, 'an id that never had a session takes no memory');
  // An app whose `genid` returns an id again has a new session.
  const sessions = new Sessions(t);
  expressSession({ store: sessions.store, secret: 's', genid: () => 'same', resave: false, saveUninitialized: false });
  await sessions.call('set', 'same', { n: 1, cookie: {} });
  await sessions.call('destroy', 'same');
  sessions.store.generate({} as Parameters<typeof sessions.store.generate>[0]);
  await sessions.call('set', 'same', { n: 2, cookie: {} });
  t.match(await sessions.call('get', 'same'), { n: 2 });
});

t.test('load creates a session with the methods of express-session, outside a request', async (t) => {
  const sessions = new Sessions(t);
  const secret = 'a secret';
  expressSession({ store: sessions.store, secret, resave: false, saveUninitialized: false });
  await sessions.call('set', 'a', { n: 1, cookie: { expires: new Date(Date.now() + 9_000), originalMaxAge: 10_000 } });
  const load = (id: string) =>
    new Promise<(expressSession.Session & { n: number }) | undefined>((resolve, reject) => {
      sessions.store.load(id, (error, session) => (error ? reject(error) : resolve(session)));
    });
  const session = await load('a');
  t.match(session, { n: 1, id: 'a' });
  t.ok(session?.cookie.expires instanceof Date);
  t.equal(session?.cookie.originalMaxAge, 10_000);
  session?.touch();
  t.match(
    (session?.cookie as unknown as { serialize(...args: string[]): string } | undefined)?.serialize('name', 'value'),
    /^name=value; Path=\/; Expires=.* GMT; HttpOnly$/,
  );
  t.ok(Number(session?.cookie.maxAge) > 9_500, 'its methods and its cookie are those of express-session');
  await new Promise<void>((resolve) => session?.save(() => resolve()));
  t.equal(await load('missing'), undefined);
  // The types of express-session accept the store.
  const typed: expressSession.Store = sessions.store;
  t.ok(typed);
});

class Server extends FrameworkServer {
  constructor(t: Test, framework: string, store: string) {
    super(t, 'session-server', [framework, store]);
  }

  async fetch(
    path: string,
    cookie: string,
  ): Promise<{ status: number; body: Record<string, unknown>; cookie: string }> {
    const answer = await this.request(path, { cookie });
    const [given] = answer.headers.getSetCookie().map((text) => text.split(';')[0]);
    const body = answer.headers.get('content-type')?.includes('json')
      ? await answer.json()
      : { text: await answer.text() };
    return { status: answer.status, body: body as Record<string, unknown>, cookie: given ?? cookie };
  }
}

for (const framework of ['express', 'fastify']) {
  t.test(`four processes with ${framework} share sessions exactly, while one is killed occasionally`, async (t) => {
    const { name } = scratchOptions(t);
    const servers = Array.from({ length: 4 }, () => new Server(t, framework, name));
    const clients = 8;
    const requests = 10;
    let kills = 0;
    let done = 0;
    const client = async (): Promise<{ cookie: string; views: number }> => {
      let cookie = '';
      let views = 0;
      let lost = 0;
      for (let i = 0; i < requests; i++) {
        try {
          const answer = await servers[(i + done) % 4].fetch('/count', cookie);
          cookie = answer.cookie;
          const counted = Number(answer.body.views);
          // A request whose response was lost may have been counted.
          if (counted < views + 1 || counted > views + 1 + lost) t.fail(`${counted} after ${views}, ${lost} lost`);
          views = counted;
          lost = 0;
        } catch {
          // The process was killed.
          if (cookie !== '') lost++;
        }
        if (++done % 40 === 0) {
          kills++;
          await servers[done % 4].replace();
        }
      }
      return { cookie, views };
    };
    const ends = await within(60_000, 'clients', Promise.all(Array.from({ length: clients }, client)));
    for (const { cookie, views } of ends) t.equal((await servers[0].fetch('/views', cookie)).body.views, views);
    t.equal(kills, (clients * requests) / 40);

    // A client that counts, logs out, and returns with its old cookie.
    const { cookie } = await servers[0].fetch('/count', '');
    t.equal((await servers[1].fetch('/count', cookie)).body.views, 2);
    await servers[2].fetch('/leave', cookie);
    t.equal((await servers[3].fetch('/views', cookie)).body.views, 0);
    t.equal((await servers[3].fetch('/views', 'connect.sid=s%3Aforged.x; sessionId=forged.x')).body.views, 0);
    if (framework === 'express') {
      const { status, body } = await servers[0].fetch(`/fill?length=${9 * 2 ** 20}`, cookie);
      t.equal(status, 500);
      t.equal(body.code, 'ERR_VALUE_TOO_LONG', 'saving a session that cannot be stored is an error');
      const renewed = await servers[0].fetch('/renew', cookie);
      t.equal((await servers[1].fetch('/count', renewed.cookie)).body.views, 1);
    }
  });
}
