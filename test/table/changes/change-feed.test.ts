/** The change feed between processes: order, resuming, gaps, killed writers, and the end of waits. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import type { Change, Gap } from '../../../src/index.js';
import { engineOf } from '../../../src/table/engine.js';
import { eventually, within } from '../../fixtures/deadline.js';
import { Table } from '../../fixtures/placed-table.js';
import { tries } from '../../fixtures/tries.js';
import { Child, fixturePath } from '../child.js';
import { scratchTable, testOfProcesses } from '../scratch-table.js';

const columns = { n: 'int32' } as const;

type Changes = AsyncIterableIterator<Change | Gap>;

/** The next change; fails if it does not arrive. */
async function nextOf(changes: Changes): Promise<Change | Gap> {
  const { value, done } = await within(10_000, 'a change', changes.next());
  if (done === true) throw new Error('the watch has ended');
  return value;
}

async function take(changes: Changes, count: number): Promise<(Change | Gap)[]> {
  const taken: (Change | Gap)[] = [];
  while (taken.length < count) taken.push(await nextOf(changes));
  return taken;
}

const typeAndKey = (change: Change | Gap): string => (change.type === 'gap' ? 'gap' : `${change.type} ${change.key}`);

t.test('every kind of change appears, with its revision', async (t) => {
  const table = scratchTable(t, { capacity: 3, columns, changes: 1 << 16, evict: 'lru' });
  const changes = table.watch();
  const revisions: (number | undefined)[] = [];
  const note = (): void => void revisions.push(table.entry('k')?.revision);
  table.insert('k', { n: 1 });
  note();
  table.set('k', { n: 2 });
  note();
  table.increment('k', 'n');
  note();
  table.expire('k', 100_000);
  note();
  table.compareAndSet('k', { n: 3 }, { n: 4 });
  note();
  table.modify('k', () => ({ n: 5 }));
  note();
  table.put('k', { n: 6 });
  note();
  const seen = await take(changes, 7);
  t.same(seen.map(typeAndKey), ['insert k', ...Array(6).fill('update k')]);
  t.same(
    seen.map((change) => change.type !== 'gap' && change.revision),
    revisions,
  );
  t.same(
    seen.map(({ sequence }) => sequence - seen[0].sequence),
    [0, 1, 2, 3, 4, 5, 6],
  );
  table.delete('k');
  table.increment('new', 'n');
  table.take('new');
  table.set('short', { n: 1 }, { ttl: 1 });
  t.same((await take(changes, 4)).map(typeAndKey), ['delete k', 'insert new', 'delete new', 'insert short']);
  await eventually('it expires', () => !table.has('short'));
  t.equal(table.delete('short'), false);
  t.same(typeAndKey(await nextOf(changes)), 'expire short');
  for (const key of ['a', 'b', 'c', 'd']) table.insert(key, {});
  const last = await take(changes, 5);
  t.same(
    last.map(({ type }) => type),
    ['insert', 'insert', 'insert', 'evict', 'insert'],
  );
  table.clear();
  t.same(
    (await take(changes, 3)).map(({ type }) => type),
    ['delete', 'delete', 'delete'],
  );
  // Operations that change nothing.
  table.update('none', {});
  table.insert('a', {});
  table.insert('a', {});
  table.compareAndSet('a', { n: 9 }, {});
  table.modify('a', () => undefined);
  table.delete('none');
  t.throws(() => table.set('a', { n: 2 ** 40 }), { code: 'ERR_VALUE_RANGE' });
  table.insert('b', {});
  t.same((await take(changes, 2)).map(typeAndKey), ['insert a', 'insert b']);
  await changes.return?.();
  t.same(await changes.next(), { done: true, value: undefined });
});

t.test('watch needs a table with a feed and valid options', async (t) => {
  const none = scratchTable(t, { capacity: 3, columns });
  t.throws(() => none.watch(), { code: 'ERR_ARGUMENT' });
  const table = scratchTable(t, { capacity: 3, columns, changes: 1 << 16 });
  for (const options of [{ prefix: 1 }, { since: -1 }, { since: 0.5 }, { since: '1' }, { since: 2 ** 53 }, null, 5]) {
    t.throws(() => table.watch(options as object), { code: 'ERR_ARGUMENT' }, JSON.stringify(options));
  }
  table.close();
  t.throws(() => table.watch(), { code: 'ERR_TABLE_CLOSED' });
});

t.test('a watch resumes after a sequence, in any process, and selects by prefix', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns, changes: 1 << 16 });
  for (const key of ['user:1', 'page:1', 'user:2', 'page:2']) table.set(key, {});
  const all = await take(table.watch({ since: 0 }), 4);
  t.same(
    all.map(({ sequence }) => sequence),
    [1, 2, 3, 4],
  );
  const other = Table.open(table.name, { readOnly: true });
  t.teardown(() => other.close());
  t.same((await take(other.watch({ since: 2 }), 2)).map(typeAndKey), ['insert user:2', 'insert page:2']);
  const users = other.watch({ since: 0, prefix: 'user:' });
  t.same((await take(users, 2)).map(typeAndKey), ['insert user:1', 'insert user:2']);
  const waiting = users.next();
  table.set('page:3', {});
  table.set('user:3', {});
  t.equal(
    typeAndKey((await within(30_000, 'a change', waiting)).value),
    'insert user:3',
    'a read-only handle waits too',
  );
  const future = table.watch({ since: 1_000 });
  t.same(await nextOf(future), { type: 'gap', sequence: 6 }, 'a sequence of an earlier table of this name');
  table.set('page:4', {});
  t.equal(typeAndKey(await nextOf(future)), 'insert page:4');
  for (const watch of [users, future]) await watch.return?.();
});

t.test('a reader that falls behind receives a gap and continues', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns, changes: 4_096 });
  const changes = table.watch();
  for (let i = 1; i <= 1_000; i++) table.set('k', { n: i });
  const gap = await nextOf(changes);
  t.equal(gap.type, 'gap');
  t.ok(gap.sequence < 1_000);
  const rest = await take(changes, 1_000 - gap.sequence);
  t.ok(rest.length >= 16, `${rest.length} changes were still in the feed`);
  t.same(
    rest.map(({ sequence }) => sequence),
    rest.map((_, i) => gap.sequence + 1 + i),
    'none is missing after the gap',
  );
  await changes.return?.();
});

testOfProcesses(
  'with 4 writing processes, the changes of each key come in the order of their commits, without loss or repetition',
  async (t) => {
    const keys = ['a', 'b', 'c', 'd', 'e'];
    const table = scratchTable(t, { capacity: 9, columns, changes: 1 << 22, lockTimeoutMs: 10_000 });
    const times = tries(1_500, 4_000);
    const writers = [1, 2, 3, 4].map(() => Child.start(t, 'feed-writer', table.name, 0, times, ...keys));
    for (const writer of writers) await writer.next();
    const changes = table.watch();
    for (const writer of writers) writer.go();
    const history: Change[] = [];
    const follow = async (): Promise<void> => {
      for await (const change of changes) {
        if (change.type === 'gap') throw new Error('fell behind');
        history.push(change);
        if (change.key === 'end') return;
      }
    };
    const followed = follow();
    for (const writer of writers) t.equal(await writer.next(), 'done');
    table.set('end', {});
    await within(20_000, 'the last change', followed);

    const revisions = new Map<string, number>();
    const present = new Set<string>();
    const wrong: Change[] = [];
    for (const [i, change] of history.entries()) {
      const { key, type, revision, sequence } = change;
      if (sequence !== history[0].sequence + i || revision <= (revisions.get(key) ?? 0)) wrong.push(change);
      // A row is inserted if it is absent, and otherwise changed or deleted.
      if ((type === 'insert') === present.has(key)) wrong.push(change);
      if (type === 'insert') present.add(key);
      if (type === 'delete') present.delete(key);
      revisions.set(key, revision);
    }
    t.same(wrong, []);
    const { inserts, updates, deletes } = table.stats();
    t.equal(history.length, inserts + updates + deletes, 'every committed change');
    t.same([...present].sort(), [...table.keys()].sort());
    for (const key of table.keys()) t.equal(table.entry(key)?.revision, revisions.get(key), `last state of ${key}`);
  },
);

testOfProcesses('after kill -9 of writers, committed changes appear and others do not', async (t) => {
  const kills = tries(6, 30);
  const keys = ['a', 'b', 'c'];
  const table = scratchTable(t, { capacity: 9, columns, changes: 1 << 20, lockTimeoutMs: 10_000 });
  const changes = table.watch();
  const lastOf = new Map<string, Change>();
  let seen = 0;
  let gaps = 0;
  const following = (async () => {
    for await (const change of changes) {
      seen = change.sequence;
      if (change.type === 'gap') gaps++;
      else lastOf.set(change.key, change);
    }
  })();
  const start = async (): Promise<Child> => {
    const writer = Child.start(t, 'feed-writer', table.name, 0, 0, ...keys);
    await writer.next();
    return writer;
  };
  let next = start();
  let wrong = 0;
  for (let kill = 0; kill < kills; kill++) {
    const writer = await next;
    next = kill + 1 < kills ? start() : next;
    writer.go();
    await sleep(3 + Math.random() * 6);
    writer.process.kill('SIGKILL');
    await writer.ended;
    // Only the watch can settle it: nothing else is done here until the feed agrees with the table.
    const agrees = (): boolean =>
      keys.every((key) => {
        const entry = table.entry(key);
        const last = lastOf.get(key);
        return entry === undefined
          ? last === undefined || last.type === 'delete'
          : last?.revision === entry.revision && last.type !== 'delete';
      });
    await eventually('the feed agrees with the table', agrees, 30_000, () => [seen, ...lastOf.values()]);
    await sleep(1);
    if (!agrees()) wrong++;
  }
  t.equal(wrong, 0, 'no change without a commit');
  t.comment(`${kills} kills, ${seen} changes, ${table.stats().recoveries} recoveries, ${gaps} gaps`);
  await changes.return?.();
  await following;
  engineOf(table).settleDead();
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('ending a watch ends its wait, and other watches continue', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns, changes: 1 << 16 });
  const [ends, continues] = [table.watch(), table.watch()];
  const [ended, next] = [ends.next(), continues.next()];
  await ends.return?.();
  t.same(await within(30_000, 'the end', ended), { done: true, value: undefined });
  table.set('k', {});
  t.equal(typeAndKey((await within(30_000, 'a change', next)).value), 'insert k');
  await continues.return?.();
});

t.test('close ends a wait with ERR_TABLE_CLOSED', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns, changes: 1 << 16 });
  const changes = table.watch();
  const next = changes.next();
  table.close();
  await t.rejects(within(30_000, 'the end', next), { code: 'ERR_TABLE_CLOSED' });
  t.same(await changes.next(), { done: true, value: undefined });
});

testOfProcesses('destroy ends the waits of other processes, which then exit by themselves', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns, changes: 1 << 16 });
  const watchers = [1, 2].map(() => Child.start(t, 'feed-watcher', table.name, 'until-closed'));
  for (const watcher of watchers) t.equal(await watcher.next(), 'ready');
  table.set('k', {});
  for (const watcher of watchers) t.equal(await within(30_000, 'a change', watcher.next()), 'insert');
  table.destroy();
  for (const watcher of watchers) {
    t.equal(await within(30_000, 'the error', watcher.next()), 'ERR_TABLE_CLOSED');
    t.equal(await within(30_000, 'its exit', watcher.ended), 0);
  }
});

testOfProcesses('a watch that has returned does not keep the process alive', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns, changes: 1 << 16 });
  const watcher = Child.start(t, 'feed-watcher', table.name, 'return');
  t.equal(await watcher.next(), 'ready');
  table.set('k', {});
  t.equal(await within(30_000, 'a change', watcher.next()), 'insert');
  t.equal(await within(30_000, 'its exit', watcher.ended), 0);
});

testOfProcesses('worker threads may be terminated while they watch', async (t) => {
  const table = scratchTable(t, { capacity: 9, columns, changes: 1 << 16 });
  for (let round = 0; round < tries(2, 6); round++) {
    const worker = new Worker(fixturePath('feed-watcher'), { argv: [table.name, 'until-closed'] });
    const messages: unknown[] = [];
    worker.on('message', (message) => messages.push(message));
    await eventually('it watches', () => messages.includes('ready'));
    if (round % 2 === 1) {
      table.set(`${round}`, {});
      await eventually('it sees a change', () => messages.includes('insert'));
    }
    await within(30_000, 'its end', worker.terminate());
  }
  t.equal(table.stats().participants, 1);
  t.same(table.verify(), { ok: true, problems: [] });
});

testOfProcesses(
  'a wait takes no processor time, and a watch of a fast writer does not block the event loop',
  async (t) => {
    const table = scratchTable(t, { capacity: 9, columns, changes: 1 << 16 });
    const changes = table.watch();
    const next = changes.next();
    await sleep(50);
    const before = process.cpuUsage();
    await sleep(300);
    const { user, system } = process.cpuUsage(before);
    t.ok(user + system < 60_000, `${(user + system) / 1000} ms of processor time in 300 ms of waiting`);

    const writer = Child.start(t, 'feed-writer', table.name, 0, 0, 'a', 'b', 'c');
    await writer.next();
    writer.go();
    await within(30_000, 'a change', next);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const stop = eventually('timers fire', () => ticks > 5).finally(() => changes.return?.());
    for await (const _ of changes);
    await within(30_000, 'the end', stop);
    clearInterval(timer);

    // Also if no change matches the prefix.
    const nothing = table.watch({ prefix: 'nothing' });
    const quiet = sleep(200).then(() => nothing.return?.());
    for await (const change of nothing) if (change.type !== 'gap') t.fail('it does not match the prefix', { change });
    await within(10_000, 'the end', quiet);
  },
);

testOfProcesses('a watcher in another process receives a change soon after its commit', async (t) => {
  const table = scratchTable(t, { capacity: 1_000, columns: { at: 'int64' }, changes: 1 << 16 });
  const writer = Child.start(t, 'feed-latency-writer', table.name, 100);
  await writer.next();
  const changes = table.watch();
  writer.go();
  const latencies: number[] = [];
  while (latencies.length < 100) {
    const change = await nextOf(changes);
    const now = process.hrtime.bigint();
    const at = change.type === 'gap' ? undefined : table.get(change.key, 'at');
    if (at !== undefined) latencies.push(Number(now - at) / 1e6);
  }
  await changes.return?.();
  latencies.sort((a, b) => a - b);
  t.comment(`median ${latencies[50].toFixed(3)} ms, nine of ten within ${latencies[90].toFixed(3)} ms`);
  t.ok(latencies[50] < 100, 'the median, even on a busy machine');
});
