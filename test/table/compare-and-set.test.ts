import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { tries } from '../fixtures/tries.js';
import { Child } from './child.js';
import { scratchTable, testOfProcesses } from './scratch-table.js';

const columns = { n: 'int32', f: 'float64', s: 'float32', big: 'int64', text: 'string(9)', data: 'bytes(4)' } as const;

t.test('compareAndSet compares columns', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  table.set('k', { n: 1, text: 'one', data: Uint8Array.of(1) });
  t.equal(table.compareAndSet('k', { n: 2 }, { n: 3 }), false);
  t.equal(table.compareAndSet('missing', { n: 0 }, { n: 3 }), false);
  t.equal(table.has('missing'), false);
  t.equal(table.compareAndSet('k', { n: 1, text: 'two' }, { n: 3 }), false, 'all columns must match');
  t.equal(table.compareAndSet('k', { n: 1, text: 'one', data: Uint8Array.of(1) }, { n: 3 }), true);
  t.match(table.get('k'), { n: 3, text: 'one' });
  t.equal(table.compareAndSet('k', { data: Uint8Array.of(1, 0) }, { n: 4 }), false);
  t.equal(table.compareAndSet('k', { data: Buffer.from([1]), n: undefined }, { n: 4 }), true);
});

t.test('-0 equals only -0, NaN equals NaN, float32 is rounded, and int64 may be a number or a bigint', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  table.set('k', { f: -0, s: 0.1, big: 5n });
  t.equal(table.compareAndSet('k', { f: 0 }, {}), false);
  t.equal(table.compareAndSet('k', { f: -0 }, { f: Number.NaN }), true);
  t.equal(table.compareAndSet('k', { f: Number.NaN }, { f: 1 }), true);
  t.equal(table.compareAndSet('k', { s: 0.1 }, {}), true);
  t.equal(table.compareAndSet('k', { s: Math.fround(0.1) }, { s: -0 }), true);
  t.equal(table.compareAndSet('k', { s: 0 }, {}), false);
  t.equal(table.compareAndSet('k', { big: 5 }, {}), true);
  t.equal(table.compareAndSet('k', { big: 5n }, {}), true);
  t.equal(table.compareAndSet('k', { n: -0 }, {}), true, 'integers have no -0');
});

t.test('compareAndSet and compareAndDelete compare revisions', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  table.set('k', { n: 1 });
  const first = table.entry('k')?.revision ?? 0;
  t.ok(Number.isSafeInteger(first) && first > 0);
  t.equal(table.compareAndSet('k', { revision: first + 1 }, { n: 9 }), false);
  t.equal(table.compareAndSet('k', { revision: first }, { n: 2 }), true);
  t.equal(table.compareAndSet('k', { revision: first }, { n: 3 }), false, 'the revision has changed');
  t.equal(table.compareAndSet('missing', { revision: first }, { n: 3 }), false);
  t.equal(table.compareAndDelete('k', { revision: first }), false);
  table.increment('k', 'n');
  const last = table.entry('k')?.revision ?? 0;
  t.equal(table.compareAndDelete('k', { revision: last }), true);
  t.equal(table.compareAndDelete('k', { revision: last }), false);
  t.equal(table.has('k'), false);
  table.set('k', { n: 3 });
  t.equal(table.compareAndDelete('k', { revision: last }), false, 'another row with the same key');
  t.equal(table.compareAndSet('k', { revision: last }, { n: 4 }), false);
  t.equal(table.get('k', 'n'), 3);
});

t.test('revisions never repeat for a key', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  const seen = new Set<number>();
  let writes = 0;
  const note = (): void => {
    seen.add(table.entry('k')?.revision ?? 0);
    writes++;
  };
  for (let i = 0; i < 200; i++) {
    table.set('k', { n: 1 });
    note();
    table.set('k', { n: 1 });
    note();
    table.increment('k', 'n');
    note();
    table.expire('k', 10_000);
    note();
    table.delete('k');
  }
  t.equal(seen.size, writes);
  t.equal(seen.has(0), false);
});

t.test('compareAndDelete compares columns', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  table.set('k', { n: 1 });
  t.equal(table.compareAndDelete('k', { n: 2 }), false);
  t.equal(table.compareAndDelete('missing', { n: 0 }), false);
  t.equal(table.compareAndDelete('k', { n: 1, text: '' }), true);
  t.equal(table.size, 0);
});

t.test('an invalid expectation is rejected', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  table.set('k', { n: 1 });
  const wrong: unknown[] = [undefined, null, 5, 'n', [], {}, { n: undefined }, { revision: undefined }];
  wrong.push(
    { revision: 0 },
    { revision: -1 },
    { revision: 1.5 },
    { revision: '1' },
    { revision: 1n },
    { revision: null },
  );
  wrong.push({ revision: 1, n: 1 }, { revision: 2 ** 53 });
  for (const expected of wrong) {
    t.throws(() => table.compareAndSet('k', expected as object, { n: 2 }), { code: 'ERR_ARGUMENT' });
    t.throws(() => table.compareAndDelete('k', expected as object), { code: 'ERR_ARGUMENT' });
  }
  t.throws(() => table.compareAndSet('k', { n: '1' as never }, {}), { code: 'ERR_COLUMN_TYPE' });
  t.throws(() => table.compareAndDelete('k', { n: 2 ** 40 }), { code: 'ERR_VALUE_RANGE' });
  t.throws(() => table.compareAndSet('k', { n: 1 }, {}, { ttl: 0 }), { code: 'ERR_ARGUMENT' });
  t.throws(() => table.compareAndSet('k', { n: 7 }, {}, { ttl: 0 }), { code: 'ERR_ARGUMENT' });
  t.equal(table.get('k', 'n'), 1);
});

t.test('modify writes what its callback returns', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  t.equal(
    table.modify('k', () => undefined),
    undefined,
  );
  t.equal(table.has('k'), false);
  const asked: unknown[] = [];
  const made = table.modify('k', (row) => {
    asked.push(row);
    return { n: 5, text: 'new' };
  });
  t.same(asked, [undefined]);
  t.same(made, { n: 5, f: 0, s: 0, big: 0n, text: 'new', data: new Uint8Array() });
  t.same(table.get('k'), made);
  const changed = table.modify('k', (row) => ({ n: (row?.n ?? 0) + 1, s: 0.1, big: 3 }));
  t.same(changed, { n: 6, f: 0, s: Math.fround(0.1), big: 3n, text: 'new', data: new Uint8Array() });
  t.same(table.get('k'), changed);
  t.equal(
    table.modify('k', () => undefined),
    undefined,
  );
  t.same(table.get('k'), changed);
  t.throws(() => table.modify('k', () => ({ n: 0.5 })), { code: 'ERR_VALUE_RANGE' });
  for (const wrong of [null, 5, 'n', [1]])
    t.throws(() => table.modify('k', () => wrong as object), { code: 'ERR_ARGUMENT' });
  t.throws(() => table.modify('k', (async () => ({ n: 1 })) as never), { code: 'ERR_ARGUMENT' }, 'must be synchronous');
  t.throws(
    () =>
      table.modify('k', () => {
        throw new RangeError('mine');
      }),
    { message: 'mine' },
  );
  t.same(table.get('k'), changed);
});

t.test('modify calls its callback again if another process has written the row', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  for (const [start, interfere] of [
    [{ n: 1 }, () => table.set('k', { n: 10 })],
    [{ n: 1 }, () => table.increment('k', 'n', 9)],
    [undefined, () => table.set('k', { n: 10 })],
    [{ n: 1 }, () => table.delete('k')],
  ] as const) {
    table.delete('k');
    if (start !== undefined) table.set('k', start);
    let runs = 0;
    const row = table.modify('k', (old) => {
      if (runs++ === 0) interfere();
      return { n: (old?.n ?? 100) + 1 };
    });
    t.equal(runs, 2);
    t.ok(row?.n === 11 || row?.n === 101);
    t.equal(table.get('k', 'n'), row?.n);
  }
});

const counters = { modified: 'int32', revised: 'int32', compared: 'int32', killed: 'int32' } as const;

for (const [how, column, times] of [
  ['modify', 'modified', tries(1_500, 50_000)],
  ['revision', 'revised', tries(800, 10_000)],
  ['columns', 'compared', tries(800, 10_000)],
] as const) {
  testOfProcesses(
    `4 processes count to ${4 * times} with ${how} while others are killed, and lose no count`,
    async (t) => {
      const table = scratchTable(t, { capacity: 4, columns: counters, lockTimeoutMs: 10_000 });
      table.set('k', {});
      const counting = [1, 2, 3, 4].map(() => Child.start(t, 'table-counter', table.name, 'k', how, times));
      const victims = [1, 2, 3].map(() => Child.start(t, 'table-counter', table.name, 'k', 'killed', 0));
      for (const child of [...counting, ...victims]) await child.next();
      for (const counter of counting) counter.go();
      for (const victim of victims) {
        victim.go();
        await sleep(5 + Math.random() * 20);
        victim.process.kill('SIGKILL');
      }
      for (const counter of counting) t.equal(await counter.ended, 0);
      t.equal(table.get('k', column), 4 * times);
      const { revision } = table.entry('k') ?? {};
      t.type(revision, 'number');
      t.comment(`the killed processes had counted to ${table.get('k', 'killed')}`);
      t.same(table.verify(), { ok: true, problems: [] });
    },
  );
}
