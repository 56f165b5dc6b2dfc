/** The commands on a table that the configuration says is in a cluster. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ClusterTable } from '../../src/cluster/index.js';
import { Segment } from '../../src/memory/segment.js';
import { Table } from '../../src/table/table.js';
import { commandIn } from '../fixtures/command-run.js';
import { startCluster } from '../fixtures/redis-servers.js';

t.setTimeout(120_000);
const namespace = `test-${process.pid}-cli-cluster`;
const run = commandIn(namespace);
const cluster = await startCluster({ replicas: false });
t.teardown(() => cluster.stop());
const columns = { n: 'int64', text: 'string(9)', doc: 'json' } as const;
const config = join(t.testdir(), 'config.json');
writeFileSync(
  config,
  JSON.stringify({
    namespace,
    tables: {
      far: { columns, cluster: { nodes: cluster.urls }, near: { capacity: 100 } },
      other: { columns, cluster: { nodes: cluster.urls } },
      here: { capacity: 10, columns: { n: 'uint8' } },
    },
  }),
);
const far = await ClusterTable.connect({ name: 'far', namespace, columns, cluster: { nodes: cluster.urls } });
t.teardown(() => far.close());
const onFar = (command: string, ...rest: readonly string[]) => [command, 'far', ...rest, '--config', config];

t.test('a row is written, printed and removed', async (t) => {
  t.match(await run(onFar('set', 'k', '{"n":"9007199254740993","doc":{"a":[1]}}')), { code: 0, stdout: 'inserted\n' });
  t.match(await run(onFar('set', 'k', '{"text":"é"}', '--ttl', '60000')), { code: 0, stdout: 'updated\n' });
  t.same(await far.get('k'), { n: 9007199254740993n, text: 'é', doc: { a: [1] } });
  const printed = await run(onFar('get', 'k', '--json'));
  t.match(JSON.parse(printed.stdout), { key: 'k', row: { n: '9007199254740993', text: 'é', doc: { a: [1] } } });
  t.match(await run(onFar('get', 'k')), { code: 0, stdout: /n +"9007199254740993"\ntext +"é"/ });
  const written = JSON.parse((await run(onFar('set', 'k', '{"n":"1"}', '--json'))).stdout);
  t.equal(written.created, false);
  t.equal(written.revision, (await far.entry('k'))?.revision);
  t.match(await run(onFar('delete', 'k')), { code: 0, stdout: 'deleted\n' });
  t.match(await run(onFar('delete', 'k')), { code: 1, stderr: /no row "k"/ });
  t.match(await run(onFar('get', 'k')), { code: 1, stderr: /no row "k"/ });
});

t.test('wrong values and keys have the exit codes of other tables', async (t) => {
  t.match(await run(onFar('set', 'k', '{"nope":1}')), { code: 1, stderr: /nope/ });
  t.match(await run(onFar('set', 'k', '{"n":"9223372036854775808"}')), { code: 1, stderr: /n/ });
  t.match(await run(onFar('set', '', '{}')), { code: 2, stderr: /key/ });
  t.match(await run(['get', 'far', 'k', '--config', `${config}.none`]), { code: 2, stderr: /none/ });
  t.notOk(await far.has('k'));
});

t.test('what dump prints is what load reads', { timeout: 120_000 }, async (t) => {
  const rows = Array.from({ length: 1_500 }, (_, i) => [`k${i}`, { n: BigInt(i), doc: i }] as const);
  await far.setMany(rows);
  await far.set('expiring', { text: 'x' }, { ttl: 3_600_000 });
  const dumped = await run(onFar('dump'));
  t.equal(dumped.code, 0);
  const lines = dumped.stdout.trim().split('\n');
  t.equal(lines.length, 1_501);
  t.equal(lines.filter((line) => JSON.parse(line).expiresAt !== null).length, 1);
  const keys = await run(onFar('keys', '--prefix', 'k1'));
  t.same(
    keys.stdout.trim().split('\n').sort(),
    rows
      .map(([key]) => key)
      .filter((key) => key.startsWith('k1'))
      .sort(),
  );
  const load = ['load', 'other', '--config', config];
  t.match(await run(load, dumped.stdout), { code: 0, stdout: 'other: 1501 rows loaded, 0 expired rows skipped\n' });
  const printed = JSON.parse((await run(['get', 'other', 'k1234', '--config', config, '--json'])).stdout);
  t.match(printed, { row: { n: '1234', text: '', doc: 1234 }, expiresAt: null });
  const expiring = JSON.parse((await run(['get', 'other', 'expiring', '--config', config, '--json'])).stdout);
  t.match(expiring, { row: { text: 'x' } });
  t.ok(expiring.expiresAt > Date.now() + 3_000_000);
  t.match(await run(['stat', 'other', '--config', config]), {
    code: 0,
    stdout: /column n +int64.*backend +cluster.*rows +1501\nprimaries +3/s,
  });
});

t.test('load names the first invalid line, and keeps the rows before it', async (t) => {
  const text = '{"key":"a","row":{}}\n{"key":"b","row":{"n":"1"}}\n{"key":"c","row":{"n":"x"}}\n{"key":"d","row":{}}\n';
  t.match(await run(onFar('load'), text), { code: 1, stderr: /line 3.*2 rows before it are loaded/ });
  t.same(await Promise.all(['a', 'b', 'c', 'd'].map((key) => far.has(key))), [true, true, false, false]);
});

t.test('what a cluster cannot do is refused, with the reason', async (t) => {
  const file = join(t.testdir(), 'file');
  for (const [args, reason] of [
    [onFar('snapshot', file), /no snapshot: use `shmtable dump`/],
    [['restore', file, '--table', 'far', '--config', config], /no restore: use `shmtable load`/],
    [onFar('verify'), /no verify: the servers/],
  ] as const) {
    t.match(await run(args), { code: 1, stdout: '', stderr: reason }, args[0]);
  }
});

t.test('tables in shared memory are found as without a configuration, and ls shows both', async (t) => {
  const here = Table.create({ name: 'here', namespace, capacity: 10, columns: { n: 'uint8' } });
  t.teardown(() => here.destroy());
  here.set('k', { n: 7 });
  t.match(await run(['get', 'here', 'k', '--config', config]), { code: 0, stdout: /7/ });
  t.match(await run(['get', 'nowhere', 'k', '--config', config]), { code: 1, stderr: /no table nowhere/ });
  const listed = JSON.parse((await run(['ls', '--config', config, '--json'])).stdout);
  t.match(listed, [{ name: 'here', rows: 1 }, { name: 'far', backend: 'cluster', rows: null }, { name: 'other' }]);
  t.match((await run(['ls', '--config', config])).stdout, /^far +- +- +- +cluster$/m);
});

t.test('a cluster that is not there is exit code 1, and no command leaves anything in shared memory', async (t) => {
  const absent = join(t.testdir(), 'absent.json');
  writeFileSync(absent, JSON.stringify({ tables: { far: { columns, cluster: { nodes: ['redis://127.0.0.1:1'] } } } }));
  t.match(await run(['get', 'far', 'k', '--config', absent]), { code: 1, stderr: /127\.0\.0\.1:1/ });
  t.notOk(Segment.list().some(({ name }) => name.includes(namespace)));
});
