/** Tables that exist with another schema than the configuration of the service says. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type GivenSettings, type ServiceSettings, withDefaults } from '../../src/server/settings/settings-schema.js';
import { Table } from '../../src/table/table.js';
import { commandIn } from '../fixtures/command-run.js';
import { eventually } from '../fixtures/deadline.js';
import { send } from '../fixtures/http-client.js';
import { startApp } from '../fixtures/server-app.js';
import { ServiceProcess, startService } from '../fixtures/server-process.js';
import { keepTables } from '../fixtures/snapshot-keeping.js';

const OLD = { capacity: 100, columns: { n: 'int32' } } as const;
const NEW = { capacity: 200, columns: { n: 'int32', more: 'string(9)' } } as const;

let namespaces = 0;

function scratchNamespace(t: Test): string {
  const namespace = `test-${process.pid}-changed-${namespaces++}`;
  t.teardown(() => {
    for (const { name } of Table.list({ namespace })) Table.destroy(name, { namespace });
  });
  return namespace;
}

function scratchFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-changed-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

t.test('of two tables of one name, a worker soon serves the one that others find', async (t) => {
  const namespace = scratchNamespace(t);
  const { send } = await startApp(t, { namespace });
  using hidden = Table.create({ name: 'two', namespace, ...OLD, backend: 'sysv' });
  const backend = async () => (await send('GET', '/v1/tables/two')).json.backend;
  t.equal(await backend(), 'sysv');
  using shown = Table.create({ name: 'two', namespace, ...NEW });
  let found: unknown;
  await eventually('the other one is found', () => {
    void backend().then((now) => {
      found = now;
    });
    return found === 'posix';
  });
  shown.destroy();
  t.equal(await backend(), 'sysv', 'which ends');
  hidden.destroy();
});

t.test('the service does not start, says what it would alter, and alters nothing', async (t) => {
  const namespace = scratchNamespace(t);
  using a = Table.create({ name: 'a', namespace, ...OLD });
  using b = Table.create({ name: 'b', namespace, ...OLD });
  const run = commandIn(namespace);
  const folder = scratchFolder(t);
  const config = join(folder, 'c.json');
  writeFileSync(config, JSON.stringify({ port: 0, tables: { a: NEW, b: { ...OLD, capacity: 150 }, c: OLD } }));
  const { code, stderr } = await run(['serve', '--config', config]);
  t.equal(code, 1);
  t.match(stderr, /tables\.a: .*capacity is 100, given was 200; .*tables\.b: .*given was 150; with --alter/);
  t.match(stderr, /column more \(string\(9\)\) was given and is not there/);
  t.same([a.capacity, b.capacity], [100, 100]);
  t.same(
    Table.list({ namespace }).map(({ name }) => name),
    ['a', 'b'],
    'nor does it create tables',
  );
});

t.test(
  'settings say whether a table is altered: of all tables, of one, or by the environment and a flag',
  async (t) => {
    t.equal(withDefaults({}).onMismatch, 'throw');
    const namespace = scratchNamespace(t);
    const dir = scratchFolder(t);
    using a = Table.create({ name: 'a', namespace, ...OLD });
    a.set('k', { n: 5 });
    const provide = async (settings: GivenSettings & Pick<ServiceSettings, 'tables'>) => {
      const kept = await keepTables({ namespace, snapshots: { dir, atShutdown: false }, ...settings });
      await kept.stop();
      return kept.log.map(({ msg }) => msg);
    };
    await t.rejects(provide({ onMismatch: 'alter', tables: { a: { ...NEW, onMismatch: 'throw' } } }), {
      code: 'ERR_SCHEMA_MISMATCH',
    });
    t.equal(a.capacity, 100);
    t.match(await provide({ tables: { a: { ...NEW, onMismatch: 'alter' } } }), [
      'table is being altered',
      'table altered',
    ]);
    t.match(a, { capacity: 200, columns: NEW.columns, size: 1 });
    await t.rejects(provide({ onMismatch: 'alter', tables: { a: { ...OLD, columns: { n: 'boolean' } } } }), {
      code: 'ERR_SCHEMA_INVALID',
    });
    t.match(await provide({ onMismatch: 'alter', tables: { a: OLD } }), ['table is being altered', 'table altered']);
    t.same(a.get('k'), { n: 5 });
  },
);

t.test('a table of a higher schemaVersion is left as it is', async (t) => {
  const namespace = scratchNamespace(t);
  const snapshots = { dir: scratchFolder(t) };
  using a = Table.create({ name: 'a', namespace, ...OLD });
  Table.alter('a', { namespace, capacity: 300, add: { more: 'int8' }, schemaVersion: 2 });
  const kept = await keepTables({
    namespace,
    snapshots,
    tables: { a: { ...OLD, onMismatch: 'alter', schemaVersion: 1 } },
  });
  await kept.stop();
  t.match(kept.log, [
    { msg: 'table is being altered' },
    { level: 40, msg: /left as it is/ },
    { msg: 'snapshot taken' },
  ]);
  t.equal(a.capacity, 300);
});

t.test('a snapshot remembers how a table was altered', async (t) => {
  const namespace = scratchNamespace(t);
  const snapshots = { dir: scratchFolder(t) };
  for (const name of ['configured', 'made'])
    Table.create({ name, namespace, ...OLD })
      .set('k', { n: 5 })
      .close();
  const provide = (settings: GivenSettings & Pick<ServiceSettings, 'tables'>) =>
    keepTables({ namespace, snapshots, ...settings });
  const kept = await provide({ tables: { configured: OLD } });
  for (const name of ['configured', 'made']) Table.alter(name, { namespace, ...NEW });
  await kept.stop();
  const destroyAll = () => {
    for (const { name } of Table.list({ namespace })) Table.destroy(name, { namespace });
  };
  destroyAll();
  await t.rejects(provide({ tables: { configured: OLD } }), { code: 'ERR_SCHEMA_MISMATCH', message: /--alter/ });
  destroyAll();
  const again = await provide({ tables: { configured: NEW } });
  for (const name of ['configured', 'made']) {
    using table = Table.open(name, { namespace });
    t.match(table, { capacity: 200, columns: NEW.columns });
    t.same(table.get('k'), { n: 5, more: '' });
  }
  await again.stop();
  destroyAll();
  const back = await provide({ onMismatch: 'alter', tables: { configured: OLD } });
  using table = Table.open('configured', { namespace });
  t.match(table, { capacity: 100, columns: OLD.columns });
  t.same(table.get('k'), { n: 5 }, 'restored, and then altered');
  await back.stop();
});

/** Increments over HTTP until `stop`, which resolves with how often; every answer must be 200. */
function load(t: Test, ports: readonly number[]): { stop(): Promise<number> } {
  let isOver = false;
  let counted = 0;
  const clients = ports.map(async (port, i) => {
    while (!isOver) {
      const answer = await send(port, 'POST', `/v1/tables/a/rows/k${i}/increment`, { json: { column: 'n' } });
      if (answer.status === 200) counted++;
      else t.fail(`${answer.status} ${answer.text}`);
    }
  });
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(clients);
      return counted;
    },
  };
}

t.test(
  'services of the old and of the new configuration serve the same table, and SIGHUP reads tables again',
  async (t) => {
    const config = { tables: { a: OLD } };
    const { service, port } = await startService(t, { config });
    const { namespace } = service;
    const first = load(t, [port, port]);
    const env = { SHMTABLE_NAMESPACE: namespace };
    const refused = new ServiceProcess(t, { config: { tables: { a: NEW } }, env, args: ['--port', '0'] });
    t.equal(await refused.ended, 1);
    t.match(refused.stderr, /tables\.a.*--alter/);
    const newer = await startService(t, { config: { tables: { a: NEW } }, env, args: ['--alter'] });
    const put = { json: { n: 1, more: 'text' } };
    for (const each of [port, newer.port]) {
      for (let i = 0; i < 4; i++) {
        t.match(
          await send(each, 'PUT', `/v1/tables/a/rows/row${i}`, put),
          { json: { row: put.json } },
          'of every worker',
        );
      }
    }
    let counted = await first.stop();

    const second = load(t, [port, newer.port]);
    const replaced = (from: number) => service.logged(({ msg }) => /workers (replaced|cannot)/.test(msg), from);
    const reload = async (tables: object, onMismatch?: string) => {
      writeFileSync(join(service.folder, 'shmtable.config.json'), JSON.stringify({ tables, onMismatch }));
      const from = service.log.length;
      service.signal('SIGHUP');
      return (await replaced(from)).msg;
    };
    const third = { ...NEW, capacity: 400 };
    t.equal(await reload({ a: third }), 'workers cannot be replaced', 'it may not alter the table');
    t.equal((await send(port, 'GET', '/v1/tables/a')).json.capacity, 200);
    t.equal(await reload({ a: third, b: OLD }, 'alter'), 'workers replaced');
    for (const each of [port, newer.port]) {
      t.equal((await send(each, 'GET', '/v1/tables/a')).json.capacity, 400);
      t.equal((await send(each, 'GET', '/v1/tables/b')).status, 200, 'a table that is new in the configuration');
    }
    t.same((await send(port, 'GET', '/readyz')).json, { status: 'ready' });
    const patched = await send(port, 'PATCH', '/v1/tables/a', { json: { capacity: 500 } });
    t.equal(patched.status, 200);
    t.equal(await reload({ a: third, b: OLD }, 'throw'), 'workers replaced', 'what was altered over HTTP stays so');
    t.equal((await send(port, 'GET', '/v1/tables/a')).json.capacity, 500);
    counted += await second.stop();
    using table = Table.open('a', { namespace });
    t.equal(Number(table.get('k0', 'n')) + Number(table.get('k1', 'n')), counted, 'nothing is lost');
    t.ok(table.verify().ok);
  },
);
