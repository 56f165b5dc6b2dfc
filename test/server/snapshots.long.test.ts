/** Snapshots of the service: on a schedule, at shutdown and startup, even if it is killed meanwhile. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { loadSettings } from '../../src/server/settings/load-settings.js';
import type { ServiceSettings } from '../../src/server/settings/settings-schema.js';
import { Table } from '../../src/table/table.js';
import { eventually } from '../fixtures/deadline.js';
import { send } from '../fixtures/http-client.js';
import { isProblem, startApp } from '../fixtures/server-app.js';
import { type LogEntry, type ServiceProcess, startService } from '../fixtures/server-process.js';
import { type KeptTables, keepTables, startKeeper } from '../fixtures/snapshot-keeping.js';
import { tries } from '../fixtures/tries.js';

const columns = { n: 'int32' } as const;
const TABLE: ServiceSettings['tables'][string] = { capacity: 100, columns };

const ROWS = 1000;

let namespaces = 0;

function namespaceOf(t: Test): string {
  const namespace = `test-${process.pid}-keeper-${namespaces++}`;
  t.teardown(() => {
    for (const { name } of Table.list({ namespace })) Table.destroy(name, { namespace });
  });
  return namespace;
}

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-snapshots-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

const isTaken = ({ msg }: LogEntry): boolean => msg === 'snapshot taken';
const isRestored = ({ msg }: LogEntry): boolean => msg === 'table restored';

/** Names of a table's snapshots, the oldest first. */
function snapshotsIn(folder: string, table = 't'): string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${table}.`) && name.endsWith('.snapshot'))
    .sort();
}

/** The value of the row `k` in a snapshot. */
async function valueIn(path: string): Promise<number | undefined> {
  const options = { name: 'look', namespace: `test-${process.pid}-look` };
  const table = await Table.restore(path, { ...options, columns });
  const value = table.get('k', 'n');
  table.destroy();
  return value;
}

function write({ handles }: KeptTables, n: number): void {
  handles.use('t', ({ table }) => table.set('k', { n }));
}

function read({ handles }: KeptTables): unknown {
  return handles.use('t', ({ table }) => table.get('k')?.n);
}

t.test('snapshots are taken on a schedule, and the last few are kept', async (t) => {
  const dir = join(folderOf(t), 'made', 'when missing');
  const namespace = namespaceOf(t);
  const snapshots = { dir, everyMs: 20, keep: 2, atShutdown: false };
  const kept = await keepTables({ namespace, snapshots, tables: { t: TABLE } });
  kept.handles.create({ name: 'other', capacity: 5, columns });
  const taken = (table: string) => kept.log.filter((entry) => isTaken(entry) && entry.table === table).length;
  for (let n = 1; n <= 4; n++) {
    write(kept, n);
    const before = taken('t');
    await eventually('snapshots after the write', () => taken('t') >= before + 2);
  }
  await eventually('snapshots of the other table', () => taken('other') >= 3);
  await kept.stop();
  for (const table of ['t', 'other']) t.equal(snapshotsIn(dir, table).length, 2, `two of ${table}`);
  t.equal(readdirSync(dir).length, 4, 'and nothing else');
  t.equal(await valueIn(join(dir, snapshotsIn(dir)[1])), 4, 'the newest has the last value');
  const last = kept.log.filter(isTaken).map(({ snapshot }) => snapshot);
  t.ok(last.includes(join(dir, snapshotsIn(dir)[1])), 'the log names the file');
});

t.test('snapshots are taken at shutdown and restored at startup', async (t) => {
  const dir = folderOf(t);
  const namespace = namespaceOf(t);
  const first = await keepTables({ namespace, snapshots: { dir }, tables: { t: TABLE } });
  write(first, 1);
  t.same(readdirSync(dir), [], 'none before');
  await first.stop();
  t.equal(snapshotsIn(dir).length, 1);

  const second = await keepTables({ namespace, snapshots: { dir }, tables: { t: TABLE } });
  t.notOk(second.log.some(isRestored), 'an existing table is not restored');
  write(second, 2);
  await second.stop();
  t.equal(snapshotsIn(dir).length, 2);

  Table.destroy('t', { namespace });
  const third = await keepTables({ namespace, snapshots: { dir }, tables: { t: TABLE } });
  t.match(third.log.find(isRestored), { table: 't', snapshot: join(dir, snapshotsIn(dir)[1]), rows: 1 });
  t.equal(read(third), 2, 'the newest');
  write(third, 3);
  t.equal(read(third), 3, 'and can be written');
  await third.stop();

  Table.destroy('t', { namespace });
  const snapshots = { dir, restoreAtStart: false, atShutdown: false };
  const never = await keepTables({ namespace, snapshots, tables: { t: TABLE } });
  t.equal(read(never), undefined, 'not restored if so configured');
  const before = readdirSync(dir);
  await never.stop();
  t.same(readdirSync(dir), before, 'nor taken at shutdown');
});

t.test('a service takes a snapshot at SIGTERM and restores it at startup', async (t) => {
  const dir = folderOf(t);
  const stopped = async (service: ServiceProcess) => {
    service.signal('SIGTERM');
    t.equal(await service.ended, 0);
  };
  // An anonymous table, because it ends with the service.
  const memory = { ...TABLE, backend: 'anonymous' };
  const config = { tables: { t: TABLE, memory }, snapshots: { dir } };
  const first = await startService(t, { args: ['--workers', '1'], config });
  const { namespace } = first.service;
  for (const table of ['t', 'memory']) await send(first.port, 'PUT', `/v1/tables/${table}/rows/k`, { json: { n: 5 } });
  await stopped(first.service);
  Table.destroy('t', { namespace });
  const env = { SHMTABLE_NAMESPACE: namespace };
  const second = await startService(t, { args: ['--workers', '1'], config, env });
  for (const table of ['t', 'memory']) {
    t.equal((await send(second.port, 'GET', `/v1/tables/${table}/rows/k`)).json.row.n, 5, table);
  }
  const listed = (await send(second.port, 'GET', '/v1/tables')).json.tables;
  t.match(listed, [
    { name: 'memory', backend: 'anonymous' },
    { name: 't', backend: 'posix' },
  ]);
  await stopped(second.service);
});

t.test('if the newest snapshot is damaged, the previous one is restored', async (t) => {
  const dir = folderOf(t);
  const namespace = namespaceOf(t);
  const first = await keepTables({ namespace, snapshots: { dir }, tables: { t: TABLE } });
  write(first, 1);
  await first.stop();
  Table.destroy('t', { namespace });
  const [sound] = snapshotsIn(dir);
  const bytes = readFileSync(join(dir, sound));
  const truncated = `t.${Date.now() + 1_000_000}.snapshot`;
  writeFileSync(join(dir, truncated), bytes.subarray(0, bytes.length - 9));
  const flipped = `t.${Date.now() + 2_000_000}.snapshot`;
  bytes[bytes.length >> 1] ^= 1;
  writeFileSync(join(dir, flipped), bytes);
  // Snapshots of other tables, and a file that is not a snapshot.
  for (const name of ['t.x.9999999999999.snapshot', 'u.9999999999999.snapshot', 't.99.snapshot', 'notes.txt']) {
    writeFileSync(join(dir, name), 'no snapshot');
  }

  const second = await keepTables({ namespace, snapshots: { dir, keep: 1 }, tables: { t: TABLE } });
  const leftOut = second.log.filter(({ msg }) => msg === 'damaged snapshot skipped');
  t.match(leftOut, [
    { table: 't', snapshot: join(dir, flipped), err: { code: 'ERR_SNAPSHOT_DAMAGED' } },
    { table: 't', snapshot: join(dir, truncated), err: { code: 'ERR_SNAPSHOT_DAMAGED' } },
  ]);
  t.equal(read(second), 1, 'the previous snapshot is restored');

  // The names of the damaged ones have later times: the next snapshot must still count as newer.
  write(second, 2);
  await second.stop();
  const left = readdirSync(dir).sort();
  t.equal(left.length, 5, 'one snapshot of this table is kept');
  const [newest] = snapshotsIn(dir).filter((name) => /^t\.[0-9]{13}\.snapshot$/.test(name));
  t.equal(await valueIn(join(dir, newest)), 2, 'and it is the newest');

  Table.destroy('t', { namespace });
  writeFileSync(join(dir, newest), 'no valid snapshot is left');
  const third = await keepTables({ namespace, snapshots: { dir, atShutdown: false }, tables: { t: TABLE } });
  t.equal(read(third), undefined, 'without a valid snapshot the table is empty');
  await third.stop();
});

t.test('kill -9 during a snapshot leaves the previous one', async (t) => {
  const dir = folderOf(t);
  const namespace = namespaceOf(t);
  const capacity = 10_000;
  const tables = { t: { capacity, columns: { ...columns, text: 'string(900)' } } } as const;
  const first = await keepTables({ namespace, snapshots: { dir }, tables });
  first.handles.use('t', ({ table }) => {
    for (let n = 0; n < capacity; n++) table.set(`${n}`, { n, text: 'x'.repeat(900) });
  });
  await first.stop();
  let [previous] = snapshotsIn(dir);
  for (let kill = 0; kill < tries(1, 5); kill++) {
    const keeper = startKeeper({ namespace, snapshots: { dir, everyMs: 1, keep: 1, atShutdown: false }, tables });
    t.teardown(() => keeper.kill());
    const unfinished = (): boolean => readdirSync(dir).some((name) => name.endsWith('.tmp'));
    // Some snapshots are completed first, so that the kills hit different moments of a round.
    await eventually('snapshots are taken', () => keeper.log.filter(isTaken).length >= kill);
    await eventually('a snapshot is being written', unfinished);
    await sleep(Math.random() * 20);
    await keeper.kill();
    Table.destroy('t', { namespace });

    const restoring = await keepTables({ namespace, snapshots: { dir, keep: 1, atShutdown: false }, tables });
    t.notOk(unfinished(), 'the unfinished file is removed');
    t.equal(restoring.log.find(isRestored)?.rows, capacity, 'all rows have been restored');
    const now = snapshotsIn(dir);
    t.ok(now.length >= 1 && now[0] >= previous, 'from the previous snapshot or a later complete one');
    [previous] = now;
    await restoring.stop();
  }
});

t.test('a table that another process has created again is in the last snapshot', async (t) => {
  const dir = folderOf(t);
  const namespace = namespaceOf(t);
  const kept = await keepTables({ namespace, snapshots: { dir, everyMs: 50 }, tables: { t: TABLE } });
  await eventually('a snapshot', () => kept.log.some(isTaken));
  // By now the service has a handle on the table that is destroyed here.
  Table.destroy('t', { namespace });
  using anew = Table.create({ ...TABLE, name: 't', namespace });
  anew.set('k', { n: 7 });
  await kept.stop();
  t.equal(await valueIn(join(dir, snapshotsIn(dir).at(-1) ?? '')), 7);
});

t.test('settings override the options of a restored table', async (t) => {
  const dir = folderOf(t);
  const namespace = namespaceOf(t);
  const given = { ...TABLE, maxKeyBytes: 40, evict: 'lru', changes: 65_536 } as const;
  const first = await keepTables({ namespace, snapshots: { dir }, tables: { t: given } });
  write(first, 1);
  await first.stop();
  Table.destroy('t', { namespace });
  const second = await keepTables({
    namespace,
    snapshots: { dir, atShutdown: false },
    tables: { t: { capacity: 50, columns } },
  });
  second.handles.use('t', ({ table }) => {
    t.match(table, { capacity: 50, maxKeyBytes: 63, evict: 'none', changes: 0 });
  });
  t.equal(read(second), 1);
  await second.stop();
  Table.destroy('t', { namespace });

  const other = { t: { capacity: 5, columns: { n: 'int64' } } } as const;
  const before = readdirSync(dir);
  await t.rejects(keepTables({ namespace, snapshots: { dir }, tables: other }), {
    code: 'ERR_SCHEMA_MISMATCH',
    message: /int32[\s\S]*int64/,
  });
  t.same(readdirSync(dir), before, 'a service that did not start takes no snapshots');
});

t.test('values outside their rows are restored, into the heap of the settings', async (t) => {
  const dir = folderOf(t);
  const namespace = namespaceOf(t);
  const keep = (heap?: number) => {
    const columns = { body: 'text', data: 'json' } as const;
    const long = { capacity: 10, columns, ...(heap !== undefined && { heap }) };
    return keepTables({ namespace, snapshots: { dir }, tables: { t: long } });
  };
  const row = { body: 'long '.repeat(1000), data: { list: ['json '.repeat(1000)] } };
  const first = await keep(32 * 1024);
  first.handles.use('t', ({ table }) => table.set('k', row));
  await first.stop();
  await t.rejects(keep(), { code: 'ERR_SCHEMA_MISMATCH' }, 'the default heap is another one');

  Table.destroy('t', { namespace });
  await t.rejects(keep(8 * 1024), { code: 'ERR_VALUE_TOO_LONG' }, 'a heap that is too small for the row');
  t.same(Table.list({ namespace }), [], 'leaves no table');
  const second = await keep(64 * 1024);
  t.ok(second.log.some(isRestored));
  const found = second.handles.use('t', ({ table }) => ({ row: table.get('k'), heap: table.stats().heap }));
  t.match(found, { row, heap: { bytes: 64 * 1024, used: 40 } });
  await second.stop();
});

t.test('a snapshot that cannot be written is logged, and later ones are taken', async (t) => {
  const dir = folderOf(t);
  const namespace = namespaceOf(t);
  const kept = await keepTables({ namespace, snapshots: { dir, everyMs: 20 }, tables: { t: TABLE } });
  const find = (message: RegExp, after = 0) => kept.log.slice(after).find(({ msg }) => message.test(msg));
  await eventually('a snapshot', () => kept.log.some(isTaken));
  rmSync(dir, { recursive: true });
  await eventually('a failure', () => find(/^cannot take a snapshot/) !== undefined);
  t.match(find(/^cannot take a snapshot/)?.err, { code: 'ERR_SEGMENT_NOT_FOUND' });
  write(kept, 1);
  mkdirSync(dir);
  const after = kept.log.length;
  await eventually('another snapshot', () => find(/^snapshot taken/, after) !== undefined);
  await kept.stop();
  t.equal(await valueIn(join(dir, snapshotsIn(dir).at(-1) ?? '')), 1, 'a snapshot is taken as soon as it is possible');
});

t.test('a directory that cannot be created prevents startup', async (t) => {
  const file = join(folderOf(t), 'file');
  writeFileSync(file, '');
  const snapshots = { dir: join(file, 'dir') };
  await t.rejects(keepTables({ namespace: namespaceOf(t), snapshots, tables: {} }), {
    code: 'ERR_SEGMENT_NOT_FOUND',
    message: /ENOTDIR/,
  });
});

t.test('the settings of snapshots come from file and environment', async (t) => {
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
    'each variable overrides one setting',
  );
  t.same(
    load({ keep: 2 }, { SHMTABLE_SNAPSHOTS_DIR: 'd' }),
    { ...defaults, keep: 2 },
    'each source may set only some of them',
  );
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

t.test('a snapshot on demand', async (t) => {
  const dir = folderOf(t);
  const app = await startApp(t, { snapshots: { dir, keep: 2 } });
  app.table.set('k', { i8: 7 });
  const { status, json } = await app.send('POST', '/v1/tables/t/snapshot');
  t.equal(status, 200);
  t.same(json, { path: join(dir, snapshotsIn(dir)[0]), rows: 1, bytes: statSync(json.path).size });
  const restored = await Table.restore(json.path, { name: 'look', namespace: app.namespace });
  t.match(restored.get('k'), { i8: 7 }, 'it has the rows');
  restored.destroy();
  app.table.set('l', {});
  const many = await Promise.all(Array.from({ length: 4 }, () => app.send('POST', '/v1/tables/t/snapshot')));
  t.equal(new Set(many.map((answer) => answer.json.path)).size, 4, 'each request gets its own');
  t.equal(snapshotsIn(dir).length, 2, 'and the last few are kept');
  for (let i = 0; i < 20; i++) app.table.set(`${i}`, {});
  await app.send('POST', '/v1/tables/t/snapshot');
  app.table.clear();
  await app.send('POST', '/v1/tables/t/snapshot');
  t.equal(readdirSync(dir).filter((name) => name.endsWith('.lost')).length, 1, 'the rows of a cleared table are kept');
  isProblem(t, await app.send('POST', '/v1/tables/no/snapshot'), 404, 'ERR_TABLE_NOT_FOUND', 'a missing table');
  const without = await startApp(t);
  isProblem(t, await without.send('POST', '/v1/tables/t/snapshot'), 409, 'ERR_ARGUMENT', 'without a directory');
});

t.test('snapshots that all workers take at once do not disturb each other', async (t) => {
  const dir = folderOf(t);
  const tables = { t: { capacity: ROWS, columns: { n: 'int32' } } };
  const { service, port } = await startService(t, { config: { snapshots: { dir, keep: 1 }, tables } });
  const table = Table.open('t', { namespace: service.namespace });
  t.teardown(() => table.close());
  for (let i = 0; i < ROWS; i++) table.set(`k${i}`, { n: i });
  const answers = await Promise.all(Array.from({ length: 48 }, () => send(port, 'POST', '/v1/tables/t/snapshot')));
  t.equal(new Set(answers.map(({ headers }) => headers['shm-worker'])).size, 2, 'both workers take some');
  for (const { status, text, json } of answers) t.match({ status, json }, { status: 200, json: { rows: ROWS } }, text);
  t.equal(new Set(answers.map(({ json }) => json.path)).size, answers.length, 'each has its own file');
  t.equal(readdirSync(dir).length, 1, 'the last one is kept');
});

t.test('two services of one namespace that start at once restore each table once', async (t) => {
  const namespace = namespaceOf(t);
  const dirs = [folderOf(t), folderOf(t)];
  const table = Table.create({ name: 'configured', namespace, capacity: ROWS, columns });
  for (let i = 0; i < ROWS; i++) table.set(`k${i}`, { n: i });
  for (const dir of dirs) {
    for (const name of ['configured', 'other']) await table.snapshot(join(dir, `${name}.1790000000000.snapshot`));
  }
  table.destroy();
  const both = dirs.map((dir) =>
    keepTables({
      namespace,
      snapshots: { dir, atShutdown: false },
      tables: { configured: { capacity: ROWS, columns } },
    }),
  );
  for (const kept of await Promise.all(both)) {
    for (const name of ['configured', 'other'])
      t.equal(
        kept.handles.use(name, ({ table }) => table.size),
        ROWS,
        name,
      );
    await kept.stop();
  }
});
