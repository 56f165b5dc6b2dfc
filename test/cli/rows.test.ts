/** The commands `set`, `delete` and `destroy`, and tables of every backend. */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Cache } from '../../src/cache/index.js';
import { Segment } from '../../src/memory/index.js';
import { Table } from '../../src/table/table.js';
import { commandIn } from '../fixtures/command-run.js';

const namespace = `test-${process.pid}-cli-rows`;
const run = commandIn(namespace);
const columns = {
  n: 'int64',
  f: 'float64',
  flag: 'boolean',
  text: 'string(9)',
  data: 'bytes(3)',
  small: 'uint8',
} as const;

t.teardown(() => {
  for (const { name } of Table.list({ namespace })) Table.destroy(name, { namespace });
});

function tableOf(t: Test, name: string): Table<typeof columns> {
  const table = Table.create({ name, namespace, capacity: 2, columns });
  t.teardown(() => table.close());
  return table;
}

t.test('wrong usage is exit code 2', async (t) => {
  const table = tableOf(t, 'usage');
  for (const [args, message] of [
    [['set', 'usage', 'k'], /json/],
    [['set', 'usage', 'k', '{'], /"\{" is not JSON/],
    [['set', 'usage', 'k', '[1]'], /must be a JSON object/],
    [['set', 'usage', 'k', 'null'], /must be a JSON object/],
    [['set', 'usage', 'k', '"text"'], /must be a JSON object/],
    [['set', 'usage', '', '{}'], /key/],
    [['set', 'usage', 'x'.repeat(64), '{}'], /63/],
    [['set', '-', 'k', '{}'], /table name/],
    [['set', 'usage', 'k', '{}', '--ttl', 'soon'], /integer/],
    [['set', 'usage', 'k', '{}', '--ttl', '0'], /ttl/],
    [['delete', 'usage'], /key/],
    [['delete', 'usage', ''], /key/],
    [['destroy'], /table/],
    [['destroy', 'usage', 'more'], /too many/],
    [['nope'], /unknown command/],
  ] as const) {
    t.match(await run(args), { code: 2, stdout: '', stderr: message }, args.join(' '));
  }
  t.equal(table.size, 0);
});

t.test('an invalid value or a missing row is exit code 1', async (t) => {
  const table = tableOf(t, 'refusing');
  for (const [args, message] of [
    [['set', 'none', 'k', '{}'], /no table none/],
    [['set', 'refusing', 'k', '{"nope":1}'], /no column "nope"/],
    [['set', 'refusing', 'k', '{"small":256}'], /255/],
    [['set', 'refusing', 'k', '{"small":"1"}'], /small/],
    [['set', 'refusing', 'k', '{"n":9007199254740993}'], /decimal string/],
    [['set', 'refusing', 'k', '{"text":null}'], /text/],
    [['set', 'refusing', 'k', '{"data":"AQ"}'], /base64/],
    [['set', 'refusing', 'k', '{"text":"more than 9 bytes"}'], /9/],
    [['delete', 'none', 'k'], /no table none/],
    [['delete', 'refusing', 'k'], /no row "k"/],
    [['destroy', 'none'], /no table none/],
  ] as const) {
    t.match(await run(args), { code: 1, stdout: '', stderr: message }, args.join(' '));
  }
  t.equal(table.size, 0);
  await run(['set', 'refusing', 'a', '{}']);
  await run(['set', 'refusing', 'b', '{}']);
  t.match(await run(['set', 'refusing', 'c', '{}']), { code: 1, stderr: /holds its capacity of 2/ }, 'a full table');
});

t.test('set writes the given columns', async (t) => {
  const table = tableOf(t, 'written');
  const json = '{"n":"-9223372036854775808","f":"NaN","flag":true,"text":"ä","data":"AQID","small":255}';
  t.same(await run(['set', 'written', 'k', json]), { code: 0, stdout: 'inserted\n', stderr: '' });
  const whole = { n: -(2n ** 63n), f: Number.NaN, flag: true, text: 'ä', data: Uint8Array.of(1, 2, 3), small: 255 };
  t.same(table.get('k'), whole);
  t.same(await run(['set', 'written', 'k', '{"f":-0.5}']), { code: 0, stdout: 'updated\n', stderr: '' });
  t.same(table.get('k'), { ...whole, f: -0.5 }, 'the other columns are unchanged');

  const before = Date.now();
  const answer = await run(['set', 'written', 'k', '{}', '--ttl', '600000', '--json']);
  const { revision = 0, expiresAt = 0 } = table.entry('k') ?? {};
  t.same(
    { ...answer, stdout: JSON.parse(answer.stdout) },
    {
      code: 0,
      stdout: { key: 'k', created: false, revision, expiresAt },
      stderr: '',
    },
  );
  t.ok(Math.abs((expiresAt ?? 0) - before - 600_000) < 60_000, 'with a lifetime');
  await run(['set', 'written', 'k', '{}']);
  t.equal(table.entry('k')?.expiresAt, expiresAt, 'which a set without a lifetime keeps');
  t.match(await run(['set', 'written', '--', '-k', '{}']), { code: 0 }, 'a key with a leading dash follows --');
  t.ok(table.has('-k'));
});

t.test('delete removes a row', async (t) => {
  const table = tableOf(t, 'emptied');
  table.set('a', {}).set('b', {});
  t.same(await run(['delete', 'emptied', 'a']), { code: 0, stdout: 'deleted\n', stderr: '' });
  const answer = await run(['delete', 'emptied', 'b', '--json']);
  t.same(
    { ...answer, stdout: JSON.parse(answer.stdout) },
    {
      code: 0,
      stdout: { key: 'b', deleted: true },
      stderr: '',
    },
  );
  t.equal(table.size, 0);
});

t.test('destroy removes a table for every process', async (t) => {
  for (const [options, stdout] of [
    [[], 'destroyed\n'],
    [['--json'], '{\n  "name": "doomed",\n  "destroyed": true\n}\n'],
  ] as const) {
    const table = tableOf(t, 'doomed');
    t.same(await run(['destroy', 'doomed', ...options]), { code: 0, stdout, stderr: '' });
    t.throws(() => table.get('k'), { code: 'ERR_TABLE_CLOSED' }, 'also for open handles');
    t.throws(() => Table.open('doomed', { namespace }), { code: 'ERR_TABLE_NOT_FOUND' });
  }
});

t.test('destroy removes everything that belongs to a cache', async (t) => {
  const cache = Cache.open({ name: 'pages', namespace, bytes: 2 ** 20, entries: 10 });
  t.teardown(() => cache.close());
  const segments = () => Segment.list().filter(({ name }) => name.endsWith(`:${namespace}:pages`));
  t.equal(segments().length, 2, 'the values, and what all processes share beside them');
  Table.create({ name: 'pages.tags', namespace, capacity: 2, columns }).close();
  t.same(await run(['destroy', 'pages']), { code: 0, stdout: 'destroyed\n', stderr: '' });
  t.same(segments(), []);
  t.throws(() => Table.open('pages.loads', { namespace }), { code: 'ERR_TABLE_NOT_FOUND' });
  t.equal(cache.isOpen, false);
  t.equal(Table.open('pages.tags', { namespace }).size, 0, 'other tables are not affected');
});

t.test('destroy of a table spares the table of its name and .loads', async (t) => {
  tableOf(t, 'page');
  const other = tableOf(t, 'page.loads');
  t.match(await run(['destroy', 'page']), { code: 0 });
  t.equal(other.size, 0);
});

t.test('tables of every backend are found by name, and a file that no process has open by its path', async (t) => {
  const path = join(tmpdir(), `${namespace}.table`);
  t.teardown(() => rmSync(path, { force: true }));
  for (const backend of ['anonymous', 'sysv', 'file'] as const) {
    const where = { backend, namespace, ...(backend === 'file' && { path }) };
    const name = `in-${backend}`;
    const table = Table.create({ ...where, name, capacity: 2, columns });
    // Anonymous memory is found by child processes that are started later.
    const run = commandIn(namespace);
    t.match(await run(['set', name, 'k', '{"small":7}']), { code: 0 }, backend);
    t.equal(table.get('k', 'small'), 7);
    t.match(await run(['get', name, 'k', '--json']), { code: 0, stdout: /"small":7/ });
    t.match(await run(['dump', name]), { code: 0, stdout: /"small":7/ });
    if (backend === 'file') {
      table.close();
      t.match(await run(['get', name, 'k']), { code: 1, stderr: /no table/ });
      t.match(await run(['get', name, 'k', '--path', path]), { code: 0, stdout: /small +7/ });
      t.match(await run(['destroy', name, '--path', path]), { code: 0 });
    } else {
      t.match(await run(['destroy', name]), { code: 0 });
      t.throws(() => table.get('k'), { code: 'ERR_TABLE_CLOSED' });
    }
  }
});
