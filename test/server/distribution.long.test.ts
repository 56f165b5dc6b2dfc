/** Histograms of a table's chains, rows and values. */
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { isProblem, startApp } from '../fixtures/server-app.js';

t.test('every row of a small table is in the histograms', async (t) => {
  const { send, namespace } = await startApp(t);
  const columns = { n: 'int64', name: 'string(80)', doc: 'json' } as const;
  using table = Table.create({ name: 'd', namespace, capacity: 1000, columns });
  const path = '/v1/tables/d/distribution';
  const empty = (await send('GET', path)).json;
  t.match(empty, { sample: { rows: 0 }, rowBytes: [], valueBytes: { name: [], doc: [] } });
  t.same(empty.chainLengths, [{ buckets: 1, count: empty.sample.ofChains }]);

  table.set('1234', { name: 'é', doc: 'x'.repeat(198) });
  for (let i = 0; i < 8; i++) table.set(`key${i}`, { name: 'x'.repeat(16) });
  table.set('gone', {});
  table.delete('gone');
  const { sample, rowBytes, valueBytes } = (await send('GET', path)).json;
  t.match(sample, { rows: 9, chains: sample.ofChains });
  t.same(valueBytes, {
    name: [
      { upTo: 2, count: 1 },
      { upTo: 4, count: 0 },
      { upTo: 8, count: 0 },
      { upTo: 16, count: 8 },
    ],
    doc: [0, 1, 2, 4, 8, 16, 32, 64, 128, 256].map((upTo) => ({ upTo, count: upTo === 0 ? 8 : upTo === 256 ? 1 : 0 })),
  });
  t.same(rowBytes, [
    { upTo: 32, count: 8 },
    { upTo: 64, count: 0 },
    { upTo: 128, count: 0 },
    { upTo: 256, count: 1 },
  ]);
  isProblem(t, await send('GET', '/v1/tables/none/distribution'), 404, 'ERR_TABLE_NOT_FOUND', 'no table');
});

t.test('a large table is sampled, also one with few rows', async (t) => {
  const { send, namespace } = await startApp(t);
  using table = Table.create({ name: 'l', namespace, capacity: 100_000, columns: { n: 'int32' } });
  const path = '/v1/tables/l/distribution';
  for (let i = 0; i < 40; i++) table.set(`few ${i}`, { n: i });
  // Of two chains with rows in the same part of the table one is in the sample.
  t.ok((await send('GET', path)).json.sample.rows >= 30, 'most of few rows are found');
  for (let i = 0; i < 60_000; i++) table.set(`key ${i}`, { n: i });
  const { sample, chainLengths, rowBytes } = (await send('GET', path)).json;
  t.equal(sample.chains, 4096);
  t.ok(sample.ofChains > 3 * 4096);
  t.ok(sample.rows > 10_000 && sample.rows < 30_000, `${sample.rows} rows are a sample`);
  const chains = chainLengths.reduce((sum: number, { count }: { count: number }) => sum + count, 0);
  t.equal(chains, sample.chains, 'each chain has a length');
  t.equal(rowBytes.at(-1).upTo, 16, 'of key and number');
});
