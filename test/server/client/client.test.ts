/** Uses the service through a client whose types are generated from the OpenAPI document, and so tests the document. */
import createClient from 'openapi-fetch';
import t, { type Test } from 'tap';
import { bearer, SECRETS, TOKENS } from '../../fixtures/access-tokens.js';
import { startApp } from '../../fixtures/server-app.js';
import type { components, paths } from './schema.js';

const columns = { hits: 'int64', ratio: 'float64', title: 'string(20)', seen: 'boolean' };
const path = { table: 'made', key: 'a/b ü' };

/** Without the media type of rows in lines, which the client cannot read. */
type Media = 'application/json' | 'application/merge-patch+json' | 'application/problem+json' | 'text/event-stream';

/** A client with a token of the scope admin. */
async function startClient(t: Test) {
  const { port } = await startApp(t, { tokens: TOKENS });
  const client = createClient<paths, Media>({ baseUrl: `http://127.0.0.1:${port}`, headers: bearer(SECRETS.admin) });
  const { response } = await client.PUT('/v1/tables/{table}', {
    params: { path },
    body: { capacity: 10, columns, changes: 65_536 },
  });
  t.match(
    { status: response.status, location: response.headers.get('location') },
    { status: 201, location: '/v1/tables/made' },
  );
  return client;
}

t.test('tables are created, listed, shown and destroyed', async (t) => {
  const client = await startClient(t);
  const again = await client.PUT('/v1/tables/{table}', {
    params: { path },
    body: { capacity: 10, columns, changes: 65_536 },
  });
  t.match(
    { status: again.response.status, data: again.data },
    { status: 200, data: { columns, capacity: 10, changes: 65_536 } },
  );
  const other = await client.PUT('/v1/tables/{table}', { params: { path }, body: { capacity: 11, columns } });
  const code: components['schemas']['Problem']['code'] | undefined = other.error?.code;
  t.match({ status: other.response.status, code }, { status: 409, code: 'ERR_SCHEMA_MISMATCH' });
  const listed = await client.GET('/v1/tables');
  t.same(listed.data?.tables.map(({ name }) => name).sort(), ['made', 't']);
  const shown = await client.GET('/v1/tables/{table}', { params: { path } });
  t.match(shown.data, { name: 'made', rows: 0, maxKeyBytes: 63, stats: { participants: 1 } });
  t.equal((await client.DELETE('/v1/tables/{table}', { params: { path } })).response.status, 204);
  const gone = await client.GET('/v1/tables/{table}', { params: { path } });
  t.equal(gone.error?.code, 'ERR_TABLE_NOT_FOUND');
});

t.test('a row is written, read, incremented and deleted', async (t) => {
  const client = await startClient(t);
  const url = '/v1/tables/{table}/rows/{key}';
  const params = { path };
  const created = await client.PUT(url, { params, body: { hits: '9007199254740993', ratio: 'NaN', title: 'a' } });
  t.equal(created.response.status, 201);
  t.match(created.data, {
    key: path.key,
    expiresAt: null,
    row: { hits: '9007199254740993', ratio: 'NaN', seen: false },
  });
  const tag = created.response.headers.get('etag') ?? '';
  t.equal(tag, `"${created.data?.revision}"`);

  const read = await client.GET(url, { params: { path, query: { columns: 'title,seen' } } });
  t.same(read.data?.row, { title: 'a', seen: false });
  const same = await client.GET(url, { params: { path, header: { 'if-none-match': tag } } });
  t.equal(same.response.status, 304);
  t.equal((await client.HEAD(url, { params })).response.headers.get('etag'), tag);

  const patched = await client.PATCH(url, {
    params: { path, query: { ttl: 60_000 } },
    body: { title: null, seen: true },
  });
  t.match(patched.data?.row, { title: '', seen: true, hits: '9007199254740993' });
  t.type(patched.data?.expiresAt, 'number');
  const late = await client.PUT(url, { params: { path, header: { 'if-match': tag } }, body: {} });
  t.match(
    { status: late.response.status, error: late.error },
    { status: 412, error: { code: 'ERR_PRECONDITION_FAILED' } },
  );
  const wrong = await client.PATCH(url, { params, body: { hits: true } });
  t.equal(wrong.error?.code, 'ERR_COLUMN_TYPE');

  const counted = await client.POST('/v1/tables/{table}/rows/{key}/increment', {
    params,
    body: { column: 'hits', by: '-3' },
  });
  t.equal(counted.data?.value, '9007199254740990');
  const once = await client.POST('/v1/tables/{table}/rows/{key}/increment', { params, body: { column: 'ratio' } });
  t.equal(once.error?.code, 'ERR_VALUE_RANGE');

  t.equal((await client.DELETE(url, { params })).response.status, 204);
  t.equal((await client.DELETE(url, { params })).error?.code, 'ERR_ROW_NOT_FOUND');
  const byBytes = { path: { table: 'made', key: 'Lg' }, query: { keyEncoding: 'base64url' as const } };
  t.equal((await client.PUT(url, { params: byBytes, body: {} })).data?.key, '.');
});

t.test('batches, pages and change streams have the documented types', async (t) => {
  const client = await startClient(t);
  const batch = await client.POST('/v1/tables/{table}/batch', {
    params: { path },
    body: [
      { op: 'put', key: 'one', row: { title: '1' } },
      { op: 'insert', key: 'two', row: { title: '2' }, ttl: 60_000 },
      { op: 'insert', key: 'two', row: {} },
      { op: 'increment', key: 'one', column: 'hits', by: '5' },
      { op: 'get', key: 'one', columns: ['hits'] },
      { op: 'delete', key: 'none' },
    ],
  });
  const results = batch.data?.results ?? [];
  t.same(
    results.map(({ status }) => status),
    [201, 201, 412, 200, 200, 404],
  );
  t.same([results[3].value, results[4].row, results[5].problem?.code], ['5', { hits: '5' }, 'ERR_ROW_NOT_FOUND']);

  const keys: string[] = [];
  let cursor: string | undefined;
  for (;;) {
    const query: { limit: number; cursor?: string } = cursor === undefined ? { limit: 1 } : { limit: 1, cursor };
    const page = await client.GET('/v1/tables/{table}/rows', { params: { path, query } });
    if (page.data === undefined) throw new Error(page.error.detail);
    keys.push(...page.data.rows.map(({ key }) => key));
    if (page.data.cursor === null) break;
    cursor = page.data.cursor;
  }
  t.same(keys.sort(), ['one', 'two']);
  const refused = await client.GET('/v1/tables/{table}/rows', { params: { path, query: { limit: 1001 } } });
  t.match({ status: refused.response.status, code: refused.error?.code }, { status: 400, code: 'ERR_ARGUMENT' });

  const changes = await client.GET('/v1/tables/{table}/changes', {
    params: { path, query: { since: 0 } },
    parseAs: 'stream',
  });
  t.match(changes.response.headers.get('content-type'), /^text\/event-stream/);
  let text = '';
  for await (const chunk of changes.data ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes('event: update')) break;
  }
  t.match(text, /event: insert[\s\S]*event: insert[\s\S]*event: update/);

  t.equal((await client.DELETE('/v1/tables/{table}/rows', { params: { path } })).response.status, 204);
  t.equal((await client.GET('/v1/tables/{table}', { params: { path } })).data?.rows, 0);
});

t.test('the routes of the service itself have the documented types', async (t) => {
  const client = await startClient(t);
  t.same((await client.GET('/healthz')).data, { status: 'alive' });
  t.same((await client.GET('/readyz')).data, { status: 'ready' });
  t.match((await client.GET('/openapi.json')).data, { openapi: '3.1.0' });
});

t.test('missing and insufficient tokens have the documented errors', async (t) => {
  const { port } = await startApp(t, { tokens: TOKENS });
  const client = createClient<paths, Media>({ baseUrl: `http://127.0.0.1:${port}` });
  const nobody = await client.GET('/v1/tables');
  t.match({ status: nobody.response.status, code: nobody.error?.code }, { status: 401, code: 'ERR_UNAUTHENTICATED' });
  t.match(nobody.response.headers.get('www-authenticate'), /^Bearer/);
  const reader = await client.DELETE('/v1/tables/{table}', {
    params: { path: { table: 't' } },
    headers: bearer(SECRETS.read),
  });
  t.match({ status: reader.response.status, code: reader.error?.code }, { status: 403, code: 'ERR_FORBIDDEN' });
  t.equal((await client.GET('/healthz')).response.status, 200);
});
