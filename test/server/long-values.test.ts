/** Columns of type text, blob and json over HTTP, and the heap that contains their values. */
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { PrometheusText } from '../fixtures/prometheus-text.js';
import { isProblem, startApp, type TestApp } from '../fixtures/server-app.js';

const COLUMNS = { body: 'text', file: 'blob', data: 'json', hits: 'int32' } as const;
const MIB = 1024 * 1024;

/** An app with the table `docs` of these columns. */
async function startDocs(t: Parameters<typeof startApp>[0], options = {}): Promise<TestApp> {
  const app = await startApp(t);
  const json = { capacity: 100, columns: COLUMNS, heap: 4 * MIB, ...options };
  t.equal((await app.send('PUT', '/v1/tables/docs', { json })).status, 201);
  return app;
}

t.test('an invalid heap is rejected, and nothing is created', async (t) => {
  const { send, namespace } = await startApp(t);
  const refused: [object, string][] = [
    [{ columns: { n: 'int32' }, heap: 4096 }, 'a heap without a column that needs it'],
    [{ columns: COLUMNS, heap: '4096' }, 'a heap of another type'],
    [{ columns: COLUMNS, heap: 63 }, 'a heap smaller than any block'],
    [{ columns: COLUMNS, heap: 128 }, 'a heap smaller than its block'],
    [{ columns: COLUMNS, heap: {} }, 'a heap without a size'],
    [{ columns: COLUMNS, heap: { bytes: 4096, blockBytes: 100 } }, 'a block size that is not a power of two'],
    [{ columns: COLUMNS, heap: { bytes: 4096, blockBytes: 8192 } }, 'blocks that are too large'],
    [{ columns: COLUMNS, heap: { bytes: 4096, blocks: 5 } }, 'an unknown member'],
    [{ columns: { body: 'text(4097)' } }, 'too many bytes of a value in the row'],
  ];
  for (const [options, what] of refused) {
    const answer = await send('PUT', '/v1/tables/new', { json: { capacity: 10, ...options } });
    t.match(answer, { status: answer.json.code === 'ERR_ARGUMENT' ? 400 : 422 }, what);
    t.match(answer.json.code, /^ERR_(ARGUMENT|SCHEMA_INVALID)$/, what);
  }
  t.same(
    Table.list({ namespace }).map(({ name }) => name),
    ['t'],
  );
});

t.test('the heap is part of the schema, and its use is shown', async (t) => {
  const { send } = await startApp(t);
  const heap = { bytes: 64 * 1024, blockBytes: 128 };
  const json = { capacity: 10, columns: COLUMNS, heap };
  t.match(await send('PUT', '/v1/tables/new', { json }), { status: 201, json: { heap, columns: COLUMNS } });
  t.equal((await send('PUT', '/v1/tables/new', { json })).status, 200, 'the same again');
  for (const other of [{ ...heap, bytes: 128 * 1024 }, { ...heap, blockBytes: 256 }, 64 * 1024, undefined]) {
    isProblem(
      t,
      await send('PUT', '/v1/tables/new', { json: { ...json, heap: other } }),
      409,
      'ERR_SCHEMA_MISMATCH',
      `heap ${JSON.stringify(other)}`,
    );
  }
  const use = async () => (await send('GET', '/v1/tables/new')).json.stats.heap;
  t.same(await use(), { ...heap, blocks: 512, used: 0, inFlight: 0 });
  await send('PUT', '/v1/tables/new/rows/k', { json: { body: 'x'.repeat(300), data: { a: 'y'.repeat(130) } } });
  t.same(await use(), { ...heap, blocks: 512, used: 5, inFlight: 0 }, 'whole blocks of both values');
  await send('DELETE', '/v1/tables/new/rows/k');
  t.equal((await use()).used, 0);

  const plain = await send('GET', '/v1/tables/t');
  t.notOk('heap' in plain.json || 'heap' in plain.json.stats, 'no heap without such columns');
  const byDefault = { capacity: 10, columns: COLUMNS };
  t.match(await send('PUT', '/v1/tables/default', { json: byDefault }), {
    status: 201,
    json: { heap: { bytes: 2560, blockBytes: 256 } },
  });
  t.equal((await send('PUT', '/v1/tables/default', { json: { ...byDefault, heap: 2560 } })).status, 200);
});

t.test('values of any length are returned as they were sent', async (t) => {
  const { send } = await startDocs(t);
  const values = [
    null,
    true,
    -0.5,
    'text',
    [],
    {},
    [1, [2, [3, { four: null }]]],
    { 'a"b': 'é😀\u2028\n', nested: { list: Array.from({ length: 300 }, (_, i) => ({ i })) } },
  ];
  for (const [i, data] of values.entries()) {
    const json = { body: `${JSON.stringify(data)} `.repeat(50), file: Buffer.from('bytes').toString('base64'), data };
    const written = await send('PUT', '/v1/tables/docs/rows/k', { json });
    t.same(written.json.row, { ...json, hits: 0 }, `value ${i} in the response to its write`);
    const read = await send('GET', '/v1/tables/docs/rows/k');
    t.same(read.json.row, { ...json, hits: 0 }, `value ${i} read`);
    t.equal(read.text, written.text, 'the same text');
    const page = await send('GET', '/v1/tables/docs/rows');
    t.same(page.json.rows, [read.json], 'on a page');
    const batch = await send('POST', '/v1/tables/docs/batch', { json: [{ op: 'get', key: 'k', columns: ['data'] }] });
    t.same(batch.json.results[0].row, { data }, 'in a batch');
  }
});

t.test('null is a value of a json column, and its zero', async (t) => {
  const { send } = await startDocs(t);
  const row = '/v1/tables/docs/rows/k';
  t.match(await send('PUT', row, { json: { data: null, body: 'b', hits: 1 } }), {
    status: 201,
    json: { row: { data: null } },
  });
  for (const name of ['body', 'file', 'hits']) {
    isProblem(t, await send('PUT', row, { json: { [name]: null } }), 422, 'ERR_COLUMN_TYPE', `null in ${name}`);
  }
  t.match(await send('PATCH', row, { json: { data: { a: [null] } } }), {
    json: { row: { data: { a: [null] }, body: 'b' } },
  });
  t.match(await send('PATCH', row, { json: { data: null, body: null, file: null } }), {
    status: 200,
    json: { row: { data: null, body: '', file: '', hits: 1 } },
  });
  t.match(await send('GET', row), { json: { row: { data: null, body: '', file: '', hits: 1 } } });
  const operations = [
    { op: 'set', key: 'k', row: { data: null } },
    { op: 'set', key: 'k', row: { body: null } },
    { op: 'update', key: 'k', row: { body: null, data: null } },
    { op: 'increment', key: 'k', column: 'data' },
  ];
  const { results } = (await send('POST', '/v1/tables/docs/batch', { json: operations })).json;
  t.same(
    results.map(({ status }: { status: number }) => status),
    [200, 422, 200, 422],
  );
});

t.test('a value that does not fit its column is refused and changes nothing', async (t) => {
  const { send } = await startDocs(t);
  const row = '/v1/tables/docs/rows/k';
  await send('PUT', row, { json: { body: 'before', data: [1], file: 'AAAA' } });
  const before = (await send('GET', row)).text;
  const refused: [string, string, string][] = [
    ['{"body":5}', 'ERR_COLUMN_TYPE', 'a number for a text'],
    ['{"body":{}}', 'ERR_COLUMN_TYPE', 'an object for a text'],
    ['{"body":"\\ud800"}', 'ERR_COLUMN_TYPE', 'a lone surrogate in a text'],
    [`{"body":"${'x'.repeat(20_000)}\\udc00"}`, 'ERR_COLUMN_TYPE', 'a lone surrogate in a long text'],
    ['{"file":"AAA"}', 'ERR_COLUMN_TYPE', 'base64 without padding'],
    ['{"file":[1,2]}', 'ERR_COLUMN_TYPE', 'an array for a blob'],
    ['{"data":1e400}', 'ERR_VALUE_RANGE', 'a number that no double holds'],
    ['{"data":{"a":[{"b":-1e999}]}}', 'ERR_VALUE_RANGE', 'such a number deep inside'],
    [`{"data":[${'1e400,'.repeat(5000)}1]}`, 'ERR_VALUE_RANGE', 'many such numbers'],
    ['{"body":"after","data":1e400}', 'ERR_VALUE_RANGE', 'one beside a value that fits'],
  ];
  for (const [body, code, what] of refused) {
    const headers = { 'content-type': 'application/json' };
    for (const method of ['PUT', 'PATCH']) {
      isProblem(t, await send(method, row, { body, headers }), 422, code, `${method}: ${what}`);
    }
  }
  t.equal((await send('GET', row)).text, before, 'the row is unchanged');
});

t.test('unusual JSON values are returned as they were sent', async (t) => {
  const { send, namespace } = await startDocs(t);
  const row = '/v1/tables/docs/rows/k';
  const odd = [
    '{"__proto__":{"isAdmin":true},"constructor":1,"toString":null,"toJSON":"x","hasOwnProperty":[]}',
    '[{"__proto__":null},{"a":{"__proto__":[1]}}]',
    '"\\ud800"',
    '{"\\udfff":"\\ud83d"}',
    '{"":{"":""}}',
    '[5e-324,1.7976931348623157e+308,9007199254740991,-1e-7]',
    '{"b":1,"a":2,"10":3,"9":4}'.replace('"10":3,"9":4', '"x":3'),
  ];
  for (const text of odd) {
    const headers = { 'content-type': 'application/json' };
    const { status } = await send('PUT', row, { body: `{"data":${text}}`, headers });
    t.ok(status < 300, text);
    const read = await send('GET', row);
    t.equal(read.text.slice(read.text.indexOf('"data":') + 7, read.text.indexOf(',"hits"')), text);
    const patched = await send('PATCH', row, { body: '{"hits":1}', headers });
    t.ok(patched.text.includes(`"data":${text},`), 'in the response to another write');
  }
  t.equal(Reflect.get({}, 'isAdmin'), undefined, 'the prototype is not polluted');
  using table = Table.open('docs', { namespace });
  table.set('k', { data: JSON.parse('{"__proto__":{"isAdmin":true}}') });
  const read = table.get('k', 'data');
  t.same(Object.keys(Object(read)), ['__proto__'], 'an ordinary member');
  t.equal(Reflect.get(Object(read), 'isAdmin'), undefined);
});

t.test('only values that are too deep to be read and written again are rejected', async (t) => {
  const { send, namespace } = await startDocs(t);
  const headers = { 'content-type': 'application/json' };
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  for (const depth of [100, 127, 1000, 7000]) {
    const put = await send('PUT', '/v1/tables/docs/rows/deep', { body: `{"data":${nested(depth)}}`, headers });
    if (put.status < 300) {
      const read = await send('GET', '/v1/tables/docs/rows/deep');
      t.ok(read.text.includes(nested(depth)), `${depth} levels are stored`);
    } else t.match(put, { status: 422, json: { code: 'ERR_COLUMN_TYPE' } }, `${depth} levels are refused`);
  }
  isProblem(
    t,
    await send('PUT', '/v1/tables/docs/rows/deep', { body: `{"data":${nested(20_000)}}`, headers }),
    400,
    'ERR_BODY_MALFORMED',
    'a long body that is deep',
  );
  using table = Table.open('docs', { namespace });
  t.ok(table.verify().ok);
});

t.test('a full heap is 507, a value longer than the heap 422, and both change nothing', async (t) => {
  const { send } = await startDocs(t, { heap: 64 * 1024 });
  const row = '/v1/tables/docs/rows/a';
  t.equal((await send('PUT', row, { json: { body: 'x'.repeat(40_000) } })).status, 201);
  for (const [method, path, json] of [
    ['PUT', '/v1/tables/docs/rows/b', { body: 'y'.repeat(40_000) }],
    ['PUT', row, { body: 'y'.repeat(40_000) }],
    ['PATCH', row, { data: 'y'.repeat(40_000) }],
  ] as const) {
    const answer = await send(method, path, { json });
    isProblem(t, answer, 507, 'ERR_TABLE_FULL', `${method} ${path}`);
    t.match(answer.json.detail, /heap/, 'and says which of the two is full');
  }
  for (const json of [
    { body: 'z'.repeat(66_000) },
    { data: ['z'.repeat(66_000)] },
    { body: 'z'.repeat(40_000), data: 'z'.repeat(40_000) },
  ]) {
    isProblem(t, await send('PUT', row, { json }), 422, 'ERR_VALUE_TOO_LONG', 'more than the whole heap');
  }
  const { json } = await send('GET', '/v1/tables/docs/rows');
  t.match(json.rows, [{ key: 'a', row: { body: 'x'.repeat(40_000), data: null } }]);
  t.equal((await send('PATCH', row, { json: { body: 'short' } })).status, 200, 'a shorter value has room');
});

t.test('metrics count the blocks of heaps', async (t) => {
  const { send } = await startDocs(t, { heap: 64 * 1024 });
  await send('PUT', '/v1/tables/docs/rows/k', { json: { body: 'x'.repeat(1000) } });
  const metrics = new PrometheusText((await send('GET', '/metrics')).text);
  const count = (name: string) =>
    metrics.all(`shmtable_table_heap_${name}`, { table: 'docs' }).map(({ value }) => value);
  t.same([count('blocks'), count('blocks_used'), count('blocks_in_flight')], [[256], [4], [0]]);
  t.same(count('block_bytes'), [256]);
  t.same(metrics.all('shmtable_table_heap_blocks', { table: 't' }), [], 'not for a table without a heap');
  t.equal(metrics.types.get('shmtable_table_heap_blocks_used'), 'gauge');
});

t.test('a value of many megabytes is written and read', async (t) => {
  const { send } = await startDocs(t, { heap: 64 * MIB });
  const row = '/v1/tables/docs/rows/k';
  const file = Buffer.alloc(3 * MIB, 'abc').toString('base64');
  t.equal((await send('PUT', row, { json: { file } })).status, 201);
  t.ok((await send('GET', row)).json.row.file === file, 'the same bytes');
  const data = Array.from({ length: 20_000 }, (_, i) => ({ i, name: `name ${i}` }));
  t.equal((await send('PATCH', row, { json: { data } })).status, 200);
  const read = await send('GET', `${row}?columns=data`);
  t.ok(read.text.includes(`"row":{"data":${JSON.stringify(data)}}`), 'the same JSON');
});
