/** The commands `snapshot` and `restore`. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Table } from '../../src/table/table.js';
import { commandIn } from '../fixtures/command-run.js';

const namespace = `test-${process.pid}-cli-snapshot`;
const columns = { n: 'int64', text: 'string(9)', data: 'bytes(3)', f: 'float64' } as const;

const run = commandIn(namespace);

t.teardown(() => {
  for (const { name } of Table.list({ namespace })) Table.destroy(name, { namespace });
});

function tableOf(t: Test, name: string): Table<typeof columns> {
  const table = Table.create({ name, namespace, capacity: 10, columns });
  table.set('k', { n: -(2n ** 63n), text: 'ä', data: Uint8Array.of(1, 2, 3), f: Number.NaN });
  table.set('expiring', { n: 1n }, { ttl: 1_000_000 });
  t.teardown(() => table.close());
  return table;
}

t.test('restore creates the table that snapshot saved', async (t) => {
  const table = tableOf(t, 't');
  const file = join(t.testdir(), 'rows.snapshot');
  const entries = [table.entry('k'), table.entry('expiring')];
  const taken = await run(['snapshot', 't', file]);
  const { size: bytes } = statSync(file);
  t.same(taken, { code: 0, stdout: `${file}: ${bytes} bytes\n`, stderr: '' });
  const again = await run(['snapshot', 't', file, '--json']);
  t.match({ ...again, stdout: JSON.parse(again.stdout) }, { code: 0, stdout: { name: 't', file, bytes: Number } });

  t.match(await run(['restore', file]), { code: 1, stdout: '', stderr: /table t .*already/ }, 'the table exists');
  t.equal(table.size, 2, 'and is unchanged');
  table.destroy();
  t.same(await run(['restore', file]), { code: 0, stdout: 't: 2 rows\n', stderr: '' });
  using restored = Table.open('t', { namespace, columns });
  t.equal(restored.capacity, 10);
  for (const entry of entries) {
    const now = restored.entry(entry?.key ?? '');
    t.same(now?.row, entry?.row);
    t.ok(Math.abs((now?.expiresAt ?? 0) - (entry?.expiresAt ?? 0)) < 1000, 'its expiry too');
  }
  t.same(restored.verify(), { ok: true, problems: [] });

  const other = await run(['restore', file, '--table', 'other', '--capacity', '500', '--json']);
  t.match(
    { ...other, stdout: JSON.parse(other.stdout) },
    { code: 0, stdout: { name: 'other', rows: 2, capacity: 500 } },
  );
});

t.test('a failure is exit code 1 and changes nothing', async (t) => {
  const table = tableOf(t, 'source');
  const folder = t.testdir();
  const file = join(folder, 'rows.snapshot');
  t.match(await run(['snapshot', 'none', file]), { code: 1, stdout: '', stderr: /none/ }, 'no table');
  const nowhere = join(folder, 'missing', 'rows.snapshot');
  t.match(await run(['snapshot', 'source', nowhere]), { code: 1, stdout: '', stderr: /missing/ }, 'no folder');
  t.match(await run(['restore', file]), { code: 1, stdout: '', stderr: /rows\.snapshot/ }, 'no file');
  t.same(readdirSync(folder), []);
  await table.snapshot(file);
  const tooSmall = await run(['restore', file, '--table', 'small', '--capacity', '1']);
  t.match(tooSmall, { code: 1, stdout: '', stderr: /1/ }, 'more rows than fit');
  const bytes = readFileSync(file);
  bytes[bytes.length - 20] ^= 1;
  writeFileSync(file, bytes);
  const damaged = await run(['restore', file, '--table', 'damaged']);
  t.match(damaged, { code: 1, stdout: '', stderr: /byte \d+/ }, 'damaged');
  writeFileSync(file, 'no snapshot');
  t.match(await run(['restore', file, '--table', 'damaged']), { code: 1, stdout: '' }, 'not a snapshot');
  t.same(
    Table.list({ namespace }).filter(({ name }) => name === 'small' || name === 'damaged'),
    [],
    'no incomplete table is left',
  );
});

t.test('wrong usage is exit code 2', async (t) => {
  for (const args of [
    ['snapshot'],
    ['snapshot', 't'],
    ['snapshot', 't', 'file', 'more'],
    ['snapshot', '-', 'file'],
    ['snapshot', 't', ''],
    ['restore'],
    ['restore', 'a', 'b'],
    ['restore', 'file', '--capacity', 'x'],
    ['restore', 'file', '--nope'],
  ]) {
    const { code, stdout, stderr } = await run(args);
    t.match({ code, stdout }, { code: 2, stdout: '' }, args.join(' '));
    t.ok(stderr.length > 0, 'with a message');
  }
});
