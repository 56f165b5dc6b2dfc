/**
 * Expiry in several processes: a row becomes absent for all of them at once and is swept once, despite kills and set
 * clocks.
 */
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { eventually } from '../../fixtures/deadline.js';
import type { AgentCall } from '../../fixtures/expiry-agent.js';
import { Table } from '../../fixtures/placed-table.js';
import { tries } from '../../fixtures/tries.js';
import { Child } from '../child.js';
import { oneBucketKeys } from '../one-bucket-keys.js';
import { scratchTable } from '../scratch-table.js';

const columns = { n: 'int32' } as const;

class Agent {
  readonly child: Child;

  private constructor(child: Child) {
    this.child = child;
  }

  static async start(t: Test, table: string): Promise<Agent> {
    const agent = new Agent(Child.start(t, 'expiry-agent', table));
    await agent.child.next();
    return agent;
  }

  async ask(call: AgentCall): Promise<unknown> {
    this.child.process.send(call);
    return await this.child.next();
  }
}

t.test('an expired row is absent for every operation of every process', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  const agents = [await Agent.start(t, table.name), await Agent.start(t, table.name)];
  table.set('stays', { n: 2 });
  for (const agent of agents) {
    table.set('k', { n: 1 }, { ttl: 20 });
    await eventually('the row expires', () => table.ttl('k') === undefined);
    t.same(await agent.ask({ call: 'sightings', args: ['k'] }), {
      get: undefined,
      column: undefined,
      has: false,
      entry: undefined,
      ttl: undefined,
      size: 1,
      keys: ['stays'],
      entries: ['stays'],
      scan: ['stays'],
      modify: undefined,
      update: false,
      expire: false,
      compareAndSet: false,
      compareAndDelete: false,
      delete: false,
      take: undefined,
    });
  }
  for (const [call, value] of [
    ['insert', true],
    ['increment', 1],
  ] as const) {
    table.set('k', { n: 41 }, { ttl: 5 });
    await eventually('the row expires', () => table.ttl('k') === undefined);
    t.equal(await agents[0].ask({ call, args: ['k'] }), value);
    t.equal(table.ttl('k'), Number.POSITIVE_INFINITY, 'the new row does not expire');
    table.delete('k');
  }
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('a row expires at its time and not before, for all processes', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  const watchers = [1, 2].map(() =>
    Child.start<{ found: number; missed: number }>(t, 'expiry-watcher', table.name, 'k'),
  );
  for (const watcher of watchers) await watcher.next();
  table.set('k', { n: 1 }, { ttl: 400 });
  const expiresAt = table.entry('k')?.expiresAt ?? 0;
  for (const watcher of watchers) watcher.go();
  for (const watcher of watchers) {
    const { found, missed } = await watcher.next();
    // The wall clock and table time are both rounded to the millisecond, and may drift apart by some milliseconds.
    t.ok(found <= expiresAt + 5, `found until ${found - expiresAt} ms from its expiry`);
    t.ok(missed >= expiresAt - 5, `missed ${missed - expiresAt} ms from its expiry`);
  }
});

t.test('the longest lifetime is accepted', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  table.set('k', { n: 1 }, { ttl: Number.MAX_SAFE_INTEGER });
  table.expire('k', Number.MAX_SAFE_INTEGER);
  t.ok(Number(table.ttl('k')) > 2 ** 52);
  t.equal(table.size, 1);
  const agent = await Agent.start(t, table.name);
  t.match(await agent.ask({ call: 'sightings', args: ['none'] }), { keys: ['k'], size: 1 });
});

t.test('setting the wall clock neither revives nor expires rows', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns });
  const now = Date.now;
  t.teardown(() => {
    Date.now = now;
  });
  table.set('gone', { n: 1 }, { ttl: 5 }).set('lives', { n: 2 }, { ttl: 60_000 });
  await eventually('the row expires', () => !table.has('gone'));
  for (const hours of [-24, 24]) {
    Date.now = () => now() + hours * 3_600_000;
    t.equal(table.get('gone'), undefined);
    t.equal(table.get('lives', 'n'), 2);
    t.equal(table.size, 1);
    const left = table.ttl('lives') ?? 0;
    t.ok(left > 30_000 && left <= 60_000, `${left} ms left`);
    table.set('new', { n: 3 }, { ttl: 30 });
    t.equal(table.get('new', 'n'), 3);
    await eventually('a row written meanwhile expires', () => !table.has('new'));
  }
});

t.test('the sweeper frees memory in short steps', async (t) => {
  // Many times more than a sweeper removes between two checks of this test.
  const count = 150_000;
  const table = scratchTable(t, { capacity: count + 1, columns });
  table.set('stays', { n: 1 });
  for (let i = 0; i < count; i++) table.set(`${i}`, { n: i }, { ttl: 2_000 });
  await eventually('all expire', () => table.size === 1);
  const swept: number[] = [];
  let before = 0;
  await eventually('all rows are swept', () => {
    const { rows, expirations } = table.stats();
    swept.push(expirations - before);
    before = expirations;
    return rows === 1;
  });
  const steps = swept.filter((rows) => rows > 0).sort((a, b) => b - a);
  t.comment(`${steps.length} checks saw progress, the largest of ${steps[0]} rows`);
  t.ok(steps[0] < count / 2, 'other work runs in between');
  t.equal(table.stats().expirations, count);
  t.same([...table.keys()], ['stays']);
  t.same(table.verify(), { ok: true, problems: [] });
  for (let i = 0; i < count; i++) table.insert(`again-${i}`, {});
  t.throws(() => table.insert('one more', {}), { code: 'ERR_TABLE_FULL' });
});

t.test('another process continues to sweep when the one that sweeps is killed', async (t) => {
  const count = 60_000;
  const made = scratchTable(t, { capacity: count, columns });
  const { name } = made;
  made.close();
  // A read-only handle does not sweep.
  const table = Table.open(name, { readOnly: true });
  t.teardown(() => table.close());
  const first = await Agent.start(t, name);
  await first.ask({ call: 'fill', args: ['row', count, 1_000] });
  await eventually('the only process that can sweep does so', () => table.stats().expirations > 0);
  const second = await Agent.start(t, name);
  first.child.process.kill('SIGKILL');
  await first.child.ended;
  const { expirations } = table.stats();
  t.comment(`killed after ${expirations} of ${count} rows`);
  await eventually('the other process sweeps the rest', () => table.stats().expirations === count, 30_000);
  t.equal(table.stats().rows, 0);
  t.match(await second.ask({ call: 'sightings', args: ['row-1'] }), { size: 0 });
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('no expiry is lost, whichever process announces it during whichever pass', async (t) => {
  const table = scratchTable(t, { capacity: 4_000, columns });
  const writers = ['a', 'b', 'c'].map((prefix) =>
    Child.start(t, 'expiry-writer', table.name, prefix, tries(1_000, 3_500)),
  );
  for (const writer of writers) await writer.next();
  for (const writer of writers) writer.go();
  for (const writer of writers) t.equal(await writer.next(), 'done');
  const count = (): number => [...table.keys()].length;
  let wrong = 0;
  await eventually(
    'all expire',
    () => {
      // No process writes, so the size only decreases.
      const [before, size, after] = [count(), table.size, count()];
      if (size > before || size < after) wrong++;
      return size === 0;
    },
    10_000,
  );
  t.equal(wrong, 0, 'size never counts an expired row');
  await eventually(
    'all are swept',
    () => table.stats().rows === 0,
    10_000,
    () => table.stats(),
  );
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('a stopped writer delays only the sweeping of its bucket', async (t) => {
  const table = scratchTable(t, { capacity: 1_000, columns, lockTimeoutMs: 60 });
  const [hot, ...cold] = oneBucketKeys(table, 8);
  const writer = Child.start(t, 'expiry-hot-writer', table.name, hot);
  await writer.next();
  // On a busy machine the writer has its lock for longer than 60 ms, too.
  using patient = Table.open<typeof columns>(table.name, { lockTimeoutMs: 60_000 });
  for (const key of cold) patient.set(key, { n: 1 }, { ttl: 600 });
  for (let i = 0; i < 500; i++) patient.set(`${i}`, { n: i }, { ttl: 600 });
  // Stopped at a random moment, it holds the lock of its bucket about half of the time.
  const holdsLock = (): boolean => {
    try {
      return !table.insert(hot, {});
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_LOCK_TIMEOUT') return true;
      throw error;
    }
  };
  let held = false;
  for (let stops = 0; !held && stops < 300; stops++) {
    writer.process.kill('SIGSTOP');
    await eventually('it stops', () => isStopped(Number(writer.process.pid)));
    const before = performance.now();
    holdsLock();
    held = performance.now() - before > 55;
    if (held) break;
    const { updates } = table.stats();
    writer.process.kill('SIGCONT');
    // On a busy machine it would otherwise be stopped again at the same place.
    await eventually('it continues', () => table.stats().updates > updates);
  }
  t.ok(held, 'it was stopped with the lock held');
  // Some of the expired rows are in its bucket.
  await eventually('the rows in other buckets are swept', () => table.stats().expirations > 450);
  writer.process.kill('SIGCONT');
  await eventually('those in its bucket too', () => table.stats().expirations === 500 + cold.length);
});

/** Whether the process is stopped, according to the kernel. */
function isStopped(pid: number): boolean {
  return /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}
