/**
 * `expiresAt` is current wall time, whatever the wall clock was when the table was created, and the same in every read.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import type { Test } from 'tap';
import type { Columns, TableOptions } from '../../src/index.js';
import { engineOf } from '../../src/table/engine.js';
import { CLOCK_OFFSET, CREATED_AT } from '../../src/table/layout/segment.js';
import type { Table } from '../fixtures/placed-table.js';
import { testBackend } from '../fixtures/placed-table.js';
import { fixturePath } from './child.js';
import { openMemory, scratchTable, testOfProcesses, testShared } from './scratch-table.js';

const columns = { n: 'int32' } as const;

/** A table that was created while the wall clock was behind by this many milliseconds. */
function tableOfWrongClock(t: Test, behindMs: number, options: Partial<TableOptions<Columns>> = {}) {
  const table = scratchTable(t, { capacity: 2_000, columns, ...options });
  const memory = openMemory(table.name);
  const header = new Float64Array(memory.buffer, 0, 16);
  header[CLOCK_OFFSET / 2] -= behindMs;
  header[CREATED_AT / 2] -= behindMs;
  memory.close();
  return table;
}

const expiriesOf = (table: Table): Map<string, number | null> =>
  new Map([...table.scan({ limit: 10_000 }).entries].map(({ key, expiresAt }) => [key, expiresAt]));

testShared('a wall clock that was wrong when the table was created does not affect expiresAt', async (t) => {
  for (const hours of [-2, 2.000_000_123]) {
    const table = tableOfWrongClock(t, hours * 3_600_000);
    const before = Date.now();
    table.set('k', { n: 1 }, { ttl: 600_000 });
    const after = Date.now();
    const written = engineOf(table).write('put', 'p', { n: 1 }, { ttl: 600_000 });
    const shown = [table.entry('k')?.expiresAt, table.scan().entries.find(({ key }) => key === 'k')?.expiresAt];
    for (const expiresAt of shown) {
      t.ok(Number(expiresAt) >= before + 600_000 && Number(expiresAt) <= after + 600_001, `${expiresAt}`);
    }
    t.equal(written.expiresAt, table.entry('p')?.expiresAt, 'as the write returns it');
    t.equal(table.expire('k', 5_000), true);
    t.ok(Math.abs(Number(table.entry('k')?.expiresAt) - Date.now() - 5_000) < 1_000);
    t.same(table.verify(), { ok: true, problems: [] });
  }
});

testShared('a written expiry is the same in each of many tables, and in every read', async (t) => {
  let table: Table = scratchTable(t, { capacity: 2_000, columns });
  for (let i = 0; i < 1_000; i++) table.set(`${i}`, { n: i }, { ttl: 100_000 + i });
  table.set('longest', { n: 1 }, { ttl: Number.MAX_SAFE_INTEGER });
  table.set('long', { n: 1 }, { ttl: 1e15 });
  table.set('never', { n: 1 });
  const first = expiriesOf(table);
  t.equal(first.get('longest'), Number.MAX_SAFE_INTEGER, 'the latest possible expiry');
  for (const behindMs of [0, 3_600_000.37, -3_600_000.81, 0.49, -12_345_678.9]) {
    const next: Table = tableOfWrongClock(t, behindMs);
    for (const [key, expiresAt] of expiriesOf(table)) engineOf(next).write('put', key, { n: 1 }, { expiresAt });
    t.same(expiriesOf(next), first, `created with a clock that was ${behindMs} ms behind`);
    for (let look = 0; look < 200; look++) {
      if (next.entry('7')?.expiresAt !== first.get('7')) t.fail(`another one in read ${look}`);
    }
    table = next;
  }
  t.ok(Number(table.ttl('longest')) > 2 ** 52);
  t.equal(table.ttl('never'), Number.POSITIVE_INFINITY);
});

testShared('a lifetime that was just set is still complete', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  for (let i = 0; i < 5_000; i++) {
    table.set('k', { n: i }, { ttl: 60_000 });
    const left = table.ttl('k') ?? 0;
    if (left > 60_000 || left < 50_000) t.fail(`${left} ms left of 60000`);
  }
});

/** Runs node in a separate time namespace; undefined if this user may not create one. */
function namespaced(args: readonly string[], env: NodeJS.ProcessEnv): string | undefined {
  const ways = [[], ['--user', '--map-root-user']];
  for (const way of ways) {
    const unshare = [...way, '--time', '--boottime', '1000000', '--fork'];
    if (spawnSync('unshare', [...unshare, 'true']).status !== 0) continue;
    return execFileSync('unshare', [...unshare, process.execPath, ...args], { encoding: 'utf8', env });
  }
  return undefined;
}

testOfProcesses('a process in another time namespace has the same table time', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  table.set('lives', { n: 1 }, { ttl: 600_000 });
  const expiresAt = table.entry('lives')?.expiresAt;
  const env = { ...process.env, TEST_BACKEND: testBackend };
  // Memory without a name is found by descendants, and these processes are descendants.
  const output = namespaced([fixturePath('table-time'), table.name], env);
  if (output === undefined) {
    const skip =
      'no time namespace can be created here: unshare --time is refused to this user, or the kernel has none';
    t.pass('in a time namespace', { skip });
    return;
  }
  const seen: { bootMs: number; wallMs: number; expiresAt: number; ttl: number; newTtl: number } = JSON.parse(output);
  t.ok(Math.abs(seen.wallMs - Date.now()) < 60_000);
  t.equal(seen.expiresAt, expiresAt);
  t.ok(seen.ttl > 500_000 && seen.ttl <= 600_000, `${seen.ttl} ms left there`);
  t.ok(seen.newTtl > 500_000 && seen.newTtl <= 600_000);
  const left = table.ttl('new') ?? 0;
  t.ok(left > 500_000 && left <= 600_000, `${left} ms left here of what was written there`);
  t.equal(table.has('lives'), true, 'no process has swept it');
  t.same(table.verify(), { ok: true, problems: [] });
});
