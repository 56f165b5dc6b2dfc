import t from 'tap';
import { isProblem, startApp } from '../fixtures/server-app.js';

const BATCH = '/v1/tables/t/batch';

t.test('a malformed batch executes nothing', async (t) => {
  const { send, table } = await startApp(t);
  const good = { op: 'put', key: 'k', row: {} };
  const refused: [unknown, string][] = [
    [{}, 'an object'],
    [null, 'null'],
    [[good, 5], 'an operation that is a number'],
    [[good, { op: 'nope', key: 'k' }], 'an unknown operation'],
    [[good, { key: 'k' }], 'no operation'],
    [[good, { op: 'get' }], 'no key'],
    [[good, { op: 'get', key: 5 }], 'a key that is a number'],
    [[good, { op: 'put', key: 'k' }], 'put without a row'],
    [[good, { op: 'put', key: 'k', row: [] }], 'a row that is an array'],
    [[good, { op: 'increment', key: 'k' }], 'increment without a column'],
    [[good, { op: 'get', key: 'k', row: {} }], 'get with a row'],
    [[good, { op: 'delete', key: 'k', ttl: 5 }], 'delete with a lifetime'],
    [[good, { op: 'get', key: 'k', more: 1 }], 'an unknown member'],
    [[good, { op: 'set', key: 'k', row: {}, ttl: 'x' }], 'a lifetime that is a string'],
    [Array.from({ length: 10_001 }, () => good), '10,001 operations'],
  ];
  for (const [json, what] of refused) {
    isProblem(t, await send('POST', BATCH, { json }), 400, 'ERR_BODY_MALFORMED', what);
  }
  t.equal(table.size, 0, 'nothing ran');
  isProblem(t, await send('POST', '/v1/tables/none/batch', { json: [good] }), 404, 'ERR_TABLE_NOT_FOUND', 'no table');
});

t.test('every operation has the same result as its single request', async (t) => {
  const { send, table } = await startApp(t);
  const operations = [
    { op: 'put', key: 'a', row: { text: 'one', i8: 1 } },
    { op: 'put', key: 'a', row: { text: 'two' } },
    { op: 'set', key: 'a', row: { i8: 9 } },
    { op: 'set', key: 'b', row: { i8: 5 } },
    { op: 'insert', key: 'a', row: {} },
    { op: 'insert', key: 'c', row: { text: 'c' } },
    { op: 'update', key: 'none', row: {} },
    { op: 'update', key: 'a', row: { text: null } },
    { op: 'increment', key: 'a', column: 'big', by: '9007199254740993' },
    { op: 'increment', key: 'd', column: 'i8' },
    { op: 'get', key: 'a', columns: ['i8', 'big', 'text'] },
    { op: 'get', key: 'none' },
    { op: 'get', key: '' },
    { op: 'put', key: 'a', row: { i8: 'x' } },
    { op: 'put', key: 'a', row: { nope: 1 } },
    { op: 'put', key: 'a', row: {}, ttl: 0 },
    { op: 'get', key: 'a', columns: ['nope'] },
    { op: 'increment', key: 'a', column: 'text' },
    { op: 'delete', key: 'b' },
    { op: 'delete', key: 'b' },
    { op: 'delete', key: 'c', revision: 1 },
    { op: 'put', key: 'none', row: {}, revision: 1 },
    { op: 'update', key: 'none', row: {}, revision: 1 },
  ];
  const answer = await send('POST', BATCH, { json: operations });
  t.equal(answer.status, 200);
  const { results } = answer.json;
  const revision = Number;
  t.match(results, [
    { status: 201, key: 'a', revision },
    { status: 200, key: 'a', revision },
    { status: 200, key: 'a', revision },
    { status: 201, key: 'b', revision },
    { status: 412, key: 'a', problem: { code: 'ERR_PRECONDITION_FAILED' } },
    { status: 201, key: 'c', revision },
    { status: 404, key: 'none', problem: { code: 'ERR_ROW_NOT_FOUND' } },
    { status: 200, key: 'a', revision },
    { status: 200, key: 'a', revision, value: '9007199254740993' },
    { status: 200, key: 'd', revision, value: 1 },
    { status: 200, key: 'a', revision, row: { i8: 9, big: '9007199254740993', text: '' } },
    { status: 404, key: 'none', problem: { code: 'ERR_ROW_NOT_FOUND', status: 404 } },
    { status: 400, key: '', problem: { code: 'ERR_KEY_INVALID' } },
    { status: 422, key: 'a', problem: { code: 'ERR_COLUMN_TYPE' } },
    { status: 422, key: 'a', problem: { code: 'ERR_COLUMN_UNKNOWN' } },
    { status: 400, key: 'a', problem: { code: 'ERR_ARGUMENT' } },
    { status: 422, key: 'a', problem: { code: 'ERR_COLUMN_UNKNOWN' } },
    { status: 422, key: 'a', problem: { code: 'ERR_COLUMN_TYPE' } },
    { status: 204, key: 'b' },
    { status: 404, key: 'b', problem: { code: 'ERR_ROW_NOT_FOUND' } },
    { status: 412, key: 'c', problem: { code: 'ERR_PRECONDITION_FAILED' } },
    { status: 412, key: 'none', problem: { code: 'ERR_PRECONDITION_FAILED' } },
    { status: 404, key: 'none', problem: { code: 'ERR_ROW_NOT_FOUND' } },
  ]);
  t.equal(results.length, operations.length);
  t.match(table.get('a'), { i8: 9, big: 9007199254740993n, text: '' });
  const conditional = [{ op: 'put', key: 'a', row: { i8: 1 }, revision: table.entry('a')?.revision }];
  t.equal((await send('POST', BATCH, { json: conditional })).json.results[0].status, 200, 'the right revision');
});

t.test('a batch may have 10,000 operations', async (t) => {
  const { send, table } = await startApp(t);
  const operations = Array.from({ length: 10_000 }, (_, i) => ({ op: 'increment', key: `k${i % 10}`, column: 'u32' }));
  const answer = await send('POST', BATCH, { json: operations });
  t.equal(answer.json.results.length, 10_000);
  for (let i = 0; i < 10; i++) t.equal(table.get(`k${i}`, 'u32'), 1000);
  t.same((await send('POST', BATCH, { json: [] })).json, { results: [] }, 'none');
});
