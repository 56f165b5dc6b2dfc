import t from 'tap';
import { isProblem, startApp } from '../fixtures/server-app.js';

const ROWS = '/v1/tables/t/rows';

t.test('malformed bodies and unsupported media types are rejected', async (t) => {
  const { send } = await startApp(t);
  const json = { 'content-type': 'application/json' };
  for (const [body, what] of [
    ['', 'nothing'],
    ['{', 'half an object'],
    ['[]', 'an array'],
    ['5', 'a number'],
    ['null', 'null'],
  ]) {
    isProblem(t, await send('PUT', `${ROWS}/k`, { body, headers: json }), 400, 'ERR_BODY_MALFORMED', what);
  }
  const invalid = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
  isProblem(
    t,
    await send('PUT', `${ROWS}/k`, { body: invalid, headers: json }),
    400,
    'ERR_BODY_MALFORMED',
    'bad UTF-8',
  );
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/merge-patch+json', 'nonsense']) {
    const answer = await send('PUT', `${ROWS}/k`, { body: '{}', headers: { 'content-type': type } });
    isProblem(t, answer, 415, 'ERR_MEDIA_TYPE', `PUT of ${type}`);
  }
  isProblem(t, await send('PUT', `${ROWS}/k`, { body: '{}' }), 415, 'ERR_MEDIA_TYPE', 'a body without a type');
  const zipped = await send('PUT', `${ROWS}/k`, { body: '{}', headers: { ...json, 'content-encoding': 'gzip' } });
  isProblem(t, zipped, 415, 'ERR_MEDIA_TYPE', 'a compressed body');
});

t.test('PUT, GET, PATCH and DELETE write, read and remove a row', async (t) => {
  const { send, table } = await startApp(t);
  isProblem(t, await send('GET', `${ROWS}/k`), 404, 'ERR_ROW_NOT_FOUND', 'GET of a missing row');
  isProblem(t, await send('PATCH', `${ROWS}/k`, { json: {} }), 404, 'ERR_ROW_NOT_FOUND', 'PATCH of a missing row');
  isProblem(t, await send('DELETE', `${ROWS}/k`), 404, 'ERR_ROW_NOT_FOUND', 'DELETE of a missing row');

  const created = await send('PUT', `${ROWS}/k`, { json: { text: 'one', i8: 1 } });
  const entry = table.entry('k');
  t.match(created, { status: 201, headers: { location: `${ROWS}/k`, etag: `"${entry?.revision}"` } }, 'created');
  t.match(created.json, {
    key: 'k',
    revision: entry?.revision,
    expiresAt: null,
    row: { text: 'one', i8: 1, big: '0' },
  });

  const replaced = await send('PUT', `${ROWS}/k`, { json: { text: 'two' } });
  t.match(replaced, { status: 200, json: { row: { text: 'two', i8: 0 } } }, 'replaced: columns left out are zero');
  t.notOk(replaced.headers.location);

  const patched = await send('PATCH', `${ROWS}/k`, {
    body: '{"i8":7,"text":null}',
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  t.match(patched, { status: 200, json: { row: { text: '', i8: 7 } } }, 'merged: null resets');
  t.equal(patched.headers.etag, `"${patched.json.revision}"`);
  t.same((await send('GET', `${ROWS}/k`)).json, patched.json, 'the response is the stored row');

  const got = await send('GET', `${ROWS}/k?columns=text,i8`);
  t.same(got.json.row, { i8: 7, text: '' }, 'selected columns, in the order of the table');
  isProblem(t, await send('GET', `${ROWS}/k?columns=nope`), 422, 'ERR_COLUMN_UNKNOWN', 'an unknown column');
  isProblem(t, await send('GET', `${ROWS}/none?columns=nope`), 422, 'ERR_COLUMN_UNKNOWN', 'also of a missing row');

  const head = await send('HEAD', `${ROWS}/k`);
  t.match(head, { status: 200, text: '', headers: { etag: got.headers.etag, 'content-length': String } }, 'HEAD');
  t.equal((await send('HEAD', `${ROWS}/none`)).status, 404, 'HEAD of a missing row');

  const typed = await send('DELETE', `${ROWS}/k`, { headers: { 'content-type': 'text/plain' } });
  t.match(typed, { status: 204, text: '' }, 'DELETE with a Content-Type but no body');
  t.notOk(table.has('k'));
});

t.test('a lifetime may be in the query or in a header', async (t) => {
  const { send, table } = await startApp(t);
  const put = await send('PUT', `${ROWS}/k?ttl=60000`, { json: {} });
  t.ok(Math.abs(put.json.expiresAt - Date.now() - 60_000) < 5000, 'PUT with ?ttl=');
  t.ok((await send('PATCH', `${ROWS}/k`, { json: { i8: 1 } })).json.expiresAt, 'PATCH keeps it');
  t.equal(
    (await send('PUT', `${ROWS}/k`, { json: {} })).json.expiresAt,
    null,
    'PUT without a lifetime removes the expiry',
  );
  const headers = { 'shm-ttl-ms': '90000' };
  t.ok((await send('PATCH', `${ROWS}/k`, { json: {}, headers })).json.expiresAt > Date.now() + 60_000, 'in a header');
  await send('POST', `${ROWS}/new/increment`, { json: { column: 'i8' }, headers });
  t.ok((table.ttl('new') ?? 0) > 60_000, 'increment');
  isProblem(t, await send('PUT', `${ROWS}/k?ttl=5`, { json: {}, headers }), 400, 'ERR_ARGUMENT', 'both at once');
  for (const ttl of ['0', '-1', '1.5', 'x', '9007199254740992']) {
    isProblem(t, await send('PUT', `${ROWS}/k?ttl=${ttl}`, { json: {} }), 400, 'ERR_ARGUMENT', `?ttl=${ttl}`);
    const answer = await send('PUT', `${ROWS}/k`, { json: {}, headers: { 'shm-ttl-ms': ttl } });
    isProblem(t, answer, 400, 'ERR_ARGUMENT', `Shm-TTL-Ms: ${ttl}`);
  }
});

t.test('increment adds to a number and creates a missing row', async (t) => {
  const { send, table } = await startApp(t);
  const url = `${ROWS}/k/increment`;
  const first = await send('POST', url, { json: { column: 'big' } });
  t.match(first, { status: 200, json: { value: '1', revision: table.entry('k')?.revision } }, 'creates the row');
  t.equal(
    (await send('POST', url, { json: { column: 'big', by: '9223372036854775806' } })).json.value,
    '9223372036854775807',
  );
  isProblem(t, await send('POST', url, { json: { column: 'big' } }), 422, 'ERR_VALUE_RANGE', 'a sum out of range');
  t.equal((await send('POST', url, { json: { column: 'i8', by: -5 } })).json.value, -5);
  t.equal((await send('POST', url, { json: { column: 'f64', by: 0.5 } })).json.value, 0.5);
  isProblem(
    t,
    await send('POST', url, { json: { column: 'f64', by: 'Infinity' } }),
    422,
    'ERR_VALUE_RANGE',
    'no infinity',
  );
  isProblem(t, await send('POST', url, { json: { column: 'text' } }), 422, 'ERR_COLUMN_TYPE', 'a string column');
  isProblem(t, await send('POST', url, { json: { column: 'nope' } }), 422, 'ERR_COLUMN_UNKNOWN', 'an unknown column');
  isProblem(
    t,
    await send('POST', url, { json: { column: 'i8', by: true } }),
    422,
    'ERR_COLUMN_TYPE',
    'an amount of true',
  );
  isProblem(t, await send('POST', url, { json: {} }), 400, 'ERR_BODY_MALFORMED', 'no column');
  isProblem(
    t,
    await send('POST', url, { json: { column: 'i8', step: 1 } }),
    400,
    'ERR_BODY_MALFORMED',
    'another member',
  );
  t.match(table.get('k'), { big: 2n ** 63n - 1n, i8: -5, f64: 0.5 }, 'rejected requests changed nothing');
});
