import t from 'tap';
import { Table } from '../../src/index.js';
import { send } from '../fixtures/http-client.js';
import { ServiceProcess, startService } from '../fixtures/server-process.js';

/** Workers of one service see the same tables; here it is about services. */
const ONE_WORKER = ['--workers', '1'];

t.test('two services of different namespaces do not see each other', async (t) => {
  const first = await startService(t, {
    args: [...ONE_WORKER, '--table', 't:10:n=int64', '--table', 'only:10:n=int64'],
  });
  const second = await startService(t, { args: [...ONE_WORKER, '--table', 't:20:text=string(5)'] });
  const namesOf = async (port: number) => {
    const { tables } = (await send(port, 'GET', '/v1/tables')).json;
    return tables.map(({ name }: { name: string }) => name).sort();
  };
  t.same(await namesOf(first.port), ['only', 't']);
  t.same(await namesOf(second.port), ['t']);
  t.equal((await send(second.port, 'GET', '/v1/tables/only')).json.code, 'ERR_TABLE_NOT_FOUND');
  await send(first.port, 'PUT', '/v1/tables/t/rows/k', { json: { n: 1 } });
  t.equal((await send(second.port, 'GET', '/v1/tables/t/rows/k')).json.code, 'ERR_ROW_NOT_FOUND');
  await send(second.port, 'PUT', '/v1/tables/t/rows/k', { json: { text: 'x' } });
  t.same((await send(first.port, 'GET', '/v1/tables/t/rows/k')).json.row, { n: '1' });
  t.equal((await send(second.port, 'DELETE', '/v1/tables/t')).status, 204);
  t.same((await send(first.port, 'GET', '/v1/tables/t/rows/k')).json.row, { n: '1' }, 'not even the end of a table');
  t.same(await namesOf(second.port), []);
});

t.test('a second service over the same tables', async (t) => {
  const { service, port } = await startService(t, { args: [...ONE_WORKER, '--table', 't:10:n=int64'] });
  const env = { SHMTABLE_NAMESPACE: service.namespace };
  await send(port, 'PUT', '/v1/tables/t/rows/k', { json: { n: 1 } });
  for (const [table, what] of [
    ['t:10:n=int32', /int32[\s\S]*int64|int64[\s\S]*int32/],
    ['t:11:n=int64', /\b11\b[\s\S]*\b10\b|\b10\b[\s\S]*\b11\b/],
  ] as const) {
    const other = new ServiceProcess(t, { args: ['--port', '0', '--workers', '1', '--table', table], env });
    t.equal(await other.ended, 1, `of another schema, ${table}, does not start`);
    t.match(other.stderr, what, 'and shows both');
  }
  t.same((await send(port, 'GET', '/v1/tables/t/rows/k')).json.row, { n: '1' }, 'the first goes on');
  const same = await startService(t, { args: [...ONE_WORKER, '--table', 't:10:n=int64'], env });
  t.same((await send(same.port, 'GET', '/v1/tables/t/rows/k')).json.row, { n: '1' }, 'of the same, it serves the rows');
  await send(same.port, 'PUT', '/v1/tables/t/rows/k', { json: { n: 2 } });
  t.same((await send(port, 'GET', '/v1/tables/t/rows/k')).json.row, { n: '2' }, 'both do');
  same.service.signal('SIGTERM');
  await same.service.ended;
  t.same((await send(port, 'GET', '/v1/tables/t/rows/k')).json.row, { n: '2' }, 'whichever ends');
  using table = Table.open('t', { namespace: service.namespace });
  t.equal(table.get('k', 'n'), 2n);
});
