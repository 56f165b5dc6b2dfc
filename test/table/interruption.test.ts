import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { type ChecksumTable, checksumColumns, createRow, isWhole } from '../fixtures/checksum-row.js';
import { isEmulated } from '../fixtures/deadline.js';
import { Table } from '../fixtures/placed-table.js';
import { StoppedScript } from '../fixtures/stopped-script.js';
import { tries } from '../fixtures/tries.js';
import { Child, fixturePath } from './child.js';
import { oneBucketKeys } from './one-bucket-keys.js';
import { scratchTable, testOfProcesses } from './scratch-table.js';

/** Nothing is left locked, lost or half-written, and others can write immediately. */
function checkSound(t: Test, table: ChecksumTable, other: ChecksumTable, keys: readonly string[]): void {
  const start = performance.now();
  for (const key of keys) other.set(key, createRow(key));
  const elapsed = performance.now() - start;
  if (elapsed > 1_000) t.fail(`others had to wait ${elapsed} ms`);
  for (const [key, row] of other) if (!isWhole(key, row)) t.fail('torn', { key, row });
  const { problems } = table.verify();
  if (problems.length > 0) t.fail('unsound', { problems });
  const live = [...other.keys()].length;
  if (other.size !== live) t.fail('size', { live, size: other.size });
}

const writes: Record<string, (table: ChecksumTable, key: string, row: ReturnType<typeof createRow>) => unknown> = {
  set: (table, key, row) => table.set(key, row),
  insert: (table, key, row) => table.insert(key, row),
  delete: (table, key) => table.delete(key),
  take: (table, key) => table.take(key),
  increment: (table, key) => table.has(key) && table.increment(key, 'hits'),
  expire: (table, key) => table.expire(key, 100_000),
  modify: (table, key) => table.modify(key, (row) => row && { hits: row.hits + 1 }),
  clear: (table) => table.clear(),
};

/** Descents of each operation. */
const SHIFTS = 24;

for (const [name, write] of Object.entries(writes)) {
  t.test(`a stack overflow inside ${name}, at any depth, leaves the table intact`, async (t) => {
    const table = scratchTable(t, { capacity: 100, columns: checksumColumns });
    const other = Table.open(table.name, { columns: checksumColumns, lockTimeoutMs: 600 });
    t.teardown(() => other.close());
    const keys = oneBucketKeys(table, 24);
    const rows = keys.map((key) => createRow(key));
    for (const [i, key] of keys.entries()) if (i % 2 === 0) table.set(key, rows[i]);

    let overflows = 0;
    let total = 0;
    let next = 0;
    // Each level on the way up writes again, with a little more stack left each time.
    const descend = (room: number): void => {
      const i = next++ % keys.length;
      try {
        descend(room + 1);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        overflows++;
        if (overflows > 400) throw new Error('enough');
        write(table, keys[i], rows[i]);
      }
    };
    // The frame sizes on the way down determine where exactly the stack ends: shift it a little each time.
    const shifted = (bytes: number): void => {
      const frame = new Function(
        'run',
        `${Array.from({ length: bytes }, (_, i) => `let a${i} = run;`).join('')} run(0); return [${Array.from({ length: bytes }, (_, i) => `a${i}`).join()}];`,
      );
      try {
        frame(descend);
      } catch (error) {
        if (!(error instanceof RangeError) && !(error instanceof Error && error.message === 'enough')) throw error;
      }
    };
    for (let shift = 0; shift < SHIFTS; shift++) {
      overflows = 0;
      shifted(shift);
      total += overflows;
      checkSound(t, table, other, keys.slice(0, 12));
    }
    // The first of each descent is outside the operation. An emulated stack has room for few more.
    t.ok(total > (isEmulated ? 1 : 10) * SHIFTS, `${total} overflows`);
    t.same(table.verify(), { ok: true, problems: [] });
  });
}

testOfProcesses('a vm script that is stopped inside a loop of writes leaves the table intact', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns: checksumColumns });
  const keys = oneBucketKeys(table, 24);
  const rows = keys.map((key) => createRow(key));
  const stopped = new StoppedScript((i) => {
    const at = i % keys.length;
    table.set(keys[at], rows[at]);
    if (i % 3 === 0) table.delete(keys[(at * 7) % keys.length]);
    if (i % 5 === 0 && table.has(keys[at])) table.modify(keys[at], (row) => row && { hits: row.hits + 1 });
  });
  const other = Child.start<number>(t, 'table-other-writer', table.name, ...keys);
  await other.next();
  let slowest = 0;
  for (let i = 0; i < tries(20, 40); i++) {
    if (!stopped.run(1 + (i % 4))) t.fail('a script was not stopped by its timeout');
    // A script that is stopped in this way runs no `finally` block. This process does nothing now; another one writes
    // every row.
    other.go();
    slowest = Math.max(slowest, await other.next());
    for (const [key, row] of table) if (!isWhole(key, row)) t.fail('torn', { key, row });
    t.same(table.verify().problems, []);
  }
  t.comment(`the slowest round of writes by another process took ${slowest.toFixed(1)} ms`);
  t.ok(slowest < 5_000, 'the other process does not wait for a stopped script');
});

testOfProcesses('workers that are terminated inside a loop of writes leave the table intact', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns: checksumColumns, maxParticipants: 8 });
  const keys = [...oneBucketKeys(table, 24), 'a', 'b', 'c'];
  for (let round = 0; round < tries(2, 8); round++) {
    const workers = [1, 2, 3].map(
      () => new Worker(fixturePath('table-worker-writer'), { argv: [table.name, ...keys] }),
    );
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    for (const worker of workers) {
      await sleep(Math.random() * 6);
      const ended = worker.terminate();
      for (const key of keys) table.set(key, createRow(key));
      await ended;
    }
    checkSound(t, table, table, keys);
  }
  t.equal(table.stats().participants, 1);
  t.comment(`${table.stats().recoveries} recoveries`);
});
