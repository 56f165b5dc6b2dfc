/**
 * Files of rows: the console reads CSV as `shmtable load` does, and writes CSV that both read back. A file is sent in
 * batches of whole lines, and every failure is reported with its line in the file.
 */

import t from 'tap';
import { csvRows } from '../../src/cli/csv-rows.js';
import { CsvReader, type CsvRecord } from '../../src/console/table/csv-records.js';
import { csvHeader, csvOfLine, headerProblem, lineOfRecord, suggestedRoles } from '../../src/console/table/csv-rows.js';
import {
  csvBatches,
  csvHeaderOf,
  isNdjson,
  ndjsonBatches,
  type UploadBatch,
} from '../../src/console/table/upload-batches.js';
import { FAILURES_LISTED, type LoadReport, uploadRows } from '../../src/console/table/upload-rows.js';
import { parseRowLine, type RowLine } from '../../src/json/row-line.js';
import { TableCodec } from '../../src/json/table-codec.js';

const COLUMNS = {
  i: 'int32',
  l: 'int64',
  f: 'float64',
  t: 'boolean',
  s: 'string(20)',
  b: 'bytes(8)',
  x: 'text',
  j: 'json',
} as const;
const codec = new TableCodec('test', COLUMNS);
const utf8 = new TextEncoder();

interface Outcome {
  readonly rows: RowLine[];
  /** The line of the first failure. */
  readonly failed: number | undefined;
}

async function byCommand(text: string): Promise<Outcome> {
  const rows: RowLine[] = [];
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield utf8.encode(text);
  }
  try {
    for await (const { key, row, expiresAt } of csvRows(chunks(), codec)) rows.push({ key, row, expiresAt });
  } catch (error) {
    return { rows, failed: Number(/line (\d+):/.exec(String(error))?.[1]) };
  }
  return { rows, failed: undefined };
}

/** Reads in pieces of `size` characters, up to the first failure. */
function byConsole(text: string, size = text.length): Outcome {
  const reader = new CsvReader();
  const records: CsvRecord[] = [];
  for (let at = 0; at < text.length; at += size) records.push(...reader.read(text.slice(at, at + size)));
  const last = reader.end();
  if (last !== undefined) records.push(last);
  const rows: RowLine[] = [];
  const [head, ...rest] = records;
  if (head === undefined) return { rows, failed: undefined };
  const roles = suggestedRoles(head.cells, COLUMNS);
  if (head.problem !== undefined || headerProblem(head.cells, roles, COLUMNS) !== undefined) {
    return { rows, failed: head.line };
  }
  for (const record of rest) {
    const { line } = lineOfRecord(record, head.cells, roles, COLUMNS);
    if (line === undefined) return { rows, failed: record.line };
    try {
      const row = parseRowLine(utf8.encode(line), codec);
      if (row !== undefined) rows.push(row);
    } catch {
      return { rows, failed: record.line };
    }
  }
  return { rows, failed: undefined };
}

const FILES = [
  'key,i\na,1\nb,-2\n',
  'key,i\r\na,1\r\n\r\nb,2',
  'key,i\ra,1\rb,2\r',
  'key,i\r\na,1\r\n\r\nb,x\r\n',
  'key,i\ra,1\r\rb,x\r',
  'i,key,expiresAt\n1,a,4102444800000\n2,b,\n3,c,null\n4,d,soon\n',
  'key,s\na,"x,y"\nb,"x ""y"" z"\nc,"x\ny"\nd,"x\r\ny"\n',
  'key,s\na,x"y\nb,z\n',
  'key,s\na,"x"y\nb,z\n',
  'key,s\na, "x"\n',
  'key,s\na\n',
  'key,s\na,x,y\n',
  'key,s\na,"x\nb,y\nc,z',
  'key,s\n"",x\n',
  'key,s\n"a",""\n',
  'key,nosuch\na,1\n',
  'key,key\na,b\n',
  'i,s\n1,a\n',
  'key,i\na,1.5\n',
  'key,i\na,"5"\nb,05\n',
  'key,i\na,null\n',
  'key,l\na,9007199254740993\nb,"-5"\nc,05\n',
  'key,f\na,-0\nb,NaN\nc,-Infinity\nd,1e3\ne,1e999\n',
  'key,f\na,1.\n',
  'key,t\na,true\nb,false\nc,\nd,1\n',
  'key,b\na,AAEC/w==\nb,AAE\n',
  'key,j\na,"{""x"":[1,2]}"\nb,text\nc,"""quoted"""\nd,"[1,\n2]"\ne,null\nf,-0\ng,1e999\n',
  'key,x\na,\u2028\nb,"\t"\n',
  '\ufeffkey,i\na,1\n',
  '',
  '\n\n',
  'key\na\nb\n',
];

t.test('every file means the same rows, and fails at the same line, as with the command', async (t) => {
  for (const file of FILES) {
    // The command has skipped the mark at the beginning before it looks for CSV.
    const expected = await byCommand(file.replace(/^\ufeff/, ''));
    t.same(byConsole(file), expected, encodeURI(file));
    t.same(byConsole(file, 1), expected, `${encodeURI(file)} in single characters`);
  }
});

t.test('rows come back from CSV as they were', async (t) => {
  const lines = [
    '{"key":"a,\\"b\\"\\r\\n","row":{"i":-1,"l":"-9223372036854775808","f":-0,"t":true,"s":"x\\ny","b":"AAE=","x":"","j":{"a":"b,c"}},"expiresAt":4102444800000}',
    '{"key":"b","row":{"i":0,"l":"0","f":"NaN","t":false,"s":"","b":"","x":"null","j":null},"expiresAt":null}',
    '{"key":"c","row":{"i":0,"l":"0","f":1e-7,"t":false,"s":" x ","b":"","x":"5","j":"\\"\\r"},"expiresAt":null}',
  ];
  const names = Object.keys(COLUMNS);
  const file = csvHeader(names).text + lines.map((line) => csvOfLine(line, names, COLUMNS)).join('');
  const whole = ({ key, row, expiresAt }: RowLine): unknown => ({ key, row: codec.replaced(row), expiresAt });
  const expected = lines.map((line) => whole(parseRowLine(utf8.encode(line), codec) as RowLine));
  for (const { rows, failed } of [byConsole(file), await byCommand(file)]) {
    t.equal(failed, undefined);
    t.same(rows.map(whole), expected);
    t.ok(Object.is(rows[0].row.f, -0));
  }
});

t.test('a table with a column named key gets another name for its key', async (t) => {
  const { text, roles } = csvHeader(['key', 'expiresAt']);
  t.same([text, roles], ['row_key,key,expiresAt,row_expiresAt\r\n', { key: 'row_key', expires: 'row_expiresAt' }]);
  const columns = { key: 'int8', expiresAt: 'int8' };
  t.same(suggestedRoles(['key', 'expiresAt'], columns), { key: undefined, expires: undefined });
  t.match(
    headerProblem(['key'], { key: undefined, expires: undefined }, columns),
    /which column of the file is the key/,
  );
  t.same(
    lineOfRecord(
      { line: 2, cells: ['k', '1', '2', ''] },
      ['row_key', 'key', 'expiresAt', 'row_expiresAt'],
      roles,
      columns,
    ),
    { line: '{"key":"k","row":{"key":1,"expiresAt":2},"expiresAt":null}' },
  );
});

const SENT_COLUMNS = { n: 'int32', s: 'text' };
const ROLES = { key: 'key', expires: undefined };

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** A service that refuses every line with the word `bad`. */
async function service(body: Blob | string): Promise<LoadReport> {
  const lines = (typeof body === 'string' ? body : await body.text()).split('\n').filter((line) => line !== '');
  const failed = lines.flatMap((line, i) =>
    line.includes('bad') ? [{ line: i + 1, problem: { detail: 'bad' } }] : [],
  );
  return { written: lines.length - failed.length, failed };
}

t.test('lines are not cut, whatever their length', async (t) => {
  const lines = Array.from({ length: 30 }, (_, i) => `{"key":"${i}","row":{"s":"${'ä'.repeat(i * 10_000)}"}}`);
  lines.push(`{"key":"bad","row":{"s":"${'x'.repeat(3 << 20)}"}}`, '{"key":"last","row":{}}');
  const file = new Blob([lines.join('\n')]);
  const batches = await all(ndjsonBatches(file));
  t.ok(batches.length > 3);
  const bodies = await Promise.all(batches.map(({ body }) => new Response(body).text()));
  t.equal(bodies.join(''), lines.join('\n'));
  for (const body of bodies.slice(0, -1)) t.ok(body.endsWith('\n'));

  const steps = await all(uploadRows(ndjsonBatches(file), service));
  t.match(steps.at(-1), { written: 31, failures: 1, failed: [{ line: 31, problem: 'bad' }], bytes: file.size });
  t.ok(
    steps.every(({ bytes }, i) => i === 0 || bytes > steps[i - 1].bytes),
    'the progress grows',
  );
});

t.test('a record of CSV that is malformed is reported beside those that the service refuses', async (t) => {
  const file = new Blob(['key,n\na,1\n\nb,2,3\nc,"4\nd,5\n']);
  t.same(await csvHeaderOf(file), ['key', 'n']);
  const [end] = (await all(uploadRows(csvBatches(file, ROLES, SENT_COLUMNS), service))).slice(-1);
  t.match(end, {
    written: 1,
    failures: 2,
    failed: [
      { line: 4, problem: /2 cells/ },
      { line: 5, problem: /not closed/ },
    ],
  });
});

t.test('a file with another header fails as a whole', async (t) => {
  await t.rejects(
    all(csvBatches(new Blob(['key,m\na,1\n']), ROLES, SENT_COLUMNS)),
    /line 1: the table has no column "m"/,
  );
  const bytes = new Blob([new Uint8Array([0x6b, 0x65, 0x79, 0x0a, 0xff, 0x0a])]);
  await t.rejects(all(csvBatches(bytes, ROLES, SENT_COLUMNS)), /UTF-8 between its bytes 0 and 6/);
});

t.test('many failures are counted, and the first are listed', async (t) => {
  async function* batches(): AsyncGenerator<UploadBatch> {
    for (let i = 0; i < 3; i++) yield { body: 'x', lineOf: (line) => i * 1000 + line, failed: [], bytes: i };
  }
  const report = {
    written: 0,
    failed: Array.from({ length: 600 }, (_, i) => ({ line: i + 1, problem: { detail: '' } })),
    failures: 700,
  };
  const [end] = (await all(uploadRows(batches(), async () => report))).slice(-1);
  t.same([end.failed.length, end.failures, end.failed.at(-1)?.line], [FAILURES_LISTED, 2100, 1400]);
});

t.test('rows in JSON are told from CSV by their beginning', async (t) => {
  for (const text of ['{"key"', ' \n{', '\ufeff{', '[', '', `${' '.repeat(300_000)}{`]) {
    t.equal(await isNdjson(new Blob([text])), true, text.trim());
  }
  for (const text of ['key,a', '\n"key"', '\ufeffkey']) t.equal(await isNdjson(new Blob([text])), false, text);
});
