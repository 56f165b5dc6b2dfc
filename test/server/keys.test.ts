import t from 'tap';
import { isProblem, startApp } from '../fixtures/server-app.js';

const KEYS = '/v1/tables/t/keys';
const COUNT = '/v1/tables/t/count';

t.test('invalid requests are rejected', async (t) => {
  const { send } = await startApp(t);
  for (const path of [KEYS, COUNT]) {
    isProblem(t, await send('GET', `${path}?prefix=%ff`), 400, 'ERR_KEY_INVALID', 'an ill-formed prefix');
    isProblem(
      t,
      await send('GET', `${path}?columns=n`),
      400,
      'ERR_ARGUMENT',
      'a parameter that the route does not have',
    );
    isProblem(t, await send('GET', path.replace('/t/', '/none/')), 404, 'ERR_TABLE_NOT_FOUND', 'no table');
    isProblem(t, await send('POST', path, { json: {} }), 405, 'ERR_METHOD_NOT_ALLOWED', 'POST');
  }
  for (const limit of ['0', '1001', 'x']) {
    isProblem(t, await send('GET', `${KEYS}?limit=${limit}`), 400, 'ERR_ARGUMENT', `limit ${limit}`);
  }
  isProblem(t, await send('GET', `${KEYS}?cursor=x`), 400, 'ERR_ARGUMENT', 'an invalid cursor');
});

t.test('pages contain every key once, and the count is their number', async (t) => {
  const { send, table } = await startApp(t);
  t.same((await send('GET', KEYS)).json, { keys: [], cursor: null });
  t.same((await send('GET', COUNT)).json, { count: 0 });
  const expected = Array.from({ length: 60 }, (_, i) => `${i % 2 === 0 ? 'a/' : 'b"'}${i}é`);
  for (const key of expected) table.set(key, {});
  for (const [query, keys] of [
    ['', expected],
    ['&prefix=a%2F', expected.filter((key) => key.startsWith('a/'))],
    [
      `&prefix=${Buffer.from('b"').toString('base64url')}&keyEncoding=base64url`,
      expected.filter((key) => key[0] === 'b'),
    ],
    ['&prefix=none', []],
  ] as const) {
    const found: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const from: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page = (await send('GET', `${KEYS}?limit=7${query}${from}`)).json;
      t.ok(page.keys.length <= 7);
      found.push(...page.keys);
      cursor = page.cursor;
    }
    t.same(found.sort(), [...keys].sort(), `keys ${query}`);
    t.same((await send('GET', `${COUNT}?${query.slice(1)}`)).json, { count: keys.length }, `count ${query}`);
  }
  t.match(await send('HEAD', COUNT), { status: 200, text: '' });
});
