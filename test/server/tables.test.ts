import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import t from 'tap';
import { Cache } from '../../src/cache/index.js';
import { Segment } from '../../src/memory/index.js';
import { Table } from '../../src/table/table.js';
import { COLUMNS, isProblem, startApp } from '../fixtures/server-app.js';

const columns = { hits: 'int64', name: 'string(10)' } as const;

t.test('invalid tables are rejected', async (t) => {
  const { send, namespace } = await startApp(t);
  const refused: [unknown, number, string, string][] = [
    [[], 400, 'ERR_BODY_MALFORMED', 'an array'],
    [{}, 422, 'ERR_SCHEMA_INVALID', 'nothing'],
    [{ capacity: 10 }, 422, 'ERR_SCHEMA_INVALID', 'no columns'],
    [{ columns }, 422, 'ERR_SCHEMA_INVALID', 'no capacity'],
    [{ columns, capacity: '10' }, 422, 'ERR_SCHEMA_INVALID', 'a capacity of another type'],
    [{ columns, capacity: 0 }, 422, 'ERR_SCHEMA_INVALID', 'a capacity of 0'],
    [{ columns, capacity: 2 ** 31 }, 422, 'ERR_SCHEMA_INVALID', 'a capacity over the limit'],
    [{ columns, capacity: 1.5 }, 422, 'ERR_SCHEMA_INVALID', 'a capacity with a fraction'],
    [{ columns: {}, capacity: 10 }, 422, 'ERR_SCHEMA_INVALID', 'no columns'],
    [{ columns: { a: 'int7' }, capacity: 10 }, 422, 'ERR_SCHEMA_INVALID', 'an unknown type'],
    [{ columns: { a: 5 }, capacity: 10 }, 422, 'ERR_SCHEMA_INVALID', 'a type that is a number'],
    [{ columns: { revision: 'int8' }, capacity: 10 }, 422, 'ERR_SCHEMA_INVALID', 'a reserved column name'],
    [{ columns, capacity: 10, maxKeyBytes: 256 }, 422, 'ERR_SCHEMA_INVALID', 'keys that are too long'],
    [{ columns, capacity: 10, backend: 'file' }, 422, 'ERR_SCHEMA_INVALID', 'a backend that only settings may choose'],
    [{ columns, capacity: 10, path: '/tmp/x' }, 422, 'ERR_SCHEMA_INVALID', 'a path'],
    [{ columns, capacity: 10, namespace: 'other' }, 422, 'ERR_SCHEMA_INVALID', 'another namespace'],
    [{ columns: { a: 'bytes(16777215)' }, capacity: 2 ** 31 - 1 }, 507, 'ERR_SEGMENT_TOO_LARGE', 'petabytes'],
  ];
  for (const [json, status, code, what] of refused) {
    isProblem(t, await send('PUT', '/v1/tables/new', { json }), status, code, what);
  }
  isProblem(
    t,
    await send('PUT', '/v1/tables/-x', { json: { columns, capacity: 1 } }),
    400,
    'ERR_ARGUMENT',
    'an invalid name',
  );
  t.same(
    Table.list({ namespace }).map(({ name }) => name),
    ['t'],
    'no table was created',
  );
});

t.test('a table is created, found, shown and destroyed', async (t) => {
  const { send, namespace } = await startApp(t);
  const created = await send('PUT', '/v1/tables/new', { json: { capacity: 10, columns } });
  t.match(created, {
    status: 201,
    headers: { location: '/v1/tables/new' },
    json: { name: 'new', capacity: 10, columns },
  });
  t.equal((await send('PUT', '/v1/tables/new', { json: { capacity: 10, columns, maxParticipants: 5 } })).status, 200);
  for (const [other, what] of [
    [{ capacity: 11, columns }, 'another capacity'],
    [{ capacity: 10, columns: { hits: 'int64' } }, 'other columns'],
    [{ capacity: 10, columns: { name: 'string(10)', hits: 'int64' } }, 'another order'],
    [{ capacity: 10, columns, maxKeyBytes: 100 }, 'longer keys'],
  ]) {
    isProblem(t, await send('PUT', '/v1/tables/new', { json: other }), 409, 'ERR_SCHEMA_MISMATCH', String(what));
  }
  const shown = await send('GET', '/v1/tables/new');
  t.match(shown, { status: 200, json: { name: 'new', capacity: 10, columns, rows: 0, stats: { participants: 1 } } });
  t.same(Object.keys(shown.json.columns), ['hits', 'name'], 'columns in order');
  const { tables } = (await send('GET', '/v1/tables')).json;
  t.match(tables, [
    { name: 'new', columns, rows: 0, capacity: 10 },
    { name: 't', columns: COLUMNS, rows: 0, capacity: 100 },
  ]);

  using embedded = Table.open('new', { namespace });
  embedded.set('k', { hits: 5n });
  t.equal((await send('GET', '/v1/tables/new/rows/k')).json.row.hits, '5', 'a row written through another handle');
  t.match(await send('DELETE', '/v1/tables/new'), { status: 204, text: '' });
  t.throws(() => embedded.get('k'), { code: 'ERR_TABLE_CLOSED' });
  isProblem(t, await send('DELETE', '/v1/tables/new'), 404, 'ERR_TABLE_NOT_FOUND', 'DELETE again');
  isProblem(t, await send('GET', '/v1/tables/new'), 404, 'ERR_TABLE_NOT_FOUND', 'GET');
  isProblem(t, await send('GET', '/v1/tables/new/rows/k'), 404, 'ERR_TABLE_NOT_FOUND', 'GET of a row');
});

t.test('a table in System V memory is the only one of its name, for every process of the service', async (t) => {
  const { send, namespace } = await startApp(t);
  const another = await startApp(t, { namespace });
  // The second is so large that it is created in a thread.
  for (const [name, capacity] of [
    ['small', 10],
    ['large', 1_000_000],
  ]) {
    const url = `/v1/tables/${name}`;
    const json = { capacity, columns };
    t.equal((await send('PUT', url, { json: { ...json, backend: 'sysv' } })).status, 201, `${name} created`);
    t.equal((await another.send('PUT', `${url}/rows/k`, { json: { hits: 3 } })).status, 201);
    t.equal((await send('GET', `${url}/rows/k`)).json.row.hits, '3', 'both have the same rows');
    t.equal((await another.send('PUT', url, { json })).status, 200, 'without a backend it is the same table');
    t.equal(
      (await send('PUT', url, { json: { ...json, backend: 'posix' } })).status,
      200,
      'nor does another one count',
    );
    t.equal((await another.send('DELETE', url)).status, 204);
    isProblem(t, await send('GET', `${url}/rows/k`), 404, 'ERR_TABLE_NOT_FOUND', `${name} destroyed`);
  }
  t.same(
    Table.list({ namespace }).map(({ name }) => name),
    ['t'],
    'no other table is left',
  );
});

t.test(
  'a configured table is created again where the configuration says, whatever backend the body names',
  async (t) => {
    const tables = { configured: { capacity: 10, columns } };
    const { send, namespace } = await startApp(t, { tables });
    const another = await startApp(t, { tables, namespace });
    for (const capacity of [10, 1_000_000]) {
      const url = '/v1/tables/configured';
      const answer = await send('PUT', url, { json: { capacity, columns, backend: 'sysv' } });
      t.match(answer, { status: 201, json: { backend: 'posix', capacity } });
      t.equal((await another.send('GET', url)).json.capacity, capacity, 'another process finds it');
      t.equal((await another.send('DELETE', url)).status, 204);
    }
    t.same(
      Table.list({ namespace }).map(({ name }) => name),
      ['t'],
      'no other table is left',
    );
  },
);

t.test('of several requests to create a table in different memory, one creates it', async (t) => {
  const { send, namespace } = await startApp(t);
  for (const [name, capacity] of [
    ['small', 10],
    ['large', 1_000_000],
  ]) {
    const put = (backend: string) => send('PUT', `/v1/tables/${name}`, { json: { capacity, columns, backend } });
    const answers = await Promise.all(['sysv', 'posix', 'posix', 'sysv'].map(put));
    t.same(answers.map(({ status }) => status).sort(), [200, 200, 200, 201], `${name}: one creates it`);
    t.equal(new Set(answers.map(({ json }) => json.backend)).size, 1, 'and all are about the same table');
    t.equal(Table.list({ namespace }).filter((table) => table.name === name).length, 1);
    t.equal((await send('DELETE', `/v1/tables/${name}`)).status, 204);
  }
});

t.test('a table of which programs have created two is destroyed in all memory', async (t) => {
  const { send, namespace } = await startApp(t);
  const made = { name: 'two', namespace, capacity: 10 };
  using first = Table.create({ ...made, columns, backend: 'sysv' });
  t.equal((await send('GET', '/v1/tables/two')).json.backend, 'sysv');
  using second = Table.create({ ...made, columns: { n: 'int32' } });
  t.equal((await send('PUT', '/v1/tables/two', { json: { capacity: 10, columns: { n: 'int32' } } })).status, 200);
  t.equal((await send('GET', '/v1/tables/two')).json.backend, 'posix', 'the one that other workers find');
  t.equal((await send('DELETE', '/v1/tables/two')).status, 204);
  t.same([first.isOpen, second.isOpen], [false, false]);
  isProblem(t, await send('GET', '/v1/tables/two'), 404, 'ERR_TABLE_NOT_FOUND', 'GET');
});

t.test('what has the name of a table and is none is refused, small or large', async (t) => {
  const { send, namespace } = await startApp(t);
  const folder = `/dev/shm/shmtable:${namespace}:folder`;
  mkdirSync(folder);
  t.teardown(() => rmdirSync(folder));
  for (const capacity of [10, 1_000_000]) {
    const answer = await send('PUT', '/v1/tables/folder', { json: { capacity, columns } });
    isProblem(t, answer, 500, 'ERR_TABLE_CORRUPT', `capacity ${capacity}`);
  }
});

t.test('a table that exists is not created in the memory of another backend', async (t) => {
  const { send, namespace } = await startApp(t);
  for (const capacity of [11, 1_000_000]) {
    const json = { capacity, columns, backend: 'sysv' };
    isProblem(t, await send('PUT', '/v1/tables/t', { json }), 409, 'ERR_SCHEMA_MISMATCH', `capacity ${capacity}`);
  }
  t.match(Table.list({ namespace }), [{ name: 't', backend: 'posix' }]);
});

t.test('a full table refuses only new rows', async (t) => {
  const { send } = await startApp(t);
  await send('PUT', '/v1/tables/full', { json: { capacity: 2, columns } });
  for (const key of ['a', 'b']) await send('PUT', `/v1/tables/full/rows/${key}`, { json: {} });
  isProblem(t, await send('PUT', '/v1/tables/full/rows/c', { json: {} }), 507, 'ERR_TABLE_FULL', 'one row too many');
  t.equal(
    (await send('PUT', '/v1/tables/full/rows/a', { json: { hits: 1 } })).status,
    200,
    'existing rows are updated',
  );
  t.equal((await send('DELETE', '/v1/tables/full/rows/a')).status, 204);
  t.equal((await send('PUT', '/v1/tables/full/rows/c', { json: {} })).status, 201, 'there is space again');
});

t.test('pages list every row once, and DELETE removes all rows', async (t) => {
  const { send, table } = await startApp(t);
  const keys = Array.from({ length: 30 }, (_, i) => `${i % 3 === 0 ? 'é/' : 'x'}${i}`);
  for (const [i, key] of keys.entries()) table.set(key, { u32: i });
  const seen: string[] = [];
  let cursor: string | null = '';
  for (let pages = 0; cursor !== null; pages++) {
    if (pages > 30) throw new Error('no end');
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await send('GET', `/v1/tables/t/rows?limit=7&columns=u32${query}`);
    for (const { key, row, revision, expiresAt } of page.json.rows) {
      seen.push(key);
      t.same(
        { row, revision, expiresAt },
        { row: { u32: keys.indexOf(key) }, revision: table.entry(key)?.revision, expiresAt: null },
      );
    }
    cursor = page.json.cursor;
  }
  t.same(seen.sort(), [...keys].sort(), 'every row once');
  const prefixes = ['prefix=%C3%A9%2F', `prefix=${Buffer.from('é/').toString('base64url')}&keyEncoding=base64url`];
  for (const prefix of prefixes)
    t.equal((await send('GET', `/v1/tables/t/rows?${prefix}`)).json.rows.length, 10, prefix);
  for (const query of [
    'limit=0',
    'limit=1001',
    'limit=x',
    'limit=1.5',
    'limit=',
    'limit=1&limit=2',
    'limit=1e2',
    'cursor=nonsense',
  ]) {
    isProblem(t, await send('GET', `/v1/tables/t/rows?${query}`), 400, 'ERR_ARGUMENT', query);
  }
  for (const query of ['columns=nope', 'columns=', 'columns=u32,']) {
    isProblem(t, await send('GET', `/v1/tables/t/rows?${query}`), 422, 'ERR_COLUMN_UNKNOWN', query);
  }
  t.match(await send('DELETE', '/v1/tables/t/rows'), { status: 204, text: '' }, 'clear');
  t.same((await send('GET', '/v1/tables/t/rows')).json, { rows: [], cursor: null });
});

t.test('a table destroyed and created again by another process is the new one', async (t) => {
  const { send, table, namespace } = await startApp(t);
  table.set('k', { text: 'old' });
  t.equal((await send('GET', '/v1/tables/t/rows/k')).json.row.text, 'old');
  table.destroy();
  const batch = await send('POST', '/v1/tables/t/batch', { json: [{ op: 'get', key: 'k' }] });
  isProblem(t, batch, 404, 'ERR_TABLE_NOT_FOUND', 'a batch fails as a whole');
  using other = Table.create({ name: 't', namespace, capacity: 5, columns: { other: 'int8' } });
  isProblem(t, await send('GET', '/v1/tables/t/rows/k'), 404, 'ERR_ROW_NOT_FOUND', 'the new table, immediately');
  t.same((await send('PUT', '/v1/tables/t/rows/k', { json: { other: 3 } })).json.row, { other: 3 }, 'with its columns');
  t.equal(other.get('k')?.other, 3);
});

t.test('the table of a cache is destroyed with everything that belongs to the cache', async (t) => {
  const dir = t.testdir();
  const { send, namespace } = await startApp(t, { snapshots: { dir } });
  const cache = Cache.open({ name: 'pages', namespace, bytes: 2 ** 20, entries: 10 });
  t.teardown(() => cache.close());
  t.match(await send('DELETE', '/v1/tables/pages'), { status: 204 });
  t.notOk(cache.isOpen);
  t.same(
    Segment.list().filter(({ name }) => name.includes(`:${namespace}:pages`)),
    [],
  );
  const noted = readdirSync(dir).map((name) => name.replace(/[0-9]+/, 'TIME'));
  t.same(noted, ['pages.TIME.deleted', 'pages.loads.TIME.deleted'], 'and none of its tables is restored');
});
