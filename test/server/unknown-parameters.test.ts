/** An unknown query parameter. If it were ignored, a request could do more than was intended. */
import t from 'tap';
import { isProblem, startApp } from '../fixtures/server-app.js';

const ROWS = '/v1/tables/t/rows';
const row = { json: { text: 'new' } };

const REQUESTS = [
  ['GET', '/v1/tables'],
  ['GET', '/v1/tables/t'],
  ['PUT', '/v1/tables/other', { json: { capacity: 1, columns: { n: 'int8' } } }],
  ['DELETE', '/v1/tables/t'],
  ['GET', ROWS],
  ['DELETE', ROWS],
  ['GET', `${ROWS}/a`],
  ['PUT', `${ROWS}/a`, row],
  ['PATCH', `${ROWS}/a`, row],
  ['DELETE', `${ROWS}/a`],
  ['POST', `${ROWS}/a/increment`, { json: { column: 'i8' } }],
  ['POST', '/v1/tables/t/batch', { json: [{ op: 'delete', key: 'a' }] }],
  ['GET', '/v1/tables/t/changes'],
] as const;

t.test('every route rejects it, and nothing is executed', async (t) => {
  const { send, table, namespace } = await startApp(t);
  table.set('a', { text: 'old' }).set('b', {});
  const before = new Map(table);
  for (const [method, path, options] of REQUESTS) {
    const answer = await send(method, `${path}?surprise=1`, options);
    isProblem(t, answer, 400, 'ERR_ARGUMENT', `${method} ${path}`);
    t.match(answer.json?.detail, /unknown query parameter "surprise"/);
    t.ok(table.isOpen, 'the table exists');
    t.same(new Map(table), before, 'with its rows');
  }
  t.equal((await send('GET', '/v1/tables')).json?.tables.length, 1, `no table was created in ${namespace}`);
});

t.test('the nearest parameter is named', async (t) => {
  const { send } = await startApp(t);
  t.match((await send('GET', `${ROWS}?prefx=a`)).json?.detail, /"prefx"; did you mean prefix\?/);
  t.match((await send('DELETE', `${ROWS}?prefix=a`)).json?.detail, /"prefix"; this request takes none/);
});
