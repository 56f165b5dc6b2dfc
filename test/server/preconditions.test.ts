import t from 'tap';
import { isProblem, startApp } from '../fixtures/server-app.js';

const ROW = '/v1/tables/t/rows/k';

t.test('malformed conditions are rejected', async (t) => {
  const { send, table } = await startApp(t);
  table.set('k', { text: 'before' });
  for (const value of ['', '12', '"12', '*, "1"', 'w/"1"', '"a" "b"', ',', '"\u0001"'.replace('\u0001', ' ')]) {
    for (const name of ['if-match', 'if-none-match']) {
      for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
        const body = method === 'PUT' || method === 'PATCH' ? { json: {} } : {};
        const answer = await send(method, ROW, { ...body, headers: { [name]: value } });
        isProblem(t, answer, 400, 'ERR_ARGUMENT', `${method} ${name}: ${value}`);
      }
    }
  }
  t.equal(table.get('k', 'text'), 'before');
});

t.test('GET and HEAD honour conditions', async (t) => {
  const { send, table } = await startApp(t);
  table.set('k', {});
  const tag = `"${table.entry('k')?.revision}"`;
  for (const method of ['GET', 'HEAD']) {
    for (const list of [tag, `W/${tag}`, `"x", ${tag}`, `"x",,${tag}`, '*']) {
      const answer = await send(method, ROW, { headers: { 'if-none-match': list } });
      t.match(answer, { status: 304, text: '', headers: { etag: tag } }, `${method} If-None-Match: ${list}`);
    }
    t.equal((await send(method, ROW, { headers: { 'if-none-match': '"x"' } })).status, 200);
    for (const list of [tag, `"x", ${tag}`, '*']) {
      t.equal((await send(method, ROW, { headers: { 'if-match': list } })).status, 200, `${method} If-Match: ${list}`);
    }
    for (const list of ['"x"', `W/${tag}`]) {
      t.equal((await send(method, ROW, { headers: { 'if-match': list } })).status, 412, `${method} If-Match: ${list}`);
    }
    t.equal(
      (await send(method, `${ROW}2`, { headers: { 'if-match': '*' } })).status,
      404,
      'a missing row is still 404',
    );
  }
});

t.test('writes honour conditions', async (t) => {
  const { send, table } = await startApp(t);
  const failed = (answer: Awaited<ReturnType<typeof send>>, what: string) =>
    isProblem(t, answer, 412, 'ERR_PRECONDITION_FAILED', what);
  const json = { text: 'x' };
  failed(await send('PUT', ROW, { json, headers: { 'if-match': '*' } }), 'PUT of a missing row with If-Match: *');
  failed(await send('PUT', ROW, { json, headers: { 'if-match': '"1"' } }), 'PUT of a missing row with If-Match: "1"');
  t.equal((await send('PATCH', ROW, { json, headers: { 'if-match': '*' } })).status, 404, 'PATCH of a missing row');
  t.equal((await send('DELETE', ROW, { headers: { 'if-match': '*' } })).status, 404, 'DELETE of a missing row');
  const increment = { json: { column: 'i8', by: 2 } };
  failed(
    await send('POST', `${ROW}/increment`, { ...increment, headers: { 'if-match': '*' } }),
    'increment of a missing row',
  );

  const created = await send('PUT', ROW, { json, headers: { 'if-none-match': '*' } });
  t.equal(created.status, 201, 'PUT with If-None-Match: * creates');
  failed(await send('PUT', ROW, { json, headers: { 'if-none-match': '*' } }), 'and never replaces');
  const first = created.headers.etag ?? '';
  const patched = await send('PATCH', ROW, { json: { i8: 1 }, headers: { 'if-match': first } });
  t.equal(patched.status, 200);
  failed(await send('PATCH', ROW, { json: { i8: 1 }, headers: { 'if-match': first } }), 'PATCH of an older version');
  failed(await send('PUT', ROW, { json, headers: { 'if-match': first } }), 'PUT of an older version');
  failed(await send('DELETE', ROW, { headers: { 'if-match': first } }), 'DELETE of an older version');
  const second = patched.headers.etag ?? '';
  failed(await send('PUT', ROW, { json, headers: { 'if-match': `W/${second}` } }), 'a weak tag');
  const third = await send('POST', `${ROW}/increment`, { ...increment, headers: { 'if-match': second } });
  t.match(third, { status: 200, json: { value: 3 } }, 'increment');
  failed(
    await send('POST', `${ROW}/increment`, { ...increment, headers: { 'if-match': second } }),
    'increment of an older version',
  );
  t.equal((await send('DELETE', ROW, { headers: { 'if-match': third.headers.etag ?? '' } })).status, 204);
  const fresh = await send('POST', `${ROW}/increment`, { ...increment, headers: { 'if-none-match': '*' } });
  t.match(
    fresh,
    { status: 200, json: { value: 2, revision: table.entry('k')?.revision } },
    'increment that creates the row',
  );
});

t.test('of many writers with the same tag, exactly one succeeds', async (t) => {
  const { send, table } = await startApp(t);
  table.set('k', {});
  for (let round = 0; round < 20; round++) {
    const headers = { 'if-match': `"${table.entry('k')?.revision}"` };
    const puts = Array.from({ length: 8 }, (_, i) => send('PUT', ROW, { json: { u32: round * 8 + i }, headers }));
    const statuses = (await Promise.all(puts)).map(({ status }) => status);
    t.same(statuses.sort(), [200, ...Array.from({ length: 7 }, () => 412)]);
  }
});
