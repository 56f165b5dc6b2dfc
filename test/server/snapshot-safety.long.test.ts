/**
 * Snapshots must not bring back deleted tables, lose tables that were created over HTTP, leave tables half restored, or
 * replace better snapshots.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Table } from '../../src/table/table.js';
import { eventually } from '../fixtures/deadline.js';
import { send } from '../fixtures/http-client.js';
import { startService } from '../fixtures/server-process.js';
import { keepTables, startKeeper } from '../fixtures/snapshot-keeping.js';

const columns = { n: 'int32' } as const;
const TABLE = { capacity: 100, columns };

let namespaces = 0;

function places(t: Test): { dir: string; namespace: string } {
  const dir = mkdtempSync(join(tmpdir(), 'shmtable-safety-'));
  const namespace = `test-${process.pid}-safety-${namespaces++}`;
  t.teardown(() => {
    for (const { name } of Table.list({ namespace })) Table.destroy(name, { namespace });
    rmSync(dir, { recursive: true });
  });
  return { dir, namespace };
}

function rowsOf(namespace: string, name: string): number {
  using table = Table.open(name, { namespace, columns });
  return table.size;
}

t.test('a deleted table is not restored, and one created over HTTP is', async (t) => {
  const { dir, namespace } = places(t);
  const config = { tables: { given: TABLE }, snapshots: { dir } };
  const env = { SHMTABLE_NAMESPACE: namespace };
  const start = () => startService(t, { args: ['--workers', '1'], config, env });
  const first = await start();
  const request = (port: number, method: string, path: string, json?: unknown) =>
    send(port, method, `/v1/tables/${path}`, { json });
  for (const name of ['made', 'removed']) {
    t.equal((await request(first.port, 'PUT', name, { ...TABLE, maxKeyBytes: 20, changes: 65_536 })).status, 201);
  }
  for (const name of ['given', 'made', 'removed']) await request(first.port, 'PUT', `${name}/rows/k`, { n: 1 });
  first.service.signal('SIGTERM');
  t.equal(await first.service.ended, 0);
  const second = await start();
  for (const name of ['given', 'removed']) t.equal((await request(second.port, 'DELETE', name)).status, 204);
  t.equal((await request(second.port, 'DELETE', 'never')).status, 404);
  second.service.signal('SIGTERM');
  t.equal(await second.service.ended, 0);
  Table.destroy('made', { namespace });
  const third = await start();
  t.same((await request(third.port, 'GET', 'given/rows')).json.rows, [], 'a configured table is empty');
  t.equal((await request(third.port, 'GET', 'removed')).status, 404, 'another one is not created');
  const made = (await request(third.port, 'GET', 'made')).json;
  t.match(made, { rows: 1, maxKeyBytes: 20, changes: 65_536 }, 'the other has its rows and options');
  t.notOk(
    readdirSync(dir).some((name) => name.startsWith('never')),
    'no deletion is recorded for a table that does not exist',
  );
});

t.test('a table that is deleted while the service cannot open it is not restored', async (t) => {
  const { dir, namespace } = places(t);
  const config = { snapshots: { dir } };
  const { port } = await startService(t, {
    args: ['--workers', '1'],
    config,
    env: { SHMTABLE_NAMESPACE: namespace },
  });
  using table = Table.create({ ...TABLE, name: 'full', namespace, maxParticipants: 1 });
  await table.snapshot(join(dir, 'full.1700000000000.snapshot'));
  t.equal((await send(port, 'GET', '/v1/tables/full')).json.code, 'ERR_TOO_MANY_PARTICIPANTS');
  t.equal((await send(port, 'DELETE', '/v1/tables/full')).status, 204);
  t.ok(
    readdirSync(dir).some((name) => /^full\..*\.deleted$/.test(name)),
    'the deletion is recorded',
  );
});

t.test('only tables that the service would serve count when tables are restored and snapshots taken', async (t) => {
  const { dir, namespace } = places(t);
  const made = { ...TABLE, namespace };
  using table = Table.create({ ...made, name: 'given' });
  table.set('k', { n: 1 });
  await table.snapshot(join(dir, 'given.1700000000000.snapshot'));
  table.destroy();
  // Tables of programs: one of the same name where the configured one is not, one that the service cannot find, and two
  // of one name.
  using other = Table.create({ ...made, name: 'given', backend: 'sysv' });
  using file = Table.create({ ...made, name: 'file', backend: 'file', path: join(dir, 'file') });
  using first = Table.create({ ...made, name: 'two' });
  using second = Table.create({ ...made, name: 'two', backend: 'sysv' });
  const snapshots = { dir, restoreAtStart: true, atShutdown: true };
  const kept = await keepTables({ namespace, snapshots, tables: { given: TABLE } });
  t.equal(rowsOf(namespace, 'given'), 1, 'the configured table is restored');
  await kept.stop();
  t.same(
    kept.log.flatMap(({ msg, table }) => (msg === 'table restored' ? [] : [`${msg}: ${table}`])),
    ['snapshot taken: given', 'snapshot taken: two'],
    'one snapshot of each, and no failure',
  );
  for (const each of [other, file, first, second]) each.destroy();
});

t.test('a snapshot that was being taken when the table was deleted is not restored', async (t) => {
  const { dir, namespace } = places(t);
  const kept = await keepTables({ namespace, snapshots: { dir }, tables: { t: TABLE } });
  kept.handles.use('t', ({ table }) => table.set('k', { n: 1 }));
  await kept.stop();
  const [taken] = readdirSync(dir);
  const at = Number(taken.split('.')[1]);
  // As the worker that deletes the table leaves it: the record is later than the snapshot, which appears afterwards.
  writeFileSync(join(dir, `t.${at + 1}.deleted`), '');
  Table.destroy('t', { namespace });
  const again = await keepTables({ namespace, snapshots: { dir }, tables: { t: TABLE } });
  t.equal(rowsOf(namespace, 't'), 0);
  await again.stop();
  t.equal(readdirSync(dir).length, 1, 'the next snapshot replaces both');
  t.notOk(readdirSync(dir).includes(taken));
});

t.test('a table is restored again after kill -9 during its restore', async (t) => {
  const { dir, namespace } = places(t);
  const capacity = 50_000;
  const settings = { namespace, snapshots: { dir, atShutdown: false }, tables: { t: { capacity, columns } } };
  const first = await keepTables(settings);
  await first.handles.use('t', ({ table }) => {
    for (let n = 0; n < capacity; n++) table.set(`${n}`, { n });
    return table.snapshot(join(dir, 't.1790000000000.snapshot'));
  });
  await first.stop();
  Table.destroy('t', { namespace });
  const killed = startKeeper(settings);
  await eventually('it reads the snapshot', () => killed.hasOpen(dir));
  await killed.kill();
  const again = await keepTables(settings);
  t.equal(rowsOf(namespace, 't'), capacity, 'every row has been restored');
  await again.stop();
});

t.test('a snapshot of a table that lost its rows does not replace the one that has them', async (t) => {
  const { dir, namespace } = places(t);
  const settings = { namespace, snapshots: { dir, keep: 1 }, tables: { t: TABLE } };
  const first = await keepTables(settings);
  first.handles.use('t', ({ table }) => {
    for (let n = 0; n < 50; n++) table.set(`${n}`, { n });
  });
  await first.stop();
  const [full] = readdirSync(dir);
  for (const rounds of [1, 2]) {
    const next = await keepTables(settings);
    next.handles.use('t', ({ table }) => table.clear());
    await next.stop();
    const aside = full.replace('snapshot', 'lost');
    t.ok(readdirSync(dir).includes(aside), `still kept after ${rounds} more`);
    if (rounds > 1) continue;
    const warning = next.log.find(({ msg }) => msg.startsWith('rows lost'));
    t.match(warning, { level: 40, table: 't', rows: 0, rowsBefore: 50, kept: join(dir, aside) });
  }
  const restored = await Table.restore(join(dir, full.replace('snapshot', 'lost')), { name: 'back', namespace });
  t.equal(restored.size, 50, 'and can be restored');
  restored.close();
});
