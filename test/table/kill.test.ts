import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { engineOf } from '../../src/table/engine.js';
import { type ChecksumTable, checksumColumns, createRow, isWhole } from '../fixtures/checksum-row.js';
import { tries } from '../fixtures/tries.js';
import { Child } from './child.js';
import { oneBucketKeys } from './one-bucket-keys.js';
import { scratchTable } from './scratch-table.js';

/** The proofs include a storm with thousands of kills, and kills at every single store. */
const KILLS = tries(16, 200);
const WRITERS = 4;
const LOCK_TIMEOUT_MS = 5_000;

/** Writes every key, as a surviving process would; returns the milliseconds until all are written. */
function writeAll(table: ChecksumTable, rows: ReadonlyMap<string, ReturnType<typeof createRow>>): number {
  const start = performance.now();
  for (const [key, row] of rows) table.set(key, row, { ttl: null });
  return performance.now() - start;
}

t.test(`kill -9 of a writer at ${KILLS} random moments leaves the table intact`, async (t) => {
  const table = scratchTable(t, { capacity: 120, columns: checksumColumns, lockTimeoutMs: LOCK_TIMEOUT_MS });
  // A chain of several buckets, and rows in separate buckets.
  const keys = [...oneBucketKeys(table, 45), ...Array.from({ length: 25 }, (_, i) => `row-${i}`)];
  const rows = new Map(keys.map((key) => [key, createRow(key)]));
  const startWriters = async (): Promise<Child[]> => {
    const children = Array.from({ length: WRITERS }, () => Child.start(t, 'table-killed-writer', table.name, ...keys));
    for (const child of children) await child.next();
    return children;
  };

  let slowest = 0;
  let kills = 0;
  const torn: unknown[] = [];
  let next = startWriters();
  while (kills < KILLS) {
    const writers = await next;
    writeAll(table, rows);
    for (const writer of writers) writer.go();
    // The next writers start meanwhile, so that kills interrupt writes and not startup.
    next = kills + WRITERS < KILLS ? startWriters() : Promise.resolve([]);
    for (const writer of writers) {
      await sleep(2 + Math.random() * 8);
      writer.process.kill('SIGKILL');
      kills++;
      slowest = Math.max(slowest, writeAll(table, rows));
      for (const [key, row] of table) if (key !== 'counter' && !isWhole(key, row)) torn.push({ key, row });
    }
    for (const writer of writers) t.equal(await writer.ended, 'SIGKILL');
    // No process writes now.
    const { ok, problems } = table.verify();
    if (!ok) t.fail('the table is inconsistent', { problems });
    const live = [...table.keys()].length;
    if (table.stats().rows !== live)
      t.fail('the number of used rows differs from that of the live rows', { rows: table.stats().rows, live });
  }
  t.comment(
    `${kills} kills, ${table.stats().recoveries} recoveries; the slowest round of writes to all ${keys.length} keys right after a kill took ${slowest.toFixed(1)} ms`,
  );
  t.equal(kills, KILLS);
  t.ok(slowest < LOCK_TIMEOUT_MS / 2, 'survivors continue immediately');
  t.same(torn, []);

  table.clear();
  for (let i = 0; i < table.capacity; i++) table.insert(`again-${i}`, {});
  t.equal(table.size, table.capacity, 'no row has leaked');
  t.throws(() => table.insert('one more', {}), { code: 'ERR_TABLE_FULL' });
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('a process that is killed while it waits for a lock leaves nothing behind', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns: checksumColumns });
  const child = Child.start(t, 'table-killed-writer', table.name, 'a');
  await child.next();
  t.equal(table.stats().participants, 2);
  child.process.kill('SIGKILL');
  await once(child.process, 'exit');
  t.equal(table.stats().participants, 1, 'the dead process does not count');
  t.equal(engineOf(table).settleDead(), 1);
  t.same(table.verify(), { ok: true, problems: [] });
});
