/** Requests to a service while its table is altered. */
import { Agent } from 'node:http';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { type JsonValue, send } from '../fixtures/http-client.js';
import { startApp } from '../fixtures/server-app.js';
import { startService } from '../fixtures/server-process.js';
import { tries } from '../fixtures/tries.js';
import { Child } from '../table/child.js';

const OLD = { n: 'int32' } as const;

/** Whether a row has the columns and types of one of the two schemas, and of no mixture. */
function isWhole(row: JsonValue): boolean {
  const names = Object.keys(row).join();
  return names === 'n' ? typeof row.n === 'number' : names === 'n,more' && typeof row.n === 'string' && row.more === '';
}

t.test(
  'every response has the columns and types of one schema, whenever another process alters the table',
  async (t) => {
    const ROUNDS = tries(150, 3000);
    const { service, port } = await startService(t, { config: { tables: { a: { capacity: 100, columns: OLD } } } });
    const { namespace } = service;
    const filled = Table.open('a', { namespace });
    for (let i = 0; i < 30; i++) filled.set(`row-${i}`, { n: i });
    filled.close();
    const child = Child.start<unknown>(t, 'alter-types', namespace, 'a');
    t.equal(await child.next(), 'ready');
    const agents = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })];
    t.teardown(() => {
      for (const agent of agents) agent.destroy();
    });
    const batch = [
      { op: 'get', key: 'row-2' },
      { op: 'increment', key: 'batch', column: 'n' },
      { op: 'get', key: 'row-3' },
    ];
    const mixed: string[] = [];
    const refused = new Map<string, number>();
    let increments = 0;
    await Promise.all(
      agents.map(async (agent, client) => {
        const request = async (method: string, path: string, json?: unknown): Promise<JsonValue> => {
          const answer = await send(port, method, `/v1/tables/a/${path}`, { agent, json });
          if (answer.status < 300) return answer.json;
          refused.set(`${method} ${answer.json.code}`, (refused.get(`${method} ${answer.json.code}`) ?? 0) + 1);
          return undefined;
        };
        for (let i = 0; i < ROUNDS; i++) {
          const rows: JsonValue[] = [
            await request('GET', `rows/row-${i % 30}`),
            await request('PUT', `rows/put-${client}`, { n: i }),
            await request('PATCH', 'rows/row-1', { n: 1 }),
            ...((await request('GET', 'rows?limit=50'))?.rows ?? []),
          ];
          const results: JsonValue[] = (await request('POST', 'batch', batch))?.results ?? [];
          if (results[1]?.status < 300) increments++;
          if ((await request('POST', 'rows/single/increment', { column: 'n' })) !== undefined) increments++;
          for (const each of [...rows, ...results]) {
            if (each?.row !== undefined && !isWhole(each.row)) mixed.push(JSON.stringify(each));
            if (each?.status >= 500) refused.set(`batch ${each.problem.code}`, 1);
          }
        }
      }),
    );
    child.go();
    const alterations = Number(await child.next());
    t.same(mixed, [], `${alterations} alterations`);
    // A writer may wait for too long; nothing else may happen.
    const others = [...refused.keys()].filter((what) => !what.endsWith('ERR_LOCK_TIMEOUT'));
    t.same(others, [], JSON.stringify([...refused]));
    using table = Table.open('a', { namespace });
    const counted = Number(table.get('batch', 'n')) + Number(table.get('single', 'n'));
    t.equal(counted, increments, `${increments} increments`);
    t.ok(alterations > 10);
  },
);

t.test('a worker serves requests while it alters a large table', async (t) => {
  const { send, namespace } = await startApp(t);
  const ROWS = 200_000;
  using table = Table.create({ name: 'large', namespace, capacity: ROWS, columns: { n: 'int32', s: 'string(20)' } });
  for (let i = 0; i < ROWS; i++) table.set(`row-${i}`, { n: i });
  let isDone = false;
  const altered = send('PATCH', '/v1/tables/large', { json: { add: { more: 'int8' }, capacity: 2 * ROWS } }).then(
    (answer) => {
      isDone = true;
      return answer;
    },
  );
  let served = 0;
  while (!isDone) {
    const { status } = await send('GET', '/v1/tables/large/rows/row-7');
    if (status === 200) served++;
    else t.fail(`GET is ${status}`);
  }
  t.match(await altered, { status: 200, json: { capacity: 2 * ROWS, rows: ROWS } });
  t.ok(served > 20, `${served} requests meanwhile`);
});
