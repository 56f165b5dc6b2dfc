/** Random keys and rows: what is written over HTTP is read from the embedded table, and vice versa. */
import { Agent } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { type Row, Table } from '../../src/index.js';
import { startApp } from '../fixtures/server-app.js';

const columns = {
  i8: 'int8',
  u8: 'uint8',
  i16: 'int16',
  u16: 'uint16',
  i32: 'int32',
  u32: 'uint32',
  i64: 'int64',
  f32: 'float32',
  f64: 'float64',
  flag: 'boolean',
  text: 'string(40)',
  data: 'bytes(24)',
} as const;

type Values = Row<typeof columns>;
type Item = readonly [key: string, row: Values];

/** Rows in a round; there are 100 rounds. */
const ROWS = 100;
const ROUNDS = 100;
/** This many rows of each round are sent to their own paths, the others in batches. */
const BY_PATH = 3;

const utf8 = (maxBytes: number, minLength = 0) =>
  fc.string({ unit: 'binary', minLength, maxLength: maxBytes }).filter((text) => Buffer.byteLength(text) <= maxBytes);
const values: { [K in keyof Values]: fc.Arbitrary<Values[K]> } = {
  i8: fc.integer({ min: -(2 ** 7), max: 2 ** 7 - 1 }),
  u8: fc.integer({ min: 0, max: 2 ** 8 - 1 }),
  i16: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
  u16: fc.integer({ min: 0, max: 2 ** 16 - 1 }),
  i32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  u32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  f32: fc.float(),
  f64: fc.double(),
  flag: fc.boolean(),
  text: utf8(40),
  data: fc.uint8Array({ maxLength: 24 }),
};
const key = fc.oneof(
  utf8(255, 1),
  fc.constantFrom(
    '.',
    '..',
    '/',
    '//',
    '\0',
    '%',
    '%2F',
    '+',
    ' ',
    '?',
    '#',
    '&',
    'increment',
    '\ufeff',
    'é'.repeat(127),
  ),
);
const items = fc.uniqueArray(fc.tuple(key, fc.record(values)), {
  minLength: ROWS,
  maxLength: ROWS,
  selector: ([key]) => key,
});

/** The JSON text of a row, as documented: JSON.stringify would lose the sign of -0. */
function jsonOf(row: Values): string {
  const members = Object.entries(row).map(([name, value]) => `${JSON.stringify(name)}:${cellOf(value)}`);
  return `{${members.join(',')}}`;
}

function cellOf(value: Values[keyof Values]): string {
  if (typeof value === 'bigint') return `"${value}"`;
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('base64')}"`;
  if (typeof value !== 'number') return JSON.stringify(value);
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? '-0' : String(value);
}

function same(actual: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${what}: ${String(actual)} ${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
  }
}

t.test('10,000 random rows are the same over HTTP and in the embedded table', async (t) => {
  const { send, namespace } = await startApp(t);
  const agent = new Agent({ keepAlive: true });
  using sent = Table.create({ name: 'sent', namespace, capacity: ROWS, maxKeyBytes: 255, columns });
  using made = Table.create({ name: 'made', namespace, capacity: ROWS, maxKeyBytes: 255, columns });
  t.teardown(() => agent.destroy());
  let rows = 0;

  const batch = async (table: string, operations: readonly string[]) => {
    const headers = { 'content-type': 'application/json' };
    const body = `[${operations.join(',')}]`;
    const { text } = await send('POST', `/v1/tables/${table}/batch`, { body, headers, agent });
    return text;
  };
  const path = (key: string, index: number) =>
    index % 2 === 0 || key === '.' || key === '..'
      ? `${Buffer.from(key).toString('base64url')}?keyEncoding=base64url`
      : encodeURIComponent(key);

  const roundTrip = async (round: readonly Item[]) => {
    sent.clear();
    made.clear();
    const puts = round.map(([key, row]) => `{"op":"put","key":${JSON.stringify(key)},"row":${jsonOf(row)}}`);
    const written: { results: { status: number }[] } = JSON.parse(await batch('sent', puts.slice(BY_PATH)));
    same(new Set(written.results.map(({ status }) => status)), new Set([201]), 'every put');
    for (const [index, [key, row]] of round.slice(0, BY_PATH).entries()) {
      const headers = { 'content-type': 'application/json' };
      const options = { body: jsonOf(row), headers, agent };
      const put = await send('PUT', `/v1/tables/sent/rows/${path(key, index)}`, options);
      same([put.status, put.json.key], [201, key], `PUT of ${JSON.stringify(key)}`);
    }
    for (const [key, row] of round) {
      made.put(key, row);
      same(sent.get(key), made.get(key), `row ${JSON.stringify(key)} in the embedded table`);
    }
    same(sent.size, round.length, 'rows');

    const gets = round.map(([key]) => `{"op":"get","key":${JSON.stringify(key)}}`);
    const expected = round.map(([key]) => {
      const entry = made.entry(key);
      if (entry === undefined) throw new Error(`${JSON.stringify(key)} is missing`);
      return `{"status":200,"key":${JSON.stringify(key)},"revision":${entry.revision},"row":${jsonOf(entry.row)}}`;
    });
    same(await batch('made', gets), `{"results":[${expected.join(',')}]}`, 'rows of the embedded table over HTTP');
    for (const [index, [key]] of round.slice(0, BY_PATH).entries()) {
      const { text } = await send('GET', `/v1/tables/made/rows/${path(key, index + 1)}`, { agent });
      const row = made.get(key);
      same(text.endsWith(`"row":${row === undefined ? '' : jsonOf(row)}}`), true, `GET of ${JSON.stringify(key)}`);
    }
    rows += round.length;
  };
  await fc.assert(fc.asyncProperty(items, roundTrip), { numRuns: ROUNDS });
  t.ok(rows >= 10_000, `${rows} rows in both directions`);
  t.same(sent.verify(), { ok: true, problems: [] });
});
