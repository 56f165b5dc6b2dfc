import t from 'tap';
import { Table } from '../fixtures/placed-table.js';
import { openInThreads } from './holders.js';
import { oneBucketKeys } from './one-bucket-keys.js';
import { openMemory, scratchTable, testOfProcesses } from './scratch-table.js';

const columns = { n: 'int32' } as const;

t.test('stats counts operations', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns });
  const counts = (): unknown => {
    const { rows, inserts, updates, deletes, expirations, evictions, recoveries } = table.stats();
    return { rows, inserts, updates, deletes, expirations, evictions, recoveries };
  };
  const zero = { rows: 0, inserts: 0, updates: 0, deletes: 0, expirations: 0, evictions: 0, recoveries: 0 };
  t.same(counts(), zero);
  table.set('a', { n: 1 }).put('b', { n: 1 }).increment('c', 'n');
  table.insert('d', {});
  t.same(counts(), { ...zero, rows: 4, inserts: 4 });
  table.set('a', { n: 2 }).put('b', { n: 2 }).increment('c', 'n');
  table.update('d', {});
  table.expire('d', 100_000);
  t.same(counts(), { ...zero, rows: 4, inserts: 4, updates: 5 });
  table.insert('a', {});
  table.update('missing', {});
  table.delete('missing');
  t.same(counts(), { ...zero, rows: 4, inserts: 4, updates: 5 }, 'operations that change nothing do not count');
  table.delete('a');
  table.take('b');
  table.compareAndDelete('c', { n: 2 });
  table.clear();
  t.same(counts(), { ...zero, inserts: 4, updates: 5, deletes: 4 });
});

t.test('size is the number of rows, whichever process wrote them', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns });
  const other = Table.open(table.name);
  for (let i = 0; i < 60; i++) (i % 2 === 0 ? table : other).set(`k${i}`, {});
  for (let i = 0; i < 60; i += 3) (i % 2 === 0 ? other : table).delete(`k${i}`);
  t.equal(table.size, 40);
  t.equal(other.size, 40);
  other.close();
  t.equal(table.size, 40, 'the counts of a detached participant remain');
  const next = Table.open(table.name);
  next.set('new', {});
  t.equal(table.size, 41);
  next.close();
});

testOfProcesses('stats counts chains, buckets, spares and participants', async (t) => {
  const table = scratchTable(t, { capacity: 1_000, columns, maxParticipants: 9 });
  t.match(table.stats(), { longestChain: 1, overflowBuckets: 0, spareRows: 1, participants: 1, capacity: 1_000 });
  for (const key of oneBucketKeys(table, 35)) table.set(key, {});
  t.match(table.stats(), { longestChain: 4, overflowBuckets: 3, rows: 35 });
  const others = [1, 2, 3].map(() => Table.open(table.name));
  t.match(table.stats(), { spareRows: 1, participants: 1 }, 'handles of one thread share a participant');
  const threads = await openInThreads(table.name, 3);
  const reader = Table.open(table.name, { readOnly: true });
  t.match(table.stats(), { spareRows: 4, participants: 4 }, 'a read-only handle is not a participant');
  t.same(reader.stats(), table.stats());
  for (const other of [...others, reader]) other.close();
  await threads.close();
  t.equal(table.stats().participants, 1);
  table.clear();
  t.match(table.stats(), { longestChain: 1, overflowBuckets: 0, rows: 0 });
});

t.test('verify finds violated invariants', async (t) => {
  const table = scratchTable(t, { capacity: 50, columns });
  for (let n = 0; n < 50; n++) table.set(`needle-${n}`, { n });
  t.same(table.verify(), { ok: true, problems: [] });
  const memory = openMemory(table.name);
  const bytes = Buffer.from(memory.buffer);
  const at = bytes.indexOf('needle-7');
  t.ok(at > 0);
  bytes.write('N', at);
  const { ok, problems } = table.verify();
  t.equal(ok, false);
  t.match(problems.join('\n'), /hash/);
  bytes.write('n', at);
  t.same(table.verify(), { ok: true, problems: [] });
  memory.close();
});
