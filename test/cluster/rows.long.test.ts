/** A table in a server does what a table in shared memory does: same results, same errors, for random operations. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { ClusterTable } from '../../src/cluster/index.js';
import { ShmTableError, Table } from '../../src/index.js';
import { startRedis } from '../fixtures/redis-servers.js';
import { tries } from '../fixtures/tries.js';

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
  text: 'string(30)',
  data: 'bytes(30)',
  page: 'text(4)',
  image: 'blob(8)',
  state: 'json(16)',
} as const;
type Name = keyof typeof columns;

const EDGES: Record<Name, readonly unknown[]> = {
  i8: [-128, 127, 0, -0, 128, -129, 0.5, Number.NaN],
  u8: [0, 255, 256, -1],
  i16: [-32768, 32767, 32768],
  u16: [0, 65535, 65536],
  i32: [-(2 ** 31), 2 ** 31 - 1, 2 ** 31, '1'],
  u32: [0, 2 ** 32 - 1, 2 ** 32, null],
  i64: [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 63n, 0n, 2 ** 53 - 1, 2 ** 53, 12345678901234567n, -1],
  f32: [0, -0, Number.NaN, Number.POSITIVE_INFINITY, 0.1, 3.4028234663852886e38, 3.5e38, 1e-45, 1.17549435e-38],
  f64: [
    0,
    -0,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    0.1,
    0.2,
    Number.MAX_VALUE,
    Number.MIN_VALUE,
    1e21,
    2 ** 53 + 2,
    1n,
  ],
  flag: [true, false, 1],
  text: ['', 'a', 'é\0ü', 'x'.repeat(30), 'x'.repeat(31), '\ud800', '\r\n$5'],
  data: [new Uint8Array(), Uint8Array.of(0, 13, 10, 255), new Uint8Array(30).fill(7), new Uint8Array(31), 'x'],
  page: ['', 'p'.repeat(4), 'p'.repeat(5_000), '😀'.repeat(100)],
  image: [new Uint8Array(), new Uint8Array(3_000).fill(200), Uint8Array.of(255)],
  state: [null, 0, -0, 'x', [], {}, { b: [1, { c: null }], a: 'é' }, undefined, () => 1, 1n],
};

const names = Object.keys(columns) as Name[];
const key = fc.constantFrom('a', 'b', 'ключ', '{tag}x', 'with space', 'x'.repeat(63));
const anyKey = fc.oneof(
  { weight: 20, arbitrary: key },
  { weight: 1, arbitrary: fc.constantFrom('', 'x'.repeat(64), '\ud800') },
);
const valuesOf = (name: Name): fc.Arbitrary<unknown> => {
  const edges = fc.constantFrom(...EDGES[name]);
  if (name === 'f64') return fc.oneof(edges, fc.double());
  if (name === 'f32') return fc.oneof(edges, fc.float());
  if (name === 'i64') return fc.oneof(edges, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
  if (name === 'state') return fc.oneof(edges, fc.jsonValue({ maxDepth: 2 }));
  return edges;
};
const row = fc.record(Object.fromEntries(names.map((name) => [name, valuesOf(name)])), { requiredKeys: [] });
/** Mostly valid ones. */
const fewColumns = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(...names).chain((name) => valuesOf(name).map((value) => ({ [name]: value }))),
  },
  { weight: 2, arbitrary: row },
  { weight: 1, arbitrary: fc.constantFrom({}, { nothing: 1 }, null, 5) },
);
const addend = fc.oneof(
  fc.constantFrom<unknown>(
    1,
    -1,
    0,
    127,
    2 ** 31,
    2 ** 53 - 1,
    0.1,
    1e308,
    -1e308,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '1',
  ),
  fc.constantFrom<unknown>(1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n, 2n ** 64n, -(2n ** 64n) + 1n),
  fc.double(),
);
const options = fc.constantFrom<object | undefined>(
  undefined,
  undefined,
  { ttl: 1_000_000 },
  { ttl: null },
  { ttl: 0 },
);
const operation = fc.oneof(
  fc.record({ name: fc.constantFrom('set', 'put', 'insert', 'update'), key: anyKey, row: fewColumns, options }),
  fc.record({
    name: fc.constantFrom('increment', 'decrement'),
    key: anyKey,
    column: fc.constantFrom<string>(...names, 'nothing'),
    by: addend,
    options: fc.oneof(options, fc.constantFrom({ ttlIfNew: 5_000_000 }, { ttl: 1_000_000, ttlIfNew: null })),
  }),
  fc.record({ name: fc.constantFrom('delete', 'take', 'has', 'ttl', 'entry', 'modify'), key: anyKey }),
  fc.record({ name: fc.constant('get'), key: anyKey, column: fc.constantFrom(...names, 'nothing', undefined) }),
  fc.record({ name: fc.constantFrom('compareAndSet'), key: anyKey, expected: fewColumns, row: fewColumns }),
  fc.record({ name: fc.constantFrom('compareAndDelete'), key: anyKey, expected: fewColumns }),
  // What the row has now is expected.
  fc.record({ name: fc.constant('compareSame'), key, column: fc.constantFrom(...names), row: fewColumns }),
  fc.record({ name: fc.constant('expire'), key: anyKey, ms: fc.constantFrom(1_000_000, null, 0, 1.5) }),
);

// biome-ignore lint/suspicious/noExplicitAny: operations with wrong arguments
type Any = any;

/** Runs one operation on either table; `get` reads what it needs for the operation that expects the present. */
async function run(table: Any, op: Any): Promise<unknown> {
  switch (op.name) {
    case 'get':
      return op.column === undefined ? table.get(op.key) : table.get(op.key, op.column);
    case 'increment':
    case 'decrement':
      return table[op.name](op.key, op.column, op.by, op.options);
    case 'compareAndSet':
      return table.compareAndSet(op.key, op.expected, op.row);
    case 'compareAndDelete':
      return table.compareAndDelete(op.key, op.expected);
    case 'compareSame': {
      const present = await table.get(op.key, op.column);
      return table.compareAndSet(op.key, { [op.column]: present ?? EDGES[op.column as Name][0] }, op.row);
    }
    case 'expire':
      return table.expire(op.key, op.ms);
    case 'modify':
      return table.modify(op.key, (before: Any) => (before === undefined ? { u32: 1 } : { u32: 7, text: before.text }));
    case 'set':
    case 'put':
    case 'insert':
    case 'update':
      return table[op.name](op.key, op.row, op.options);
    default:
      return table[op.name](op.key);
  }
}

/** The result in the form that both tables have: writes of a table in a cluster return more. */
async function outcomeOf(table: Any, op: Any): Promise<unknown> {
  try {
    const result: Any = await run(table, op);
    if (result === table) return true;
    if (op.name === 'increment' || op.name === 'decrement') return typeof result === 'object' ? result.value : result;
    if (op.name === 'ttl') return typeof result === 'number' && Number.isFinite(result) ? 'finite' : result;
    if (op.name === 'entry')
      return result === undefined ? undefined : { row: result.row, expires: result.expiresAt !== null };
    if (result !== null && typeof result === 'object' && 'created' in result) return true;
    return result;
  } catch (error) {
    if (error instanceof ShmTableError) return { code: error.code };
    throw error;
  }
}

t.setTimeout(tries(120, 1_200) * 1_000);

t.test(
  'every operation has the same result, or the same error, as on a table in shared memory',
  { timeout: tries(90, 1_000) * 1_000 },
  async (t) => {
    const server = await startRedis();
    t.teardown(() => server.stop());
    const name = `oracle-${process.pid}`;
    const cluster = await ClusterTable.connect({ name, columns, cluster: { nodes: [server.url], timeoutMs: 20_000 } });
    const table = Table.create({ name, columns, capacity: 100, heap: 2 ** 22 });
    t.teardown(async () => {
      table.destroy();
      await cluster.close();
    });
    const lastRevision = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 40, size: 'max' }), async (operations) => {
        table.clear();
        await cluster.clear();
        for (const op of operations) {
          const [wanted, got] = [await outcomeOf(table, op), await outcomeOf(cluster, op)];
          if (!isDeepStrictEqual(got, wanted)) {
            throw new Error(
              `${JSON.stringify(op, shown)}: ${JSON.stringify(got, shown)} instead of ${JSON.stringify(wanted, shown)}`,
            );
          }
          const isKey = ![undefined, '', '\ud800'].includes(op.key) && op.key.length < 64;
          if (!isKey) continue;
          const entry = await cluster.entry(op.key);
          const row = table.get(op.key);
          if (!isDeepStrictEqual(entry?.row, row)) {
            throw new Error(
              `after ${JSON.stringify(op, shown)}: ${JSON.stringify(entry?.row, shown)} instead of ${JSON.stringify(row, shown)}`,
            );
          }
          if (entry === undefined) continue;
          const before = lastRevision.get(op.key) ?? 0;
          if (entry.revision < before) throw new Error(`revision ${entry.revision} after ${before}`);
          lastRevision.set(op.key, entry.revision);
        }
      }),
      { numRuns: tries(400, 4_000), seed: Number(process.env.SHMTABLE_SEED ?? Date.now() % 2 ** 31) },
    );
  },
);

function shown(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
    return `number ${Object.is(value, -0) ? '-0' : value}`;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex').slice(0, 80)}`;
  if (typeof value === 'string' && value.length > 80) return `${value.slice(0, 80)}…`;
  return value;
}

t.test('a sum that does not fit leaves row and revision unchanged', async (t) => {
  const server = await startRedis();
  t.teardown(() => server.stop());
  const table = await ClusterTable.connect({
    name: 'sums',
    columns,
    cluster: { nodes: [server.url], timeoutMs: 20_000 },
  });
  t.teardown(() => table.close());
  const limits = { i8: 127, u8: 255, i16: 32767, u16: 65535, i32: 2 ** 31 - 1, u32: 2 ** 32 - 1 } as const;
  for (const [column, most] of Object.entries(limits)) {
    await table.put('k', { [column]: most });
    const before = await table.entry('k');
    await t.rejects(table.increment('k', column as 'i8'), { code: 'ERR_VALUE_RANGE' }, column);
    t.same(await table.entry('k'), before, column);
  }
  for (const [value, by] of [
    [2n ** 63n - 1n, 1n],
    [-(2n ** 63n), -1n],
    [5n, 2n ** 64n - 1n],
  ]) {
    await table.put('k', { i64: value });
    const before = await table.entry('k');
    await t.rejects(table.increment('k', 'i64', by), { code: 'ERR_VALUE_RANGE' });
    t.same(await table.entry('k'), before);
  }
  await table.put('k', { i64: -(2n ** 63n) });
  t.equal((await table.increment('k', 'i64', 2n ** 64n - 1n)).value, 2n ** 63n - 1n, 'an addend beyond 64 bits');
  await table.put('k', { f64: Number.MAX_VALUE, f32: 3e38 });
  const before = await table.entry('k');
  await t.rejects(table.increment('k', 'f64', Number.MAX_VALUE), { code: 'ERR_VALUE_RANGE' });
  await t.rejects(table.increment('k', 'f32', 3e38), { code: 'ERR_VALUE_RANGE' });
  t.same(await table.entry('k'), before);
  t.equal(await table.has('none'), false);
  await t.rejects(table.increment('none', 'i64', 2n ** 64n - 1n), { code: 'ERR_VALUE_RANGE' });
  t.equal(await table.has('none'), false, 'a refused increment creates no row');
});

t.test('revisions rise strictly, also when rows are deleted and inserted, all under way at once', async (t) => {
  const server = await startRedis();
  t.teardown(() => server.stop());
  const table = await ClusterTable.connect({
    name: 'revisions',
    columns,
    cluster: { nodes: [server.url], timeoutMs: 20_000 },
  });
  t.teardown(() => table.close());
  const writes: Promise<{ revision: number } | false>[] = [];
  for (let i = 0; i < 5_000; i++) {
    writes.push(table.insert('k', { u32: i }));
    void table.delete('k');
  }
  let last = 0;
  let wrong = 0;
  for (const write of await Promise.all(writes)) {
    if (write === false || write.revision <= last) wrong++;
    else last = write.revision;
  }
  t.equal(wrong, 0);
});
