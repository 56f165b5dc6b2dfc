/** Long requests yield to the other work of their worker: here, to the test, which shares its event loop. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { Turns } from '../../src/server/turns.js';
import { engineOf } from '../../src/table/engine.js';
import { Table } from '../../src/table/table.js';
import { startApp } from '../fixtures/server-app.js';

const ROWS = 300_000;

t.test('long requests yield to the event loop', async (t) => {
  const app = await startApp(t);
  const json = { capacity: ROWS, columns: { n: 'int32', text: 'string(20)' } } as const;
  t.equal((await app.send('PUT', '/v1/tables/large', { json })).status, 201);
  const table = Table.open('large', { namespace: app.namespace, columns: json.columns });
  t.teardown(() => table.close());

  await t.test('a batch yields', async (t) => {
    const operations = Array.from({ length: 10_000 }, (_, i) => ({ op: 'put', key: `${i}`, row: { n: i, text: 'x' } }));
    const answer = app.send('POST', '/v1/tables/large/batch', { json: operations });
    while (!table.has('0')) await nextTurn();
    t.notOk(table.has('9999'), 'it is not complete yet');
    t.equal((await answer).json.results.length, 10_000);
    t.ok(table.has('9999'));
  });

  for (let n = 0; n < ROWS; n++) table.set(`${n}`, { n });

  await t.test('a search for few of many keys yields', async (t) => {
    const found: string[] = [];
    for (let query = ''; ; ) {
      const { rows, cursor } = (await app.send('GET', `/v1/tables/large/rows?prefix=29999${query}`)).json;
      for (const { key } of rows) found.push(key);
      if (cursor === null) break;
      query = `&cursor=${encodeURIComponent(cursor)}`;
    }
    t.equal(table.scan({ prefix: '29999', limit: 100 }).entries.length < 11, true, 'a page does not examine all rows');
    const expected = ['29999', ...Array.from({ length: 10 }, (_, i) => `29999${i}`)];
    t.same(found.sort(), expected.sort(), 'each of them once, on however many pages');
  });

  await t.test('a search for lines that no key has yields', async (t) => {
    let isOver = false;
    let looks = 0;
    const options = { headers: { accept: 'application/x-ndjson' } };
    const search = () => app.send('GET', '/v1/tables/large/rows?prefix=none', options);
    const answers = Promise.all(Array.from({ length: 6 }, search)).finally(() => {
      isOver = true;
    });
    for (; !isOver; looks++) await nextTurn();
    for (const { text } of await answers) t.equal(text, '');
    t.ok(looks >= 12, `the test ran ${looks} times meanwhile`);
  });

  await t.test('clearing yields', async (t) => {
    const cleared = app.send('DELETE', '/v1/tables/large/rows');
    while (table.size === ROWS) await nextTurn();
    t.ok(table.size > 0, 'it is not complete yet');
    t.equal((await cleared).status, 204);
    t.equal(table.size, 0);
  });
});

t.test('very many expired rows are not counted in one turn', async (t) => {
  const { namespace, send } = await startApp(t);
  const columns = { n: 'int32' } as const;
  const make = (name: string, rows: number) => {
    const table = Table.create({ name, namespace, capacity: ROWS, columns });
    for (let n = 0; n < rows; n++) table.set(`${n}`, { n }, { ttl: 1 });
    table.set('lasts', {});
    return table;
  };
  const few = make('few', 3);
  const many = make('many', ROWS - 1);
  while (many.has(`${ROWS - 2}`)) await nextTurn();
  t.same([engineOf(few).quickSize, engineOf(many).quickSize], [1, undefined]);
  // From now on nobody removes them.
  for (const table of [few, many]) table.close();
  const { tables } = (await send('GET', '/v1/tables')).json;
  const listed = Object.fromEntries(tables.map(({ name, rows }: { name: string; rows: number }) => [name, rows]));
  t.equal(listed.few, 1);
  t.ok(listed.many > 1, 'the list counts them as rows');
  for (const name of ['few', 'many']) {
    t.equal((await send('GET', `/v1/tables/${name}/count`)).json.count, 1, `${name}: counted in turns`);
  }
});

t.test('clearing a table spares a new one of its name', async (t) => {
  const { namespace, send } = await startApp(t);
  const definition = { name: 'large', namespace, capacity: ROWS, columns: { n: 'int32' } } as const;
  const create = () => {
    const table = Table.create(definition);
    for (let n = 0; n < ROWS; n++) table.set(`${n}`, { n });
    return table;
  };
  using table = create();
  const answer = send('DELETE', '/v1/tables/large/rows');
  while (table.size === ROWS) await nextTurn();
  t.ok(table.size > 0, 'it is not complete yet');
  table.destroy();
  using successor = create();
  t.equal((await answer).status, 204);
  t.equal(successor.size, ROWS);
});

t.test('a large table that is destroyed while it is created is not created in the event loop', async (t) => {
  const { namespace, send } = await startApp(t);
  const { create } = Table;
  t.teardown(() => Object.assign(Table, { create }));
  let creations = 0;
  const counting = (...options: Parameters<typeof create>): unknown => {
    creations++;
    return create.apply(Table, options);
  };
  // Of this thread only: other threads have a class of their own.
  Object.assign(Table, { create: counting });
  let pending = true;
  const json = { capacity: 2_000_000, columns: { n: 'int32' } };
  const created = send('PUT', '/v1/tables/large', { json }).finally(() => {
    pending = false;
  });
  let destroyed = false;
  for (; pending; await nextTurn()) {
    if (destroyed || !Table.list({ namespace }).some(({ name }) => name === 'large')) continue;
    Table.destroy('large', { namespace });
    destroyed = true;
  }
  t.equal((await created).status, 201);
  t.ok(destroyed);
  t.equal(creations, 0);
});

t.test('creating a large table yields', async (t) => {
  const app = await startApp(t);
  const create = (name: string, json: object) => app.send('PUT', `/v1/tables/${name}`, { json });
  const large = { capacity: 2_000_000, columns: { n: 'int32' } } as const;
  let pending = true;
  const created = create('large', large).finally(() => {
    pending = false;
  });
  let longest = 0;
  const start = performance.now();
  let end = start;
  while (pending) {
    await nextTurn();
    const now = performance.now();
    longest = Math.max(longest, now - end);
    end = now;
  }
  t.match(await created, { status: 201, headers: { location: '/v1/tables/large' }, json: { capacity: 2_000_000 } });
  t.ok(longest < (end - start) / 2, `the longest turn: ${longest.toFixed(0)} of ${(end - start).toFixed(0)} ms`);

  t.equal((await create('large', large)).status, 200, 'it exists with this schema');
  const other = { ...large, capacity: 2_000_001 };
  t.match(await create('large', other), { status: 409, json: { code: 'ERR_SCHEMA_MISMATCH' } });
  const both = await Promise.all([create('twice', large), create('twice', large)]);
  t.same(both.map(({ status }) => status).sort(), [200, 201], 'of two requests one creates it');
  const tooLarge = { ...large, capacity: 2 ** 31 - 1, columns: { text: 'string(60000)' } };
  t.match(await create('huge', tooLarge), { status: 507, json: { code: 'ERR_SEGMENT_TOO_LARGE' } });
});

t.test('only one of many long requests continues in each turn of the event loop', async (t) => {
  const REQUESTS = 30;
  const ROUNDS = 5;
  let continued = 0;
  let ended = 0;
  const request = async (): Promise<void> => {
    const turns = new Turns();
    for (let round = 0; round < ROUNDS; round++) {
      await turns.next();
      continued++;
    }
    ended++;
  };
  const all = Promise.all(Array.from({ length: REQUESTS }, request));
  let most = 0;
  while (ended < REQUESTS) {
    const before = continued;
    await nextTurn();
    most = Math.max(most, continued - before);
  }
  await all;
  t.equal(continued, REQUESTS * ROUNDS);
  t.equal(most, 1);
});
