/** Tables that are altered, over HTTP and by others: what clients of the service see. */
import { readdirSync, readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { Table } from '../../src/table/table.js';
import { ChangesClient } from '../fixtures/changes-client.js';
import { isProblem, startApp, type TestApp } from '../fixtures/server-app.js';

const columns = { n: 'int32', name: 'string(5)' } as const;

/** Changes that a client sends, the status and code of the answer, and why. */
const REFUSED: readonly [unknown, number, string, string][] = [
  [[], 400, 'ERR_BODY_MALFORMED', 'an array'],
  [{ size: 5 }, 422, 'ERR_SCHEMA_INVALID', 'an unknown member'],
  [{ backend: 'sysv' }, 422, 'ERR_SCHEMA_INVALID', 'another backend'],
  [{ namespace: 'other' }, 422, 'ERR_SCHEMA_INVALID', 'another namespace'],
  [{ capacity: '20' }, 422, 'ERR_SCHEMA_INVALID', 'a capacity of another type'],
  [{ capacity: 0 }, 422, 'ERR_SCHEMA_INVALID', 'no capacity'],
  [{ add: { more: 'int7' } }, 422, 'ERR_SCHEMA_INVALID', 'an unknown type'],
  [{ add: { n: 'int32' } }, 422, 'ERR_SCHEMA_INVALID', 'a column that is there'],
  [{ drop: ['missing'] }, 422, 'ERR_COLUMN_UNKNOWN', 'a column that is not there'],
  [{ drop: 'n' }, 422, 'ERR_SCHEMA_INVALID', 'a name instead of a list'],
  [{ type: { missing: 'int8' } }, 422, 'ERR_COLUMN_UNKNOWN', 'a type of a column that is not there'],
  [{ columns: { n: 'int32' }, drop: ['name'] }, 400, 'ERR_ARGUMENT', 'columns given twice'],
  [{ capacity: 1 }, 507, 'ERR_TABLE_FULL', 'fewer rows than there are'],
];

t.test('tables are altered while the service serves them', async (t) => {
  const app = await startApp(t);
  const { send, port, namespace } = app;
  using table = Table.create({ name: 'a', namespace, capacity: 10, columns, changes: 1 << 14 });
  table.set('k', { n: 7, name: 'seven' }).set('key', { n: 8 });
  const alter = (changes: Parameters<typeof Table.alter>[1]) => Table.alter('a', { ...changes, namespace });

  await t.test('an alteration that cannot be made is refused, and changes nothing', async (t) => {
    const described = async () => ({ ...(await send('GET', '/v1/tables/a')).json, stats: undefined });
    const before = await described();
    for (const [json, status, code, what] of REFUSED) {
      isProblem(t, await send('PATCH', '/v1/tables/a', { json }), status, code, what);
    }
    isProblem(t, await send('PATCH', '/v1/tables/none', { json: {} }), 404, 'ERR_TABLE_NOT_FOUND', 'no table');
    t.same(await described(), before);
    t.same(table.get('k'), { n: 7, name: 'seven' });
  });

  await t.test('PATCH answers with the altered table, whose rows have new revisions', async (t) => {
    const { headers } = await send('GET', '/v1/tables/a/rows/k');
    const answer = await send('PATCH', '/v1/tables/a', {
      json: { capacity: 20, add: { big: 'int64', note: 'text' }, type: { name: 'string(50)' }, schemaVersion: 3 },
    });
    const altered = { n: 'int32', name: 'string(50)', big: 'int64', note: 'text' };
    t.match(answer, { status: 200, json: { name: 'a', capacity: 20, columns: altered, rows: 2, schemaVersion: 3 } });
    t.same(Object.keys(answer.json.columns), Object.keys(altered));
    const row = await send('GET', '/v1/tables/a/rows/k', { headers: { 'If-None-Match': `${headers.etag}` } });
    t.match(row, { status: 200, json: { row: { n: 7, name: 'seven', big: '0', note: '' } } });
    const ifMatch = { 'If-Match': `${headers.etag}` };
    t.match(await send('PATCH', '/v1/tables/a/rows/k', { json: { big: '5' }, headers: ifMatch }), { status: 412 });
    const put = await send('PUT', '/v1/tables/a/rows/l', { json: { name: 'x'.repeat(50), note: 'y'.repeat(500) } });
    t.match(put, { status: 201, json: { row: { n: 0, big: '0', note: 'y'.repeat(500) } } });
    t.equal(table.get('l')?.name.length, 50, 'handles of the same process have followed');
  });

  await t.test('the service follows what others do to its tables', (t) => testFollowing(t, app, alter));

  await t.test('a listing that has begun goes on after an alteration, and misses no row', async (t) => {
    const page = async (query: string) => (await send('GET', `/v1/tables/a/rows?limit=3${query}`)).json;
    for (let i = 0; i < 8; i++) await send('PUT', `/v1/tables/a/rows/r${i}`, { json: { n: i } });
    const keys: string[] = [];
    for (let at = await page(''), i = 0; ; i++) {
      for (const { key } of at.rows) keys.push(key);
      if (at.cursor === null) break;
      alter({ capacity: 20 + 300 * ((i + 1) % 2) });
      at = await page(`&cursor=${at.cursor}`);
    }
    t.same(keys.sort(), ['k', 'key', 'l', 'r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7']);
  });

  await t.test('a stream of changes goes on after an alteration, with a gap', async (t) => {
    const put = (key: string) => send('PUT', `/v1/tables/a/rows/${key}`, { json: {} });
    const stream = await ChangesClient.open(t, port, '/v1/tables/a/changes');
    await put('before');
    t.match(await stream.next(), { event: 'insert', data: { key: 'before' } });
    alter({ add: { another: 'int8' } });
    const gap = await stream.next();
    t.equal(gap?.event, 'gap');
    await put('after');
    const after = await stream.next();
    t.match(after, { event: 'insert', data: { key: 'after' } });
    t.ok(Number(after?.data.sequence) > Number(gap?.data.sequence), 'sequences rise');
    const headers = { 'last-event-id': String(gap?.id) };
    const resumed = await ChangesClient.open(t, port, '/v1/tables/a/changes', { headers });
    t.match(await resumed.next(), { event: 'insert', data: { key: 'after' } }, 'ids stay valid');
  });
});

async function testFollowing(t: Test, { send, namespace }: TestApp, alter: (changes: object) => unknown) {
  using other = Table.open('a', { namespace });
  alter({ drop: ['big', 'note'], add: { more: 'float64' }, type: { n: 'int64' } });
  t.same((await send('GET', '/v1/tables/a/rows/k')).json.row, { n: '7', name: 'seven', more: 0 });
  isProblem(
    t,
    await send('PATCH', '/v1/tables/a/rows/k', { json: { n: '9223372036854775808' } }),
    422,
    'ERR_VALUE_RANGE',
    'the range of the new type',
  );
  alter({ drop: ['name'] });
  const [listed] = (await send('GET', '/v1/tables/a/rows?prefix=k&limit=1')).json.rows;
  t.same(Object.keys(listed.row), ['n', 'more']);
  for (const [path, status] of [
    ['rows/k?columns=name', 422],
    ['rows/k?columns=more', 200],
    ['rows?columns=name', 422],
  ] as const) {
    t.equal((await send('GET', `/v1/tables/a/${path}`)).status, status, path);
  }
  t.same((await send('GET', '/v1/tables')).json.tables[0].columns, { n: 'int64', more: 'float64' });
  const batch = [
    { op: 'set', key: 'k', row: { name: 'x' } },
    { op: 'increment', key: 'k', column: 'n' },
    { op: 'get', key: 'k' },
  ];
  const { results } = (await send('POST', '/v1/tables/a/batch', { json: batch })).json;
  t.match(results, [{ status: 422 }, { status: 200, value: '8' }, { status: 200, row: { n: '8', more: 0 } }]);
  t.throws(() => other.get('k'), { code: 'ERR_SCHEMA_MISMATCH' }, 'a program whose columns are gone is told so');
}

t.test('a table that is altered again and again takes neither a thread nor its memory each time', async (t) => {
  const { send, namespace } = await startApp(t);
  const BYTES = Table.bytesFor({ name: 'again', capacity: 200_000, columns }).total;
  using table = Table.create({ name: 'again', namespace, capacity: 200_000, columns });
  const tasks = () => readdirSync('/proc/self/task').length;
  /** Of the table in /dev/shm, with or without a name. */
  const mapped = () => {
    const maps = readFileSync('/proc/self/maps', 'utf8').matchAll(/^([0-9a-f]+)-([0-9a-f]+) .* \/dev\/shm\/.*$/gm);
    return [...maps].reduce((sum, [, from, to]) => sum + Number.parseInt(to, 16) - Number.parseInt(from, 16), 0);
  };
  const before = tasks();
  for (let i = 1; i <= 10; i++) {
    const json = { capacity: 200_000 + i };
    t.equal((await send('PATCH', '/v1/tables/again', { json })).status, 200);
    t.equal(table.capacity, json.capacity);
  }
  t.ok(tasks() - before < 5, `${tasks() - before} more threads`);
  t.ok(mapped() < 6 * BYTES, `${mapped() / BYTES} tables are mapped`);
});
