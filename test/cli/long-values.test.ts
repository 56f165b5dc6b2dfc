/** The commands with columns of type text, blob and json. */
import t, { type Test } from 'tap';
import { LiveReader } from '../../src/cli/live-reader.js';
import { screenOf } from '../../src/cli/top-screen.js';
import { Table } from '../../src/table/table.js';
import { commandIn } from '../fixtures/command-run.js';

const namespace = `test-${process.pid}-cli-long`;
const run = commandIn(namespace);
const columns = { body: 'text', file: 'blob', data: 'json', n: 'int32' } as const;

t.teardown(() => {
  for (const { name } of Table.list({ namespace })) Table.destroy(name, { namespace });
});

function tableOf(t: Test, name: string, heap = 1024 * 1024): Table<typeof columns> {
  const table = Table.create({ name, namespace, capacity: 20, columns, heap });
  t.teardown(() => table.destroy());
  return table;
}

const DATA = JSON.parse('{"__proto__":{"a":1},"list":[null,true,"\\ud800",1e-7],"text":"é\\u2028"}');

t.test('load restores the long values of a dump', async (t) => {
  const source = tableOf(t, 'source');
  const rows = {
    long: {
      body: 'é\u2028"\n'.repeat(1000),
      file: new Uint8Array(5000).fill(200),
      data: [DATA, 'x'.repeat(3000)],
      n: 1,
    },
    short: { body: 'b', file: Uint8Array.of(0, 255), data: DATA, n: 2 },
    zero: { body: '', file: new Uint8Array(0), data: null, n: 0 },
    string: { body: 'null', file: new Uint8Array(0), data: 'null', n: 3 },
  };
  for (const [key, row] of Object.entries(rows)) source.put(key, row);
  const { code, stdout } = await run(['dump', 'source']);
  t.equal(code, 0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.same(lines.find(({ key }) => key === 'short').row, { body: 'b', file: 'AP8=', data: DATA, n: 2 }, 'JSON inline');
  const target = tableOf(t, 'target');
  t.match(await run(['load', 'target'], stdout), { code: 0, stdout: /4 rows loaded/ });
  for (const [key, row] of Object.entries(rows)) t.same(target.get(key), row, key);
  t.equal(JSON.stringify(target.get('short', 'data')), JSON.stringify(DATA), 'every member');
});

t.test('a dump contains every row, however many megabytes it takes', async (t) => {
  const source = tableOf(t, 'source', 8 * 1024 * 1024);
  for (let n = 0; n < 12; n++) source.set(`k${n}`, { body: 'x'.repeat(500_000), n });
  const { stdout } = await run(['dump', 'source']);
  const found = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).row);
  t.same(
    found.map(({ n }) => n).sort((a, b) => a - b),
    Array.from({ length: 12 }, (_, n) => n),
  );
  t.ok(found.every(({ body }) => body.length === 500_000));
});

t.test('CSV has JSON as text, and blobs as base64', async (t) => {
  const table = tableOf(t, 'csv');
  const csv = [
    'key,data,file,body',
    'object,"{""a"":[1,null]}",AP8=,"two',
    'lines"',
    'number,5,,',
    'quoted,"""5""",,',
    'word,hello,,',
    'null,null,,null',
    'empty,,,',
  ].join('\n');
  t.match(await run(['load', 'csv'], csv), { code: 0, stdout: /6 rows loaded/ });
  t.same(table.get('object'), { data: { a: [1, null] }, file: Uint8Array.of(0, 255), body: 'two\nlines', n: 0 });
  const data = ['number', 'quoted', 'word', 'null', 'empty'].map((key) => table.get(key, 'data'));
  t.same(data, [5, '5', 'hello', null, null]);
  t.equal(table.get('null', 'body'), 'null');
  t.match(await run(['load', 'csv'], 'key,file\nk,AP8'), { code: 1, stderr: /line 2: .*base64/ });
  t.match(await run(['load', 'csv'], 'key,data\nk,1e999'), { code: 1, stderr: /line 2: .*beyond/ });
});

t.test('get prints and set accepts JSON values as JSON', async (t) => {
  const table = tableOf(t, 't');
  const row = { body: 'text', file: 'AQID', data: { a: [1, { b: null }] }, n: 7 };
  t.match(await run(['set', 't', 'k', JSON.stringify(row)]), { code: 0, stdout: 'inserted\n' });
  t.same(table.get('k'), { ...row, file: Uint8Array.of(1, 2, 3) });
  t.same(JSON.parse((await run(['get', 't', 'k', '--json'])).stdout).row, row);
  t.match(await run(['get', 't', 'k']), { code: 0, stdout: /^data +\{"a":\[1,\{"b":null\}\]\}$/m });
  t.match(await run(['set', 't', 'k', '{"data":null}']), { code: 0 });
  t.equal(table.get('k', 'data'), null);
  t.match(await run(['set', 't', 'k', '{"body":null}']), { code: 1, stderr: /body/ });
  const tooLong = await run(['set', 't', 'k', JSON.stringify({ body: 'x'.repeat(100_000), data: 'y' })]);
  t.equal(tooLong.code, 0);
  t.match(await run(['verify', 't']), { code: 0, stdout: 'ok\n' });
});

t.test('a full heap is an error that says so', async (t) => {
  const table = tableOf(t, 'full', 4096);
  table.set('k', { body: 'x'.repeat(3000) });
  t.match(await run(['set', 'full', 'new', JSON.stringify({ body: 'y'.repeat(2000) })]), { code: 1, stderr: /heap/ });
  t.match(await run(['set', 'full', 'new', JSON.stringify({ body: 'y'.repeat(5000) })]), { code: 1, stderr: /heap/ });
  t.same([...table.keys()], ['k']);
});

t.test('stat shows the use of the heap and the sizes of values', async (t) => {
  const table = tableOf(t, 'sizes', 64 * 1024);
  table.set('a', { body: 'x'.repeat(1000), data: 'y' });
  table.set('b', { body: 'x'.repeat(300), file: new Uint8Array(20_000) });
  const shown = await run(['stat', 'sizes']);
  t.match(shown.stdout, /^heap +85 of 256 blocks of 256 bytes used, 0 in flight \(33%\)$/m);
  t.match(shown.stdout, /^sizes of body +1300 bytes in total; <= 1024: 2$/m);
  t.match(shown.stdout, /^sizes of file +20000 bytes in total; <= 0: 1, <= 65536: 1$/m);
  const { stats, valueSizes } = JSON.parse((await run(['stat', 'sizes', '--json'])).stdout);
  t.same(stats.heap, { bytes: 65_536, blockBytes: 256, blocks: 256, used: 85, inFlight: 0 });
  t.equal(valueSizes.data.bytes, 3);
  const plain = Table.create({ name: 'plain', namespace, capacity: 1, columns: { n: 'int32' } });
  t.teardown(() => plain.destroy());
  t.notMatch((await run(['stat', 'plain'])).stdout, /heap|sizes/);
});

t.test('top shows how full the heap is', async (t) => {
  const table = tableOf(t, 'top', 4096);
  table.set('k', { body: 'x'.repeat(1000) });
  const reader = new LiveReader(namespace);
  t.teardown(() => reader.close());
  const sample = reader.read();
  t.match(sample.tables, [{ name: 'top', heapShare: 0.25 }]);
  t.match(screenOf(sample, 20), /TABLE +ROWS +FULL +BYTES +HEAP[\s\S]*top +1 +5% +\d+ +25% /);
});
