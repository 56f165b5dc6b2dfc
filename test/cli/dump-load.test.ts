/** The commands `dump` and `load`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Table } from '../../src/table/table.js';
import { COMMAND, commandIn } from '../fixtures/command-run.js';

const namespace = `test-${process.pid}-cli-load`;
const env = { ...process.env, SHMTABLE_NAMESPACE: namespace };
const run = commandIn(namespace);
const columns = {
  n: 'int64',
  f: 'float64',
  flag: 'boolean',
  text: 'string(40)',
  data: 'bytes(3)',
  small: 'int8',
} as const;

t.teardown(() => {
  for (const { name } of Table.list({ namespace })) Table.destroy(name, { namespace });
});

function tableOf(t: Test, name: string, capacity = 20): Table<typeof columns> {
  const table = Table.create({ name, namespace, capacity, columns });
  t.teardown(() => table.close());
  return table;
}

const ODD_TEXT = 'a\u2028b\u0085"\\\u0000\n\r,;\uFEFF\u{1F600}';

t.test('load restores the rows of a dump', async (t) => {
  const source = tableOf(t, 'source');
  source.set('k', {
    n: -(2n ** 63n),
    f: Number.NaN,
    flag: true,
    text: ODD_TEXT,
    data: Uint8Array.of(1, 2, 3),
    small: -8,
  });
  source.set('zero', { f: -0 });
  source.set(ODD_TEXT, { f: Number.NEGATIVE_INFINITY }, { ttl: 3_600_000 });
  source.set('gone', {}, { ttl: 3_600_000 });
  const { code, stdout, stderr } = await run(['dump', 'source']);
  t.match({ code, stderr }, { code: 0, stderr: '' });
  t.equal(stdout.split('\n').length, 5, 'four lines');
  t.same(Object.keys(JSON.parse(stdout.slice(0, stdout.indexOf('\n')))), ['key', 'row', 'expiresAt']);
  t.equal((await run(['dump', 'source', '--json'])).stdout, stdout, 'the output is JSON in either case');

  const target = tableOf(t, 'target');
  target.set('k', { text: 'before' }, { ttl: 3_600_000 });
  target.set('other', { small: 1 });
  const past = stdout.replace(/("key":"gone".*"expiresAt":)\d+/, '$11');
  const loaded = await run(['load', 'target'], past);
  t.same(loaded, { code: 0, stdout: 'target: 3 rows loaded, 1 expired rows skipped\n', stderr: '' });
  t.equal(target.size, 4, 'with the row that existed before and is not in the dump');
  for (const key of ['k', 'zero', ODD_TEXT]) {
    t.same(target.get(key), source.get(key), 'the row');
    const [expected, found] = [source, target].map((table) => table.entry(key)?.expiresAt ?? 0);
    t.equal(found, expected, 'its expiry too, to the millisecond');
  }
  t.equal(target.entry('k')?.expiresAt, null, 'a row is replaced with its expiry');
  const asJson = await run(['load', 'target', '--json'], `\n${past.replaceAll('\n', '\r\n\r\n')}`);
  t.same(JSON.parse(asJson.stdout), { name: 'target', loaded: 3, expired: 1 }, 'empty lines and CRLF do not matter');
  t.same(await run(['load', 'target'], ''), {
    code: 0,
    stdout: 'target: 0 rows loaded, 0 expired rows skipped\n',
    stderr: '',
  });
  const envelope = (await run(['get', 'source', 'k', '--json'])).stdout;
  t.match(await run(['load', 'target'], envelope), { code: 0 }, 'the revision in an envelope is ignored');
});

t.test('load reads CSV', async (t) => {
  const table = tableOf(t, 'csv');
  const soon = Date.now() + 3_600_000;
  const file = [
    '\uFEFFtext,key,n,f,flag,data,small,expiresAt',
    `"two\nlines, ""quoted""",a,-9223372036854775808,-Infinity,true,AQID,-8,${soon}`,
    `\uFEFFx,b,0,1.5e3,false,,127,`,
    '',
    ',c,,,,,,',
    ',d,,,,,,1',
  ].join('\r\n');
  t.same(await run(['load', 'csv'], file), {
    code: 0,
    stdout: 'csv: 3 rows loaded, 1 expired rows skipped\n',
    stderr: '',
  });
  t.same(table.get('a'), {
    n: -(2n ** 63n),
    f: Number.NEGATIVE_INFINITY,
    flag: true,
    text: 'two\nlines, "quoted"',
    data: Uint8Array.of(1, 2, 3),
    small: -8,
  });
  t.ok(Math.abs((table.entry('a')?.expiresAt ?? 0) - soon) < 5000);
  t.match(table.entry('b'), { row: { text: '\uFEFFx', f: 1500, flag: false, small: 127 }, expiresAt: null });
  t.match(table.get('c'), { n: 0n, f: 0, flag: false, text: '', small: 0 });
});

t.test('the first invalid line is named, and the rows before it remain', async (t) => {
  const table = tableOf(t, 'wrong', 3);
  const good = '{"key":"good","row":{"small":1}}';
  for (const [line, message] of [
    ['{"key":"k","row":{"small":128}}', /column small.*127/],
    ['{"key":"k","row":{"nope":1}}', /no column "nope"/],
    ['{"key":"k","row":{"n":1e300}}', /decimal string/],
    ['{"key":"","row":{}}', /key/],
    ['{"key":1,"row":{}}', /key must be a string, got 1/],
    ['{"row":{}}', /key must be a string, got undefined/],
    ['{"key":"k"}', /row must be an object, got undefined/],
    ['{"key":"k","row":[]}', /row must be an object/],
    ['{"key":"k","row":{},"ttl":5}', /got "ttl"/],
    ['{"key":"k","row":{},"expiresAt":"soon"}', /expiresAt.*"soon"/],
    ['{"key":"k","row":{},"expiresAt":1.5}', /expiresAt.*1\.5/],
    ['{"key":"k",', /not JSON/],
    ['[]', /must be an object/],
  ] as const) {
    table.clear();
    const answer = await run(['load', 'wrong'], `\n${good}\n${line}\n{"key":"after","row":{}}\n`);
    t.match(answer, { code: 1, stdout: '', stderr: message }, line);
    t.match(answer.stderr, /^shmtable: line 3: .*; 1 rows before it are loaded\n$/);
    t.same([...table.keys()], ['good']);
  }
  table.clear();
  const illFormed = Buffer.concat([Buffer.from(`${good}\n{"key":"`), Buffer.of(0xff), Buffer.from('","row":{}}')]);
  t.match(await run(['load', 'wrong'], illFormed), { code: 1, stderr: /line 2: it is not well-formed UTF-8; 1 rows/ });
  const five = Array.from({ length: 5 }, (_, i) => `{"key":"k${i}","row":{}}`).join('\n');
  table.clear();
  t.match(await run(['load', 'wrong'], five), { code: 1, stderr: /line 4: .*; 3 rows/ }, 'a full table');
  t.equal(table.size, 3);
  t.match(await run(['load', 'none'], five), { code: 1, stderr: /no table none/ });
});

t.test('the first invalid line of CSV is named', async (t) => {
  const table = tableOf(t, 'wrong-csv');
  for (const [file, message] of [
    ['k,small\na,1\n', /line 1: "k,small" is neither/],
    ['what is this?', /line 1: .*neither a JSON object nor/],
    ['[{"key":"a"}]', /line 1: must be an object/],
    ['key,small\na,1\nb"c,2\n', /line 3: .*quote/i],
    ['key,small,nope\na,1,2\n', /line 1: .*no column "nope"/],
    ['key,small,small\na,1,2\n', /line 1: .*"small" twice/],
    ['key,small\na,1\nb,128\n', /line 3: column small.*127.*; 1 rows/],
    ['key,small\na,1\nb,0x10\n', /line 3: column small.*"0x10"/],
    ['key,small\na,1\nb, 1\n', /line 3: column small/],
    ['key,flag\na,true\nb,yes\n', /line 3: column flag.*"yes"/],
    ['key,expiresAt\na,\nb,tomorrow\n', /line 3: expiresAt.*"tomorrow"/],
    ['key,small\na,1\n,2\n', /line 3: .*key/],
    ['key,small\na,1\nb\n', /line 3: /],
    ['key,small\na,1\n"b,2\n', /line \d: /],
  ] as const) {
    table.clear();
    t.match(await run(['load', 'wrong-csv'], file), { code: 1, stdout: '', stderr: message }, file);
    t.same(
      [...table.keys()],
      file.startsWith('key,small\na,1\n') || file.includes('\na,true') || file.includes('\na,\n') ? ['a'] : [],
    );
  }
  const illFormed = Buffer.concat([Buffer.from('key,text\na,'), Buffer.of(0xff), Buffer.from('\n')]);
  t.match(await run(['load', 'wrong-csv'], illFormed), { code: 1, stderr: /line 2: it is not well-formed UTF-8/ });
});

t.test('lines of CSV may end in different ways within one file', async (t) => {
  const table = tableOf(t, 'line-ends');
  for (const [file, rows] of [
    ['key,text\na,one\r\nb,two\r\n', { a: 'one', b: 'two' }],
    ['key,text\r\na,one\r\nb,two\n', { a: 'one', b: 'two' }],
    ['text,key\none,a\r\n', { a: 'one' }],
    ['key\r\na\nb\n', { a: '', b: '' }],
    ['key,text\ra,one\rb,two', { a: 'one', b: 'two' }],
    ['key,text\na,"1\r\n2"\r\n\r\nb,"3\n4"\n', { a: '1\r\n2', b: '3\n4' }],
  ] as const) {
    table.clear();
    t.match(await run(['load', 'line-ends'], file), { code: 0, stderr: '' }, JSON.stringify(file));
    t.same(Object.fromEntries([...table].map(([key, { text }]) => [key, text])), rows);
  }
});

t.test('an unclosed quote is reported with the line in which it opens', async (t) => {
  tableOf(t, 'open-quote');
  for (const [file, line] of [
    ['key,text\na,1\nb,"2\nc,3\nd,4\n', 3],
    ['key,text\r\na,1\r\n\r\nb,"2\r\nc,3\r\n', 4],
    ['key,text\na,"x\ny"\nb,"1\n2","3\n4\n', 5],
    ['"key\n', 1],
  ] as const) {
    const { code, stderr } = await run(['load', 'open-quote'], file);
    t.match(
      { code, stderr },
      { code: 1, stderr: new RegExp(`line ${line}: the quote that opens here is not closed`) },
      file,
    );
  }
});

t.test('a cell is the JSON value without its quotes', async (t) => {
  const table = tableOf(t, 'cells');
  for (const [column, cell] of [
    ['small', '01'],
    ['n', '01'],
    ['f', '.5'],
    ['f', '1.'],
    ['f', '+1'],
    ['f', '-'],
    ['small', 'null'],
    ['n', 'null'],
    ['flag', 'null'],
    ['flag', 'TRUE'],
    ['expiresAt', '01'],
  ]) {
    const answer = await run(['load', 'cells'], `key,${column}\na,${cell}\n`);
    t.match(answer, { code: 1, stderr: /line 2: / }, `${column} ${cell}`);
  }
  t.match(await run(['load', 'cells'], 'key,text,f,expiresAt\na,null,-1.5E+3,null\n'), { code: 0 });
  t.match(table.entry('a'), { row: { text: 'null', f: -1500 }, expiresAt: null });
});

t.test(
  'options name the columns of key and expiry, even in a table with columns named key and expiresAt',
  async (t) => {
    const both = Table.create({
      name: 'both',
      namespace,
      capacity: 10,
      columns: { key: 'string(9)', expiresAt: 'int64', text: 'string(9)' },
    });
    t.teardown(() => both.close());
    const file = 'key,id,expiresAt,text\na,1,1000,x\n';
    const load = (...flags: string[]) => run(['load', 'both', ...flags], file);
    for (const [flags, message] of [
      [[], /line 1: the header's key may be .*--key-column NAME; 0 rows/],
      [
        ['--key-column', 'key'],
        /line 1: the header's expiresAt may be .*--expires-column NAME, or --no-expires-column/,
      ],
      [['--key-column', 'nope'], /neither a JSON object nor the header of a CSV file with a column nope/],
      [['--key-column', 'key', '--expires-column', 'nope'], /names no column "nope"/],
      [['--key-column', 'key', '--no-expires-column'], /no column "id"/],
    ] as const) {
      t.match(await load(...flags), { code: 1, stderr: message }, flags.join(' '));
      t.equal(both.size, 0);
    }
    const without = 'key,expiresAt,text\na,4102444800000,x\n';
    t.match(await run(['load', 'both', '--key-column', 'key', '--no-expires-column'], without), { code: 0 });
    t.match(both.entry('a'), { row: { key: 'a', expiresAt: 4102444800000n, text: 'x' }, expiresAt: null });
    both.clear();
    const named = ['--key-column', 'text', '--expires-column', 'expiresAt'];
    t.match(await run(['load', 'both', ...named], without), { code: 0 });
    const entry = both.entry('x');
    t.match(
      entry,
      { row: { key: 'a', expiresAt: 4102444800000n, text: 'x' } },
      'a column that an option names may also fill a column of the table',
    );
    t.ok(Math.abs((entry?.expiresAt ?? 0) - 4102444800000) < 5000);
  },
);

t.test('dump writes to a pipe', async (t) => {
  const rows = 60_000;
  const table = tableOf(t, 'large', rows);
  for (let i = 0; i < rows; i++) table.set(`key-${i}`, { text: 'x'.repeat(40) });

  t.test('a pipe that is closed early is not an error', async (t) => {
    const shell = spawn('bash', ['-c', `set -o pipefail; "${process.execPath}" "${COMMAND}" dump large | head -n 2`], {
      env,
    });
    let [lines, stderr] = ['', ''];
    shell.stdout.on('data', (text) => {
      lines += text;
    });
    shell.stderr.on('data', (text) => {
      stderr += text;
    });
    await once(shell, 'close');
    t.same({ code: shell.exitCode, stderr, lines: lines.split('\n').length }, { code: 0, stderr: '', lines: 3 });
  });

  t.test('a pipe that is read slowly gets every row once', async (t) => {
    const child = spawn(process.execPath, [COMMAND, 'dump', 'large'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    // A full pipe of 64 KiB, then the rest as fast as it is read here, while other rows are inserted and deleted.
    await once(child.stdout, 'readable');
    for (let i = 0; i < 100; i++) table.delete(`key-${i}`);
    const keys = new Set<string>();
    let text = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk;
    for (const line of text.trimEnd().split('\n')) keys.add(JSON.parse(line).key);
    t.equal(text.split('\n').length - 1, keys.size, 'no row occurs twice');
    t.ok(
      Array.from({ length: rows - 100 }, (_, i) => `key-${i + 100}`).every((key) => keys.has(key)),
      'none missing',
    );
  });
});

t.test('load shows its progress on a terminal', async (t) => {
  const table = tableOf(t, 'shown', 2000);
  const file = join(t.testdir(), 'rows.ndjson');
  writeFileSync(
    file,
    Array.from({ length: 2000 }, (_, i) => `{"key":"k${i}","row":{"text":"${'x'.repeat(40)}"}}\n`).join(''),
  );
  for (const [input, shown] of [
    [`< "${file}"`, /100% of 0\.1 MiB, 2000 rows/],
    [`< <(cat "${file}")`, /0\.1 MiB, 2000 rows/],
  ] as const) {
    table.clear();
    const command = `bash -c '"${process.execPath}" "${COMMAND}" load shown ${input}'`;
    const terminal = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      env: { ...env, TERM: 'xterm' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let screen = '';
    for await (const chunk of terminal.stdout.setEncoding('utf8')) screen += chunk;
    t.match(screen, shown);
    t.match(screen, 'shown: 2000 rows loaded');
    t.equal(table.size, 2000);
  }
});
