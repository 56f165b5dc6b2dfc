import { readFileSync } from 'node:fs';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { commandIn, processIn } from '../fixtures/command-run.js';

const namespace = `test-${process.pid}-cli`;

const run = commandIn(namespace);
const runProcess = processIn(namespace);
const COMMANDS = [
  ...['serve', 'top', 'ls', 'stat', 'get', 'keys', 'set', 'delete', 'dump', 'load', 'destroy'],
  ...['snapshot', 'restore', 'alter', 'verify', 'segments', 'bench', 'completion', 'help'],
];

const table = Table.create({
  name: 't',
  namespace,
  capacity: 10,
  columns: { n: 'int64', text: 'string(9)', data: 'bytes(3)' },
});
table.set('k', { n: 5n, text: 'ä', data: Uint8Array.of(1, 2, 3) });
t.teardown(() => table.destroy());

t.test('the process has the exit code, output and errors of the command', async (t) => {
  t.match(await runProcess(['get', 't', 'k', '--json']), { code: 0, stdout: /"text":"ä"/, stderr: '' });
  t.match(await runProcess(['get', 't', 'none']), { code: 1, stdout: '', stderr: /no row "none"/ });
  t.match(await runProcess(['get', 't']), { code: 2, stdout: '', stderr: /key/ });
  const loaded = await runProcess(['load', 't'], '{"key":"read","row":{"n":"1"}}\n');
  t.same(loaded, { code: 0, stdout: 't: 1 rows loaded, 0 expired rows skipped\n', stderr: '' });
  t.equal(table.delete('read'), true);
});

t.test('wrong usage is exit code 2', async (t) => {
  for (const args of [
    ['nope'],
    ['ls', '--nope'],
    ['get'],
    ['get', 't'],
    ['get', 't', 'k', 'more'],
    ['get', '-', 'k'],
    ['get', 't', ''],
    ['completion'],
    ['top', '--interval', '0'],
    ['completion', 'csh'],
  ]) {
    const { code, stdout, stderr } = await run(args);
    t.match({ code, stdout }, { code: 2, stdout: '' }, args.join(' '));
    t.ok(stderr.length > 0, 'with a message');
  }
  for (const [args, message] of [
    [['serve', '--port', 'x'], /--port must be an integer, got "x"/],
    [['serve', '--port', '99999'], /flags: port/],
    [['serve', '--workers', '0'], /flags: workers/],
    [['serve', '--host', '0.0.0.0'], /0\.0\.0\.0/],
    [['serve', '--table', 'x'], /name:capacity:column=type/],
    [['serve', '--config', '/nowhere/config.json'], /\/nowhere\/config\.json/],
  ] as const) {
    t.match(await run(args), { code: 2, stderr: message }, args.join(' '));
  }
});

t.test('the message about a mistyped word is one line that suggests the nearest word', async (t) => {
  for (const [args, line] of [
    [['gett', 't', 'k'], "shmtable: unknown command 'gett' (Did you mean get?)\n"],
    [['ls', '--jsn'], "shmtable: unknown option '--jsn' (Did you mean --json?)\n"],
    [['elephant'], "shmtable: unknown command 'elephant'\n"],
    [['get'], "shmtable: missing required argument 'table'\n"],
  ] as const) {
    t.same(await run(args), { code: 2, stdout: '', stderr: line }, args.join(' '));
  }
});

t.test('--version prints the version of the package', async (t) => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  t.same(await run(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});

t.test('keys prints the key of every row, one per line', async (t) => {
  const keyed = Table.create({ name: 'keyed', namespace, capacity: 3000, columns: { n: 'int32' } });
  t.teardown(() => keyed.destroy());
  for (let i = 0; i < 2500; i++) keyed.set(`key ${i}`, { n: i });
  const odd = ['two\nlines', '"quoted"', 'ä\u2028', '\u001b[31m'];
  for (const key of odd) keyed.set(key, {});
  const lines = (stdout: string) => stdout.split('\n').slice(0, -1);
  const plain = lines((await run(['keys', 'keyed'])).stdout);
  const wanted = [...keyed.keys()].map((key) => (odd.includes(key) ? JSON.stringify(key) : key));
  t.same(plain.sort(), wanted.sort(), 'all keys, those with control characters as JSON');
  const json = lines((await run(['keys', 'keyed', '--json', '--prefix', 'key 24'])).stdout);
  const inPrefix = [...keyed.keys()].filter((key) => key.startsWith('key 24'));
  t.same(json.map((line) => JSON.parse(line)).sort(), inPrefix.sort());
  t.same(await run(['keys', 'keyed', '--prefix', 'none']), { code: 0, stdout: '', stderr: '' });
  t.match(await run(['keys', 'missing']), { code: 1, stdout: '', stderr: /no table missing/ });
});

t.test('a missing table or row is exit code 1', async (t) => {
  t.match(await run(['get', 't', 'none']), { code: 1, stdout: '', stderr: /no row "none"/ });
  for (const command of ['stat', 'verify']) t.match(await run([command, 'none']), { code: 1, stderr: /none/ }, command);
});

t.test('help is exit code 0', async (t) => {
  const { code, stdout } = await run(['--help']);
  t.equal(code, 0);
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
  t.same(commands.sort(), COMMANDS.toSorted());
  const helps = await Promise.all(COMMANDS.filter((name) => name !== 'help').map((name) => run([name, '--help'])));
  for (const [i, help] of helps.entries()) t.match(help, { code: 0, stdout: `Usage: shmtable ${COMMANDS[i]}` });
});

t.test('ls, get, stat and verify print text or JSON', async (t) => {
  t.match(JSON.parse((await run(['ls', '--json'])).stdout), [
    { name: 't', rows: 1, capacity: 10, owners: [process.pid] },
  ]);
  t.match(await run(['ls']), { code: 0, stdout: /NAME +ROWS[\s\S]*t +1 +10/ });
  const entry = {
    key: 'k',
    revision: table.entry('k')?.revision,
    expiresAt: null,
    row: { n: '5', text: 'ä', data: 'AQID' },
  };
  t.same(JSON.parse((await run(['get', 't', 'k', '--json'])).stdout), entry);
  t.match(await run(['get', 't', 'k']), { code: 0, stdout: /n +"5"\ntext +"ä"/ });
  t.match(JSON.parse((await run(['stat', 't', '--json'])).stdout), {
    name: 't',
    columns: table.columns,
    stats: { rows: 1 },
  });
  t.match(await run(['stat', 't']), { code: 0, stdout: /column n +int64[\s\S]*rows +1/ });
  t.match(await run(['verify', 't']), { code: 0, stdout: 'ok\n' });
  t.same(JSON.parse((await run(['verify', 't', '--json'])).stdout), { ok: true, problems: [] });
});

t.test('alter changes a table that is in use, and says what it takes and what it did', async (t) => {
  using small = Table.create({ name: 'small', namespace, capacity: 10, columns: { n: 'int32', s: 'string(3)' } });
  small.set('k', { n: 1, s: 'abc' });
  const args = ['--capacity', '2000', '--add', 'b:float64', '--add', 'c:text(9)', '--type', 's:string(9)'];
  const altered = await run(['alter', 'small', ...args, '--schema-version', '2']);
  t.match(altered, {
    code: 0,
    stdout: /^altered: 1 rows copied in \d+ ms, writers held for [\d.]+ ms\n$/,
    stderr: /^small has \d+ bytes; altered it has \d+, and \d+ meanwhile\n$/,
  });
  const numbers = altered.stderr.match(/\d+/g)?.map(Number) ?? [];
  t.equal(numbers[1], small.stats().bytes);
  t.equal(numbers[2], numbers[0] + numbers[1]);
  t.match(small, { capacity: 2000, schemaVersion: 2, columns: { n: 'int32', s: 'string(9)', b: 'float64' } });
  t.match(await run(['alter', 'small', '--capacity', '2000']), { code: 0, stdout: 'nothing to change\n' });
  t.match(JSON.parse((await run(['alter', 'small', '--json', '--drop', 'b', '--drop', 'c'])).stdout), {
    ...{ name: 'small', altered: true, rows: 1, bytesBefore: numbers[1], heldMs: Number },
  });
  t.same(small.get('k'), { n: 1, s: 'abc' });
  for (const [wrong, code, message] of [
    [['--type', 's:string(2)'], 1, /"k" does not fit/],
    [['--drop', 'missing'], 1, /no column "missing"/],
    [['--add', 'x'], 2, /column:type/],
    [['--add', 'x:int8', '--add', 'x:int16'], 2, /x is named twice/],
    [['--capacity', 'many'], 2, /integer/],
    [['--evict', 'some'], 2, /none, lru/],
  ] as const) {
    t.match(await run(['alter', 'small', ...wrong]), { code, stdout: '', stderr: message }, wrong.join(' '));
  }
  t.match(await run(['alter', 'missing', '--capacity', '5']), { code: 1, stderr: /no table missing/ });
  Table.destroy('small', { namespace });
});
