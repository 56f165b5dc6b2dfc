/** Pages and iterations hold a bounded number of bytes of long values, however many rows there are. */
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { Table } from '../fixtures/placed-table.js';
import { oneBucketKeys } from './one-bucket-keys.js';
import { scratchName, scratchTable, testShared } from './scratch-table.js';

const MIB = 1024 * 1024;
const columns = { data: 'blob', text: 'text', n: 'int32' } as const;

const keysOf = (entries: readonly { readonly key: string }[]): string[] => entries.map(({ key }) => key);

t.test('a page ends before its long values have more than 8 MiB', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns, heap: 40 * MIB });
  const value = new Uint8Array(MIB).fill(7);
  const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);
  for (const [n, key] of keys.entries()) table.set(key, { data: value, n });
  const seen: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: ReturnType<typeof table.scan> = table.scan({ cursor, limit: 1000 });
    t.ok(page.entries.length <= 8, `${page.entries.length} rows of 1 MiB`);
    for (const { key, row } of page.entries) {
      seen.push(key);
      if (row.data.length !== MIB || row.n !== keys.indexOf(key)) t.fail(`row ${key} is another row`);
    }
    cursor = page.cursor;
  }
  t.same(seen.sort(), keys.sort(), 'every row once');
  t.equal(table.scan({ limit: 1000, columns: ['n'] }).entries.length, 30, 'columns that are not read do not count');
  t.same(keysOf(table.scan({ limit: 1000, prefix: 'k7' }).entries), ['k7'], 'nor do rows with other keys');
});

t.test('a longer row is alone on its page', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns, heap: 60 * MIB });
  const sizes = [9 * MIB, 100, 8 * MIB, 0, 9 * MIB, 3 * MIB];
  for (const [n, bytes] of sizes.entries()) table.set(`k${n}`, { text: 'x'.repeat(bytes), n });
  const seen: number[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: ReturnType<typeof table.scan> = table.scan({ cursor });
    const bytes = page.entries.reduce((sum, { row }) => sum + row.text.length, 0);
    t.ok(bytes <= 8 * MIB || page.entries.length === 1, `${page.entries.length} rows of ${bytes} bytes`);
    for (const { row } of page.entries) {
      seen[row.n] = (seen[row.n] ?? 0) + 1;
      t.equal(row.text.length, sizes[row.n]);
    }
    cursor = page.cursor;
  }
  t.same(seen, [1, 1, 1, 1, 1, 1], 'every row once');
});

t.test('an iteration reads a long row only when its turn comes', async (t) => {
  const table = scratchTable(t, { capacity: 7, columns, heap: 60 * MIB });
  // One array for all rows: garbage that is collected during the iteration would hide the memory that it holds.
  const value = new Uint8Array(6 * MIB);
  for (let n = 0; n < 7; n++) table.set(`k${n}`, { data: value.fill(n), n });
  const before = process.memoryUsage().arrayBuffers;
  let met = 0;
  for (const [key, { data, n }] of table) {
    if (met++ === 0) {
      const held = process.memoryUsage().arrayBuffers - before;
      t.ok(held < 20 * MIB, `${held} bytes are held when the first of 42 MiB is visited`);
    }
    t.same([key, data[0], data.length], [`k${n}`, n, value.length]);
  }
  t.equal(met, 7);
});

t.test(
  'a long row that is removed before its turn is not visited, and a changed one is visited in its new state',
  async (t) => {
    const table = scratchTable(t, { capacity: 7, columns, heap: 10 * MIB });
    const long = 'x'.repeat(100_000);
    for (let n = 0; n < 7; n++) table.set(`k${n}`, { text: long, n });
    const met: string[] = [];
    for (const [key, { text }] of table) {
      if (met.length === 0) {
        for (let n = 0; n < 7; n++) if (`k${n}` !== key) table.set(`k${n}`, { text: `${long}, again` });
      } else t.equal(text, `${long}, again`);
      met.push(key);
      if (met.length === 4) for (let n = 0; n < 7; n++) if (!met.includes(`k${n}`)) table.delete(`k${n}`);
    }
    t.equal(met.length, 4, met.join());
    t.equal([...table.values()].length, 4);
    t.same([...table.keys()].sort(), [...met].sort());
  },
);

t.test('a table that is closed during an iteration is no longer read', async (t) => {
  const table = scratchTable(t, { capacity: 7, columns, heap: 2 * MIB });
  for (let n = 0; n < 7; n++) table.set(`k${n}`, { text: 'x'.repeat(100_000), n });
  const rows = table.entries();
  rows.next();
  table.close();
  t.throws(() => rows.next(), { code: 'ERR_TABLE_CLOSED' });
});

testShared('a snapshot holds one long row at a time', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const table = scratchTable(t, { capacity: 28, columns, heap: 30 * MIB });
  const keys = oneBucketKeys(table, 28);
  const value = new Uint8Array(MIB);
  for (const [n, key] of keys.entries()) table.set(key, { data: value.fill(n), n });
  const path = join(t.testdir(), 'long.snapshot');
  // Memory of earlier tests, which counts if it is that of the process, is freed in a later turn.
  await new Promise(setImmediate);
  collect();
  const before = process.memoryUsage().arrayBuffers;
  let held = 0;
  const sampler = setInterval(() => {
    collect();
    held = Math.max(held, process.memoryUsage().arrayBuffers - before);
  }, 0);
  await table.snapshot(path);
  clearInterval(sampler);
  // The value, the image of its row, and the block of the file.
  t.ok(held < 10 * MIB, `${held} bytes are held of a chain of 28 MiB`);
  using copy = await Table.restore(path, { name: scratchName(t), columns });
  t.same(
    keys.map((key) => copy.get(key, 'data')?.[5]),
    keys.map((_, n) => n),
  );
});
