/** Tables that are altered while other processes write to them, and while those who alter them are killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Columns, Table as PlainTable } from '../../../src/index.js';
import { placeOf, testBackend } from '../../fixtures/placed-table.js';
import { tries } from '../../fixtures/tries.js';
import { Child } from '../child.js';
import { scratchTable, segmentsOf } from '../scratch-table.js';

interface Report {
  readonly increments: number;
  readonly swaps: number;
  readonly backward: number;
  readonly capacity: number;
  readonly columns: readonly string[];
}

const KEYS = 40;

/** A test of tables that several processes alter: of the backends whose segments can be exchanged. */
function testProcesses(name: string, run: (t: Test) => Promise<void>): void {
  if (testBackend === 'posix' || testBackend === 'file') t.test(name, run);
  else t.pass(`a ${testBackend} table cannot be altered by several processes`);
}

testProcesses('no write is lost while the table grows, shrinks and changes its columns again and again', async (t) => {
  const ALTERATIONS = tries(24, 400);
  const table = scratchTable(t, { capacity: 2_000, columns: { n: 'int32' }, changes: 1 << 14, lockTimeoutMs: 60_000 });
  table.set('shared', { n: 0 });
  const writers = [0, 1].map((i) => Child.start<Report | 'ready'>(t, 'alter-counter', table.name, i, KEYS));
  for (const writer of writers) t.equal(await writer.next(), 'ready');
  let held = 0;
  for (let i = 0; i < ALTERATIONS; i++) {
    const add: Columns = i % 4 < 2 ? { [`added${i % 4}`]: 'string(30)' } : {};
    const drop = i % 4 < 2 ? [] : [`added${(i % 4) - 2}`];
    const { heldMs } = PlainTable.alter(table.name, {
      ...placeOf(table.name),
      capacity: 2_000 + (i % 3) * 500,
      add,
      drop,
      lockTimeoutMs: 60_000,
    });
    held = Math.max(held, heldMs);
  }
  for (const writer of writers) writer.go();
  const reports: Report[] = [];
  for (const writer of writers) {
    const report = await writer.next();
    if (report !== 'ready') reports.push(report);
  }
  const sum = (of: (report: Report) => number): number => reports.reduce((total, report) => total + of(report), 0);
  let counted = 0;
  for (let i = 0; i < KEYS; i++) counted += table.get(`count-${i}`, 'n') ?? 0;
  t.equal(
    counted,
    sum(({ increments }) => increments),
    `${ALTERATIONS} alterations, writers held for ${held.toFixed(1)} ms`,
  );
  t.equal(
    table.get('shared', 'n'),
    sum(({ swaps }) => swaps),
  );
  t.equal(
    sum(({ backward }) => backward),
    0,
    'revisions rise',
  );
  const { ok, problems } = table.verify();
  t.ok(ok, problems.join('; '));
  for (const { capacity } of reports) t.equal(capacity, table.capacity, 'the writers have followed to the last one');
});

testProcesses('kill -9 of those who alter a table leaves it whole, and nobody waits for the dead', async (t) => {
  const KILLS = tries(12, 150);
  const table = scratchTable(t, { capacity: 1_200, columns: { n: 'int32' }, lockTimeoutMs: 5_000 });
  for (let i = 0; i < 1_000; i++) table.set(`row-${i}`, { n: i });
  let generations = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const child = Child.start(t, 'alter-loop', table.name);
    await child.next();
    // The loop has begun; any moment of it is a good one.
    await sleep(Math.random() * 120);
    child.process.kill('SIGKILL');
    t.equal(await child.ended, 'SIGKILL');
    const began = performance.now();
    table.increment('kills', 'n');
    const waited = performance.now() - began;
    if (waited > 1_000) t.fail(`a writer waited for ${waited} ms for a dead process`);
    for (let i = 0; i < 1_000; i++) if (table.get(`row-${i}`, 'n') !== i) t.fail(`row-${i} is lost`);
    if (table.size !== 1_001) t.fail(`there are ${table.size} rows`);
    if (table.capacity !== 1_200) generations++;
    // In the state in which the loop expects it.
    PlainTable.alter(table.name, { ...placeOf(table.name), capacity: 1_200, columns: { n: 'int32' } });
  }
  t.equal(table.get('kills', 'n'), KILLS, `${generations} of ${KILLS} kills in between two alterations`);
  const { ok, problems } = table.verify();
  t.ok(ok, problems.join('; '));
  t.equal(segmentsOf(table.name).length, 1, 'nothing is left over');
});

testProcesses('an alteration evicts no row for the earlier values of others', async (t) => {
  const [ROWS, SHIFTED, LONG_BLOCKS, BLOCK] = [3_000, 200, 79, 256];
  const table = scratchTable(t, {
    capacity: 4_000,
    columns: { n: 'int32', text: 'text(8)' },
    heap: { bytes: (ROWS + (SHIFTED / 2 + 1) * LONG_BLOCKS) * BLOCK, blockBytes: BLOCK },
    evict: 'lru',
    lockTimeoutMs: 60_000,
  });
  for (let i = 0; i < ROWS; i++) table.set(`row-${i}`, { text: 'x'.repeat(BLOCK) });
  const shifter = Child.start(t, 'heap-shifter', table.name, SHIFTED, LONG_BLOCKS * BLOCK);
  t.equal(await shifter.next(), 'ready');
  for (let i = 0; i < tries(8, 80); i++) {
    PlainTable.alter(table.name, { ...placeOf(table.name), capacity: 4_000 + (i % 2), lockTimeoutMs: 60_000 });
  }
  shifter.process.kill('SIGKILL');
  await shifter.ended;
  t.equal(table.stats().evictions, 0);
  let rows = 0;
  for (const key of table.keys()) if (key.startsWith('row-')) rows++;
  t.equal(rows, ROWS);
  t.equal(table.size, ROWS + SHIFTED);
});

testProcesses('an alteration needs the memory of the old table and of the new one, and little more', async (t) => {
  const ROWS = 200_000;
  const SLACK = 24 * 2 ** 20;
  const table = scratchTable(t, { capacity: ROWS, columns: { n: 'int32', text: 'string(100)' } });
  for (let i = 0; i < ROWS; i++) table.set(`row-${i}`, { n: i, text: 'x'.repeat(i % 100) });
  const child = Child.start<{ risen: number; bytes: number }>(t, 'alter-peak', table.name, 2 * ROWS);
  const { risen, bytes } = await child.next();
  t.ok(table.stats().bytes > SLACK, 'the slack is less than a copy of the old table');
  t.ok(risen <= bytes + SLACK, `beside the old table there were ${risen} bytes, the new one has ${bytes}`);
  t.ok(risen > bytes / 2, 'it was measured');
});
