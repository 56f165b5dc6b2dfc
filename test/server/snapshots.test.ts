/** Snapshots that the service takes and reads: on a schedule, at shutdown, at start, killed meanwhile. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { loadSettings } from '../../src/server/settings/load-settings.js';
import { Table } from '../../src/table/table.js';
import { eventually } from '../cache/deadline.js';
import { send } from '../fixtures/http-client.js';
import { type LogEntry, ServiceProcess, startService } from '../fixtures/server-process.js';

const columns = { n: 'int32' } as const;
const ROW = '/v1/tables/t/rows/k';

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-snapshots-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Starts a service whose settings name a table `t` and snapshots. */
function start(t: Test, snapshots: object, namespace?: string, table: object = { capacity: 100, columns }) {
  const env = namespace === undefined ? {} : { SHMTABLE_NAMESPACE: namespace };
  return startService(t, { args: ['--workers', '1'], config: { tables: { t: table }, snapshots }, env });
}

const isTaken = ({ msg }: LogEntry): boolean => msg === 'snapshot taken';
const isRestored = ({ msg }: LogEntry): boolean => msg === 'table restored';

/** Names of a table's snapshots, the oldest first. */
function snapshotsIn(folder: string, table = 't'): string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${table}.`) && name.endsWith('.snapshot'))
    .sort();
}

/** What a table of the snapshot holds under `k`. */
async function valueIn(path: string): Promise<number | undefined> {
  const options = { name: 'look', namespace: `test-${process.pid}-look` };
  const table = await Table.restore(path, { ...options, columns });
  const value = table.get('k', 'n');
  table.destroy();
  return value;
}

async function stopped(service: ServiceProcess): Promise<void> {
  service.signal('SIGTERM');
  const code = await service.ended;
  if (code !== 0) throw new Error(`the service ended with ${code}: ${service.stderr}`);
}

t.test('on a schedule, the last few kept', async (t) => {
  const dir = join(folderOf(t), 'made', 'when missing');
  const { service, port } = await start(t, { dir, everyMs: 50, keep: 2, atShutdown: false });
  await send(port, 'PUT', '/v1/tables/other', { json: { capacity: 5, columns } });
  const taken = (table: string) => service.log.filter((entry) => isTaken(entry) && entry.table === table).length;
  for (let n = 1; n <= 4; n++) {
    await send(port, 'PUT', ROW, { json: { n } });
    const before = taken('t');
    await eventually('snapshots after the write', () => taken('t') >= before + 2);
  }
  await eventually('the other table too', () => taken('other') >= 3);
  await stopped(service);
  for (const table of ['t', 'other']) t.equal(snapshotsIn(dir, table).length, 2, `two of ${table}`);
  t.equal(readdirSync(dir).length, 4, 'and nothing else');
  t.equal(await valueIn(join(dir, snapshotsIn(dir)[1])), 4, 'the newest has the last value');
  const last = service.log.filter(isTaken).map(({ snapshot }) => snapshot);
  t.ok(last.includes(join(dir, snapshotsIn(dir)[1])), 'the log names it');
});

t.test('at shutdown and at start', async (t) => {
  const dir = folderOf(t);
  const first = await start(t, { dir });
  const { namespace } = first.service;
  await send(first.port, 'PUT', ROW, { json: { n: 1 } });
  t.same(readdirSync(dir), [], 'none before');
  await stopped(first.service);
  t.equal(snapshotsIn(dir).length, 1);

  // A table that is there is left as it is.
  const second = await start(t, { dir }, namespace);
  t.notOk(second.service.log.some(isRestored));
  await send(second.port, 'PUT', ROW, { json: { n: 2 } });
  await stopped(second.service);
  t.equal(snapshotsIn(dir).length, 2);

  Table.destroy('t', { namespace });
  const third = await start(t, { dir }, namespace);
  t.match(third.service.log.find(isRestored), { table: 't', snapshot: join(dir, snapshotsIn(dir)[1]), rows: 1 });
  t.equal((await send(third.port, 'GET', ROW)).json.row.n, 2, 'the newest');
  await send(third.port, 'PUT', ROW, { json: { n: 3 } });
  t.equal((await send(third.port, 'GET', ROW)).json.row.n, 3, 'and can be written');
  await stopped(third.service);

  Table.destroy('t', { namespace });
  const never = await start(t, { dir, restoreAtStart: false, atShutdown: false }, namespace);
  t.equal((await send(never.port, 'GET', ROW)).status, 404, 'unless it should not be');
  const before = readdirSync(dir);
  await stopped(never.service);
  t.same(readdirSync(dir), before, 'nor taken at shutdown');
});

t.test('a damaged newest one is left out', async (t) => {
  const dir = folderOf(t);
  const first = await start(t, { dir });
  const { namespace } = first.service;
  await send(first.port, 'PUT', ROW, { json: { n: 1 } });
  await stopped(first.service);
  Table.destroy('t', { namespace });
  const [sound] = snapshotsIn(dir);
  const bytes = readFileSync(join(dir, sound));
  const truncated = `t.${Date.now() + 1_000_000}.snapshot`;
  writeFileSync(join(dir, truncated), bytes.subarray(0, bytes.length - 9));
  const flipped = `t.${Date.now() + 2_000_000}.snapshot`;
  bytes[bytes.length >> 1] ^= 1;
  writeFileSync(join(dir, flipped), bytes);
  // Of other tables, and none at all.
  for (const name of ['t.x.9999999999999.snapshot', 'u.9999999999999.snapshot', 't.99.snapshot', 'notes.txt']) {
    writeFileSync(join(dir, name), 'no snapshot');
  }

  const second = await start(t, { dir, keep: 1 }, namespace);
  const leftOut = second.service.log.filter(({ msg }) => msg === 'damaged snapshot left out');
  t.match(leftOut, [
    { table: 't', snapshot: join(dir, flipped), err: { code: 'ERR_SNAPSHOT_DAMAGED' } },
    { table: 't', snapshot: join(dir, truncated), err: { code: 'ERR_SNAPSHOT_DAMAGED' } },
  ]);
  t.equal((await send(second.port, 'GET', ROW)).json.row.n, 1, 'the one before is taken');

  // The damaged ones bear later times: the next one must count as newer all the same.
  await send(second.port, 'PUT', ROW, { json: { n: 2 } });
  await stopped(second.service);
  const left = readdirSync(dir).sort();
  t.equal(left.length, 5, 'one of this table is kept');
  const [newest] = snapshotsIn(dir).filter((name) => /^t\.[0-9]{13}\.snapshot$/.test(name));
  t.equal(await valueIn(join(dir, newest)), 2, 'and it is the newest');

  Table.destroy('t', { namespace });
  writeFileSync(join(dir, newest), 'nothing sound is left');
  const third = await start(t, { dir, atShutdown: false }, namespace);
  t.equal((await send(third.port, 'GET', ROW)).status, 404, 'without a sound one the table is empty');
});

t.test('kill -9 during a snapshot leaves the previous one', async (t) => {
  const dir = folderOf(t);
  const capacity = 10_000;
  const table = { capacity, columns: { ...columns, text: 'string(900)' } } as const;
  let { service } = await start(t, { dir }, undefined, table);
  const { namespace } = service;
  const rows = Table.open('t', { namespace, columns: table.columns });
  for (let n = 0; n < capacity; n++) rows.set(`${n}`, { n, text: 'x'.repeat(900) });
  rows.close();
  await stopped(service);
  let [previous] = snapshotsIn(dir);
  for (let kill = 0; kill < 3; kill++) {
    ({ service } = await start(t, { dir, everyMs: 1, keep: 1, atShutdown: false }, namespace, table));
    const unfinished = (): boolean => readdirSync(dir).some((name) => name.endsWith('.tmp'));
    // A few are finished first, so that it is killed at other moments of the round, too.
    for (let i = 0, from = 0; i < kill; i++) from = 1 + service.log.indexOf(await service.logged(isTaken, from));
    await eventually('a snapshot is being written', unfinished);
    await sleep(Math.random() * 20);
    service.signal('SIGKILL');
    await service.ended;
    await eventually('the workers have gone, too', () => ownersOf(namespace).length === 0);
    Table.destroy('t', { namespace });

    const restoring = await start(t, { dir, keep: 1, atShutdown: false }, namespace, table);
    t.notOk(unfinished(), 'what it left is removed');
    t.equal(restoring.service.log.find(isRestored)?.rows, capacity, 'all rows are there');
    const now = snapshotsIn(dir);
    t.ok(now.length >= 1 && now[0] >= previous, 'of the previous one, or a later one that was finished');
    [previous] = now;
    await stopped(restoring.service);
  }
});

function ownersOf(namespace: string): number[] {
  return Table.list({ namespace }).flatMap(({ owners }) => owners);
}

t.test('a table that was made anew through a worker is in the last snapshot', async (t) => {
  const dir = folderOf(t);
  const { service, port } = await start(t, { dir, everyMs: 100 });
  await service.logged(isTaken);
  // By now the primary has a handle of the table that is destroyed here.
  await send(port, 'DELETE', '/v1/tables/t');
  await send(port, 'PUT', '/v1/tables/t', { json: { capacity: 100, columns } });
  await send(port, 'PUT', ROW, { json: { n: 7 } });
  await stopped(service);
  t.equal(await valueIn(join(dir, snapshotsIn(dir).at(-1) ?? '')), 7);
});

t.test('the settings decide what a restored table is', async (t) => {
  const dir = folderOf(t);
  const given = { capacity: 100, columns, maxKeyBytes: 40, evict: 'lru', changes: 65_536 };
  const first = await start(t, { dir }, undefined, given);
  const { namespace } = first.service;
  await send(first.port, 'PUT', ROW, { json: { n: 1 } });
  await stopped(first.service);
  Table.destroy('t', { namespace });
  const second = await start(t, { dir, atShutdown: false }, namespace, { capacity: 50, columns });
  t.match((await send(second.port, 'GET', '/v1/tables/t')).json, { capacity: 50, maxKeyBytes: 63 });
  t.equal((await send(second.port, 'GET', ROW)).json.row.n, 1);
  await stopped(second.service);
  Table.destroy('t', { namespace });

  const config = { tables: { t: { capacity: 5, columns: { n: 'int64' } } }, snapshots: { dir } };
  const env = { SHMTABLE_NAMESPACE: namespace };
  const before = readdirSync(dir);
  const refused = new ServiceProcess(t, { args: ['--port', '0', '--workers', '1'], config, env });
  t.equal(await refused.ended, 1, 'other columns stop the start');
  t.match(refused.stderr, /int32[\s\S]*int64/);
  t.same(readdirSync(dir), before, 'a service that did not start takes no snapshots');
});

t.test('anonymous tables', async (t) => {
  const dir = folderOf(t);
  const table = { capacity: 100, columns, backend: 'anonymous' };
  const first = await start(t, { dir }, undefined, table);
  await send(first.port, 'PUT', ROW, { json: { n: 5 } });
  await stopped(first.service);
  const second = await start(t, { dir }, first.service.namespace, table);
  t.equal((await send(second.port, 'GET', ROW)).json.row.n, 5, 'end with the service, and come back');
  t.match((await send(second.port, 'GET', '/v1/tables')).json.tables, [{ name: 't', backend: 'anonymous' }]);
});

t.test('what cannot be written is logged, and served all the same', async (t) => {
  const dir = folderOf(t);
  const { service, port } = await start(t, { dir, everyMs: 20 });
  await service.logged(isTaken);
  rmSync(dir, { recursive: true });
  const { err } = await service.logged(({ msg }) => /^no snapshot taken/.test(msg));
  t.match(err, { code: 'ENOENT' });
  t.equal((await send(port, 'PUT', ROW, { json: { n: 1 } })).status, 201);
  mkdirSync(dir);
  await service.logged(isTaken, service.log.length);
  await stopped(service);
  t.equal(await valueIn(join(dir, snapshotsIn(dir).at(-1) ?? '')), 1, 'as soon as it can be, it is');
});

t.test('a directory that cannot be made stops the start', async (t) => {
  const file = join(folderOf(t), 'file');
  writeFileSync(file, '');
  const config = { snapshots: { dir: join(file, 'dir') } };
  const refused = new ServiceProcess(t, { args: ['--port', '0', '--workers', '1'], config });
  t.equal(await refused.ended, 1);
  t.match(refused.stderr, /ENOTDIR/);
});

t.test('settings', async (t) => {
  const folder = folderOf(t);
  const fileOf = (content: object): string => {
    const file = join(folder, 'config.json');
    writeFileSync(file, JSON.stringify(content));
    return file;
  };
  const load = (snapshots: object | undefined, environment: NodeJS.ProcessEnv = {}) =>
    loadSettings(fileOf(snapshots === undefined ? {} : { snapshots }), environment, {}).settings.snapshots;
  const defaults = { dir: 'd', everyMs: 0, keep: 3, atShutdown: true, restoreAtStart: true };
  t.equal(load(undefined), undefined);
  t.same(load({ dir: 'd' }), defaults);
  t.same(load(undefined, { SHMTABLE_SNAPSHOTS_DIR: 'd' }), defaults);
  const environment = {
    SHMTABLE_SNAPSHOTS_EVERY_MS: '5',
    SHMTABLE_SNAPSHOTS_KEEP: '1',
    SHMTABLE_SNAPSHOTS_AT_SHUTDOWN: 'false',
    SHMTABLE_SNAPSHOTS_RESTORE_AT_START: 'false',
  };
  t.same(
    load({ dir: 'd', everyMs: 9, keep: 9 }, environment),
    { dir: 'd', everyMs: 5, keep: 1, atShutdown: false, restoreAtStart: false },
    'the environment wins one by one',
  );
  t.same(load({ keep: 2 }, { SHMTABLE_SNAPSHOTS_DIR: 'd' }), { ...defaults, keep: 2 }, 'each may give a part');
  const refused: [object | undefined, NodeJS.ProcessEnv, RegExp][] = [
    [{}, { SHMTABLE_SNAPSHOTS_KEEP: '2' }, /snapshots\.keep.*snapshots\.dir/],
    [{ everyMs: 5 }, {}, /snapshots\.everyMs.*snapshots\.dir/],
    [{ dir: '' }, {}, /snapshots\.dir/],
    [{ dir: 'd', keep: 0 }, {}, /snapshots\.keep .*1, got 0/],
    [{ dir: 'd', everyMs: -1 }, {}, /snapshots\.everyMs .*0, got -1/],
    [{ dir: 'd', everyMs: 2 ** 31 }, {}, /snapshots\.everyMs .*2147483647/],
    [{ dir: 'd', every: 1 }, {}, /unknown setting snapshots\.every/],
    [{ dir: 'd', atShutdown: 'yes' }, {}, /snapshots\.atShutdown .*got "yes"/],
    [undefined, { SHMTABLE_SNAPSHOTS_DIR: 'd', SHMTABLE_SNAPSHOTS_KEEP: 'x' }, /SHMTABLE_SNAPSHOTS_KEEP .*"x"/],
    [undefined, { SHMTABLE_SNAPSHOTS_DIR: 'd', SHMTABLE_SNAPSHOTS_AT_SHUTDOWN: '1' }, /true or false, got "1"/],
  ];
  for (const [snapshots, variables, message] of refused) {
    t.throws(() => load(snapshots, variables), { code: 'ERR_ARGUMENT', message }, String(message));
  }
});
