/** A process that was stopped in the middle of a write withholds from others only its bucket and one slice. */
import t, { type Test } from 'tap';
import { Table } from '../fixtures/placed-table.js';
import { tries } from '../fixtures/tries.js';
import { loadStoreTrap } from '../proofs/store-trap.js';
import { Child } from './child.js';
import { scratchTable } from './scratch-table.js';
import { stopAt } from './stopped-child.js';

/** Built here, so that the child processes do not build it concurrently. */
loadStoreTrap();

const columns = { n: 'int32' } as const;
const LOCK_TIMEOUT_MS = 1;
/** One in this many stores is tested, starting at a random one. */
const STRIDE = tries(10, 1);
const DEADLINE_MS = 60_000;
/** Generous, for busy machines. */
const TIME_LIMIT_MS = STRIDE === 1 ? 1_200_000 : 120_000;
t.setTimeout(3 * TIME_LIMIT_MS);
/** Seven on average; by the Poisson distribution, one table in 10^16 has a bucket with more. */
const BUCKET_ROWS_AT_MOST = 40;

function codeOf(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

/** Deletes all rows but those in the locked bucket, and inserts until the table is full. Returns the number of rows. */
function refill(table: Table<typeof columns>, round: number): number {
  for (const key of [...table.keys()]) codeOf(() => table.delete(key));
  for (let i = 0; i < 2 * table.capacity; i++) {
    const code = codeOf(() => table.insert(`${round}-${i}`, { n: i }));
    if (code === 'ERR_TABLE_FULL') return table.size;
    if (code !== undefined && code !== 'ERR_LOCK_TIMEOUT') throw new Error(code);
  }
  throw new Error('the table never becomes full');
}

for (const operation of ['delete', 'set']) {
  t.test(
    `stopped before any store of ${operation}, a process withholds at most one row's memory`,
    { timeout: TIME_LIMIT_MS },
    async (t) => {
      // More than 1,024 slices: its tree of bits has three levels.
      const capacity = 1_100;
      let stores = Math.floor(Math.random() * STRIDE);
      for (; ; stores += STRIDE) {
        const table = scratchTable(t, { capacity, columns, lockTimeoutMs: LOCK_TIMEOUT_MS, maxParticipants: 64 });
        const key = operation === 'set' ? 'new' : 'k1';
        for (let i = 0; i < capacity - (operation === 'set' ? 1 : 0); i++) table.insert(`k${i}`, { n: i });
        const child = await stopAt(t, table.name, operation, key, stores);
        if (child === undefined) break;
        const held = refill(table, stores);
        if (held < capacity - 1) t.fail(`stopped before store ${stores}: ${held} of ${capacity} rows`);
        child.process.kill('SIGCONT');
        t.equal(await child.ended, 0);
        t.equal(
          codeOf(() => refill(table, stores)),
          undefined,
        );
        t.equal(table.size, capacity, 'and nothing after it has continued');
        t.same(table.verify(), { ok: true, problems: [] });
        table.destroy();
      }
      t.ok(stores > 12, `${stores} stores`);
    },
  );
}

/** A table full of expired rows, in one bucket of which a process is stopped. Its sweeper has not run. */
async function expiredAroundStopped(t: Test, evict: 'none' | 'lru'): Promise<Table<typeof columns>> {
  const capacity = 2_000;
  const table = scratchTable(t, { capacity, columns, evict, lockTimeoutMs: 50 });
  for (let i = 0; i < capacity; i++) table.insert(`k${i}`, { n: i });
  // Store 12 of a set is between those that take and release the lock.
  const child = await stopAt(t, table.name, 'set', 'k500', 12);
  t.equal(
    codeOf(() => table.set('k500', { n: 2 })),
    'ERR_LOCK_TIMEOUT',
    'it holds a lock',
  );
  for (let i = 0; i < capacity; i++) if (i !== 500) codeOf(() => table.expire(`k${i}`, 1));
  while (table.has('k0') || table.has('k1999'));
  t.teardown(() => child?.process.kill('SIGCONT'));
  return table;
}

for (const evict of ['none', 'lru'] as const) {
  t.test(`${evict}: a full table frees rows of other buckets without waiting for a locked one`, async (t) => {
    const table = await expiredAroundStopped(t, evict);
    let waited = 0;
    let others = 0;
    for (let i = 0; i < 1_950; i++) {
      const { lockWaits } = table.stats();
      const code = codeOf(() => table.insert(`n${i}`, { n: i }));
      // A few of the new keys belong to the locked bucket.
      if (code === 'ERR_LOCK_TIMEOUT') waited++;
      else if (code !== undefined) t.fail(code);
      else if (table.stats().lockWaits > lockWaits) others++;
    }
    t.ok(waited <= BUCKET_ROWS_AT_MOST, `${waited} keys of the locked bucket`);
    t.equal(others, 0, 'inserts of other keys that waited');
    t.equal(table.stats().evictions, 0);
  });
}

t.test('clear removes the rows of all other buckets before it waits for a locked one', async (t) => {
  const table = scratchTable(t, { capacity: 2_000, columns, lockTimeoutMs: 100 });
  for (let i = 0; i < 2_000; i++) table.insert(`k${i}`, { n: i });
  const child = await stopAt(t, table.name, 'set', 'k500', 12);
  t.equal(
    codeOf(() => table.clear()),
    'ERR_LOCK_TIMEOUT',
  );
  t.ok(table.size <= BUCKET_ROWS_AT_MOST, `${table.size} rows of one bucket are left`);
  child?.process.kill('SIGCONT');
  await child?.ended;
  table.clear();
  t.equal(table.size, 0);
});

for (const how of ['at once', 'in turns'] as const) {
  t.test(`clear ${how} removes each existing row, even if others are inserted into its bucket meanwhile`, async (t) => {
    // A table of this capacity has only one bucket.
    const table = scratchTable(t, { capacity: 7, columns, lockTimeoutMs: DEADLINE_MS });
    const impatient = Table.open(table.name, { lockTimeoutMs: 0 });
    table.set('old-1', { n: 1 }).set('old-2', { n: 2 });
    // Store 16 of an insert is between the one that takes the lock and the commit.
    const child = await stopAt(t, table.name, 'set', 'new', 16);
    t.equal(
      codeOf(() => impatient.set('old-1', { n: 3 })),
      'ERR_LOCK_TIMEOUT',
      'it holds the lock',
    );
    t.notOk(table.has('new'), 'and has not committed');
    const continuer = Child.start(t, 'table-stopped-continuer', table.name, child?.process.pid ?? 0);
    await continuer.next();
    if (how === 'at once') table.clear();
    else await table.clear({});
    t.equal(await child?.ended, 0);
    t.same(
      [...table.keys()].filter((key) => key !== 'new'),
      [],
    );
    impatient.close();
  });
}

const longColumns = { n: 'int32', text: 'text(8)' } as const;
/** Blocks of the value that `large` stores. */
const LARGE = 50;
const BLOCK = 64;

t.test('a table that evicts frees what a dead process has claimed before it evicts rows', async (t) => {
  const heap = { bytes: 100 * BLOCK, blockBytes: BLOCK };
  const table = scratchTable(t, { capacity: 200, columns: longColumns, heap, evict: 'lru' });
  // Each block that is claimed takes some four stores.
  const child = await stopAt(t, table.name, 'large', 'k', 170);
  t.ok((table.stats().heap?.inFlight ?? 0) > 10, `${table.stats().heap?.inFlight} blocks are claimed`);
  child?.process.kill('SIGKILL');
  await child?.ended;
  for (let i = 0; i < 100; i++) table.set(`k${i}`, { text: 'x'.repeat(BLOCK) });
  t.match(table.stats(), { evictions: 0, heap: { used: 100, inFlight: 0 } });
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('a value for which a locked row would have to be evicted is stored when that is unlocked', async (t) => {
  // The keys are in one bucket.
  const table = scratchTable(t, {
    capacity: 7,
    columns: longColumns,
    heap: { bytes: 100 * BLOCK, blockBytes: BLOCK },
    evict: 'lru',
    lockTimeoutMs: DEADLINE_MS,
  });
  table.set('in use', { text: 'y'.repeat(60 * BLOCK) });
  const child = await stopAt(t, table.name, 'set', 'in use', 16);
  const continuer = Child.start(t, 'table-stopped-continuer', table.name, child?.process.pid ?? 0);
  await continuer.next();
  table.set('new', { text: 'x'.repeat(LARGE * BLOCK) });
  t.equal(await child?.ended, 0);
  t.same([...table.keys()], ['new']);
  t.same(table.verify(), { ok: true, problems: [] });
});
