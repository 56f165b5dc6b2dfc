import { spawn } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { checksumColumns, isWhole } from '../fixtures/checksum-row.js';
import { isInOrder, newPair, type PairRow, pairColumns } from '../fixtures/pair-row.js';
import { Table } from '../fixtures/placed-table.js';
import { tries } from '../fixtures/tries.js';
import { Child, fixturePath } from './child.js';
import { oneBucketKeys } from './one-bucket-keys.js';
import { scratchTable } from './scratch-table.js';

const EACH = tries(4_000, 30_000);
const INCREMENTS = tries(15_000, 250_000);

t.test(`4 processes that increment one key ${INCREMENTS} times each lose no increment`, async (t) => {
  const table = scratchTable(t, { capacity: 10, columns: { count: 'float64' } });
  const children = [1, 2, 3, 4].map(() => Child.start(t, 'table-incrementer', table.name, 'hits', INCREMENTS, 4));
  for (const child of children) t.equal(await child.ended, 0);
  t.equal(table.get('hits', 'count'), 4 * INCREMENTS);
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('processes and threads of every kind that increment one key concurrently lose no increment', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns: { count: 'float64' } });
  const fixture = fixturePath('table-incrementer');
  const args = [table.name, 'hits', String(EACH), '8'];

  cluster.setupPrimary({ exec: fixture, args });
  const ends = [0, 1].map(() => once(cluster.fork(), 'exit'));
  ends.push(...[0, 1].map(() => once(Child.start(t, 'table-incrementer', ...args).process, 'exit')));
  ends.push(...[0, 1].map(() => once(new Worker(fixture, { argv: args }), 'exit')));
  const unrelated = () => spawn(process.execPath, [fixture, ...args], { detached: true, stdio: 'ignore' });
  ends.push(...[0, 1].map(() => once(unrelated(), 'exit')));

  for (const end of ends) t.equal((await end)[0], 0);
  t.equal(table.get('hits', 'count'), 8 * EACH);
  t.equal(table.stats().participants, 1, 'all others have detached');
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('when 4 processes insert the same 10,000 keys, one of them inserts each', async (t) => {
  const count = 10_000;
  const table = scratchTable(t, { capacity: count, columns: { winner: 'int32' } });
  const children = [1, 2, 3, 4].map((own) =>
    Child.start<number[] | 'ready'>(t, 'table-inserter', table.name, own, count),
  );
  for (const child of children) t.equal(await child.next(), 'ready');
  for (const child of children) child.go();

  const winners = new Map<number, number>();
  let disputed = 0;
  for (const [index, child] of children.entries()) {
    const won = await child.next();
    for (const key of won === 'ready' ? [] : won) {
      if (winners.has(key)) disputed++;
      winners.set(key, index + 1);
    }
  }
  t.equal(disputed, 0);
  t.equal(winners.size, count);
  const others = [...winners].filter(([key, winner]) => table.get(`key-${key}`, 'winner') !== winner);
  t.same(others, [], 'the row is that of the process whose insert succeeded');
  t.equal(table.size, count);
  t.same(table.verify(), { ok: true, problems: [] });
});

for (const readOnly of [false, true]) {
  t.test(`a ${readOnly ? 'read-only' : 'writable'} reader never sees a row that no writer wrote`, async (t) => {
    const table = scratchTable(t, { capacity: 200, columns: checksumColumns });
    // One row rewritten without pause, a long chain, and rows in separate buckets.
    const keys = [...oneBucketKeys(table, 35), ...Array.from({ length: 10 }, (_, i) => `row-${i}`)];
    const writers = [keys, keys.slice(0, 1)].map((own) => Child.start(t, 'table-checksum-writer', table.name, ...own));
    for (const writer of writers) await writer.next();

    const reader = Table.open(table.name, { columns: checksumColumns, readOnly });
    t.teardown(() => reader.close());
    const torn: unknown[] = [];
    let seen = 0;
    const check = (how: string, key: string, row: Parameters<typeof isWhole>[1] | undefined): void => {
      if (row === undefined) return;
      seen++;
      if (!isWhole(key, row)) torn.push({ how, key, row });
    };
    for (const end = Date.now() + tries(300, 2_000); Date.now() < end || seen <= 1_000; ) {
      for (let i = 0; i < 20; i++) check('get', keys[0], reader.get(keys[0]));
      for (const key of keys) {
        check('get', key, reader.get(key));
        const entry = reader.entry(key);
        if (entry !== undefined) check('entry', key, entry.row);
      }
      for (const [key, row] of reader) check('iterator', key, row);
      for (const { key, row } of reader.scan({ limit: 1_000 }).entries) check('scan', key, row);
    }
    t.same(torn.slice(0, 3), []);
    t.comment(`${seen} rows read during two writers`);
  });
}

for (const readOnly of [false, true]) {
  t.test(`a ${readOnly ? 'read-only' : 'writable'} reader sees the changes of one row in order`, async (t) => {
    const table = scratchTable(t, { capacity: 10, columns: pairColumns });
    table.set('pair', newPair);
    const writer = Child.start(t, 'table-pair-incrementer', table.name, 'pair');
    await writer.next();

    const reader = Table.open(table.name, { columns: pairColumns, readOnly });
    t.teardown(() => reader.close());
    const mixed: unknown[] = [];
    let newest = 0;
    let seen = 0;
    const check = (how: string, row: PairRow | undefined, expiresAt?: number | null): void => {
      seen++;
      if (row === undefined || !isInOrder(row, expiresAt))
        mixed.push({ how, first: row?.first, last: row?.last, expiresAt });
      // A read never shows an earlier state than the read before it.
      else if (row.first + row.last < newest) mixed.push({ how, first: row.first, last: row.last, newest });
      else newest = row.first + row.last;
    };
    for (const end = Date.now() + tries(250, 1_000); Date.now() < end || newest <= 1_000; ) {
      for (let i = 0; i < 20; i++) {
        check('get', reader.get('pair'));
        const entry = reader.entry('pair');
        check('entry', entry?.row, entry?.expiresAt);
        const [[, row]] = reader;
        check('iterator', row);
        const [scanned] = reader.scan().entries;
        check('scan', scanned?.row, scanned?.expiresAt);
        const [part] = reader.scan({ columns: ['first', 'last'] }).entries;
        check('scan of columns', { ...newPair, ...part?.row }, part?.expiresAt);
      }
    }
    t.same(mixed.slice(0, 3), []);
    t.comment(`${seen} rows read, ${mixed.length} of them mixed`);
  });
}
