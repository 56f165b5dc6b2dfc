import t from 'tap';
import { Table } from '../../src/index.js';
import { commandIn } from '../fixtures/command-run.js';
import { send } from '../fixtures/http-client.js';
import { startService } from '../fixtures/server-process.js';

/** Services of different namespaces, and of one namespace. */
const ONE_WORKER = ['--workers', '1'];

const first = await startService(t, {
  args: [...ONE_WORKER, '--table', 't:10:n=int64', '--table', 'only:10:n=int64'],
});

t.test('services of different namespaces do not see each other', async (t) => {
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
  t.same(
    (await send(first.port, 'GET', '/v1/tables/t/rows/k')).json.row,
    { n: '1' },
    'not even that the other table was destroyed',
  );
  t.same(await namesOf(second.port), []);
});

t.test('a second service over the same tables needs the same schemas', async (t) => {
  const { service, port } = first;
  const env = { SHMTABLE_NAMESPACE: service.namespace };
  const shmtable = commandIn(service.namespace);
  await send(port, 'PUT', '/v1/tables/t/rows/k', { json: { n: 1 } });
  for (const [table, what] of [
    ['t:10:n=int32', /int32[\s\S]*int64|int64[\s\S]*int32/],
    ['t:11:n=int64', /\b11\b[\s\S]*\b10\b|\b10\b[\s\S]*\b11\b/],
  ] as const) {
    const other = await shmtable(['serve', '--port', '0', ...ONE_WORKER, '--table', table]);
    t.equal(other.code, 1, `with another schema, ${table}, it does not start`);
    t.match(other.stderr, what, 'and reports both schemas');
  }
  t.same((await send(port, 'GET', '/v1/tables/t/rows/k')).json.row, { n: '1' }, 'the first service is not affected');
  const same = await startService(t, { args: [...ONE_WORKER, '--table', 't:10:n=int64'], env });
  t.same(
    (await send(same.port, 'GET', '/v1/tables/t/rows/k')).json.row,
    { n: '1' },
    'with the same schema, it serves the rows',
  );
  await send(same.port, 'PUT', '/v1/tables/t/rows/k', { json: { n: 2 } });
  t.same((await send(port, 'GET', '/v1/tables/t/rows/k')).json.row, { n: '2' }, 'both do');
  same.service.signal('SIGTERM');
  await same.service.ended;
  t.same((await send(port, 'GET', '/v1/tables/t/rows/k')).json.row, { n: '2' }, 'whichever ends');
  using table = Table.open('t', { namespace: service.namespace });
  t.equal(table.get('k', 'n'), 2n);
});
