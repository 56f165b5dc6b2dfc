/** Handles, removals and evictions while other processes alter the table all the time, and many that want it otherwise. */
import t, { type Test } from 'tap';
import { Table, testBackend } from '../../fixtures/placed-table.js';
import { tries } from '../../fixtures/tries.js';
import { Child } from '../child.js';
import { scratchName, scratchTable, segmentsOf } from '../scratch-table.js';

function testProcesses(name: string, run: (t: Test) => Promise<void>): void {
  if (testBackend === 'posix' || testBackend === 'file') t.test(name, run);
}

const SECONDS = tries(1, 20);

/** Runs `operate` again and again while another process alters the table. */
async function whileAltered(t: Test, table: Table, what: string, operate: (round: number) => unknown): Promise<void> {
  const child = Child.start<string | string[]>(t, 'alter-variants', table.name, 1, what);
  await child.next();
  let rounds = 0;
  for (const end = performance.now() + SECONDS * 1000; performance.now() < end; ) {
    for (let i = 0; i < 50; i++) await operate(rounds++);
    await new Promise(setImmediate);
  }
  child.go();
  t.same(await child.next(), [], 'nothing was thrown there');
  t.ok(rounds > 0);
}

testProcesses('what is read of the whole table is of one segment', async (t) => {
  const table = scratchTable(t, { capacity: 2_000, columns: { n: 'int32' } });
  const keys = Array.from({ length: 700 }, (_, i) => `row-${i}`);
  for (const key of keys) table.set(key, { n: 1 });
  const wrong = new Set<string>();
  await whileAltered(t, table, 'capacity', (round) => {
    try {
      for (let i = 0; i < 100; i++) if (table.size !== 700) wrong.add(`size ${table.size}`);
      if (round % 10 === 0) {
        const { rows, participants } = table.stats();
        if (rows !== 700 || participants < 1) wrong.add(`stats: ${rows} rows, ${participants} participants`);
        if (table.getMany(keys).some((row) => row?.n !== 1)) wrong.add('getMany');
        const listed = Table.list().find(({ name }) => name === table.name);
        if (listed?.rows !== 700) wrong.add(`list: ${listed?.rows} rows`);
      }
    } catch (error) {
      wrong.add(String(error));
    }
  });
  t.same([...wrong], []);
});

testProcesses('a table may be opened without naming its columns, whatever is made of them meanwhile', async (t) => {
  const table = scratchTable(t, { capacity: 200, columns: { n: 'int32' } });
  table.set('row', { n: 7 });
  await whileAltered(t, table, 'columns', () => Table.open(table.name).close());
  t.equal(table.get('row', 'n'), 7);
});

testProcesses('increments that set a lifetime are made once each', async (t) => {
  const table = scratchTable(t, { capacity: 2_000, columns: { n: 'int32' }, lockTimeoutMs: 60_000 });
  let made = 0;
  await whileAltered(t, table, 'capacity', () => {
    for (let i = 0; i < 100; i++) {
      table.increment('k', 'n', 1, { ttl: 600_000 });
      made++;
    }
  });
  t.equal(table.get('k', 'n'), made);
});

testProcesses('deletePrefix and clear say how many rows they have removed', async (t) => {
  const table = scratchTable(t, { capacity: 2_000, columns: { n: 'int32' }, lockTimeoutMs: 60_000 });
  let [missed, unequal] = [0, 0];
  await whileAltered(t, table, 'capacity', async (round) => {
    for (let i = 0; i < 300; i++) table.set(`row-${i}`, { n: i });
    const removed = round % 2 === 0 ? await table.deletePrefix('row-') : await table.clear({ yieldMs: 1 });
    if (removed !== 300) unequal++;
    if (table.size !== 0) missed++;
  });
  t.equal(unequal, 0);
  t.equal(missed, 0);
});

testProcesses('several processes alter a table at once, to columns that the others do not know', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns: { n: 'int32' } });
  table.set('k', { n: 7 });
  const children = [1, 2, 3].map((i) => Child.start<string | string[]>(t, 'alter-variants', table.name, i, 'columns'));
  for (const child of children) await child.next();
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  for (const child of children) child.go();
  for (const child of children) t.same(await child.next(), []);
  t.equal(table.get('k', 'n'), 7);
  t.ok(table.verify().ok);
});

testProcesses('a full table that evicts is still full when it was altered', async (t) => {
  const table = scratchTable(t, { capacity: 4_000, columns: { n: 'int32' }, evict: 'lru', lockTimeoutMs: 60_000 });
  for (let i = 0; i < 4_000; i++) table.set(`row-${i}`, { n: i });
  const writer = Child.start(t, 'eviction-inserter', table.name);
  await writer.next();
  // The writer may be held after it has evicted a row and before it inserts the new one.
  for (let i = 0; i < tries(8, 200); i++) {
    const { rows } = Table.alter(table.name, { schemaVersion: i + 1 });
    if (rows < 3_999) t.fail(`${4_000 - rows} rows are gone that nobody replaced`);
  }
});

testProcesses('a value that fits in the heap of the table fits in that of the copy', async (t) => {
  const table = scratchTable(t, {
    capacity: 10,
    columns: { text: 'text' },
    heap: { bytes: 14 * 4096, blockBytes: 4096 },
    lockTimeoutMs: 60_000,
  });
  const writer = Child.start(t, 'heap-exchanger', table.name, 8 * 4096);
  await writer.next();
  for (let i = 0; i < tries(60, 600); i++) Table.alter(table.name, { schemaVersion: i + 1 });
  writer.process.kill('SIGKILL');
  await writer.ended;
  t.same(table.verify().problems, []);
});

for (const onMismatch of ['recreate', 'alter']) {
  testProcesses(`of many processes that ${onMismatch} a table at once, those of the last version win`, async (t) => {
    const VERSIONS = [1, 2, 3, 3, 3, 3];
    for (let round = 0; round < tries(2, 20); round++) {
      const name = scratchName(t);
      const first = Table.create({ name, capacity: 50, columns: { n: 'int32' } });
      const children = VERSIONS.map((version, i) =>
        Child.start<string>(t, 'alter-opener', name, i, onMismatch, version),
      );
      for (const child of children) await child.next();
      for (const child of children) child.go();
      const opened = await Promise.all(children.map((child) => child.next()));
      for (const child of children) child.go();
      const read = await Promise.all(children.map((child) => child.next()));
      const table = Table.open(name);
      t.equal(table.capacity, 103);
      for (const [i, version] of VERSIONS.entries()) {
        if (version < 3) {
          t.match(`${opened[i]}${read[i]}`, /^$|ERR_SCHEMA_MISMATCH|ERR_TABLE_CLOSED/);
          continue;
        }
        t.same([opened[i], read[i]], ['', ''], `process ${i} of the last version`);
        t.same(table.get(`row-${i}`), { n: i, v3: 0 }, 'its row');
      }
      first.close();
      // A table in a file is found only while somebody has it open.
      t.equal(segmentsOf(name).length, 1);
      table.close();
    }
  });
}
