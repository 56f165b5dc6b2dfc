/** Handles on one table in one thread share a participant, but nothing else that a caller could notice. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { Table as PlainTable } from '../../src/index.js';
import { LOCK } from '../../src/table/layout/bucket.js';
import { readHeader } from '../../src/table/layout/segment.js';
import { Table } from '../fixtures/placed-table.js';
import { openInThreads } from './holders.js';
import { openMemory, scratchName, scratchTable, testOfProcesses, testShared } from './scratch-table.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const columns = { n: 'int32', text: 'string(20)', data: 'bytes(8)' } as const;
const closed = { code: 'ERR_TABLE_CLOSED' };

testOfProcesses('any number of handles are one participant, until the last one is closed', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, maxParticipants: 1 });
  const others = Array.from({ length: 300 }, () => Table.open(table.name, { columns }));
  for (const [i, other] of others.entries()) other.set('k', { n: i });
  t.equal(table.get('k', 'n'), 299);
  t.equal(table.stats().participants, 1);
  table.close();
  for (const other of others.slice(1)) other.close();
  t.throws(() => table.get('k'), closed);
  t.equal(others[0].increment('k', 'n'), 300, 'the last one still works');
  others[0].close();
  const threads = await openInThreads(table.name, 1);
  await threads.close();
});

testShared('a closed handle stays closed while another has the table open', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, changes: 1 << 16 });
  const other = Table.open(table.name, { columns });
  for (const key of ['a', 'b', 'c', 'd', 'e']) table.set(key, { n: 1 });
  const keys = table.keys();
  keys.next();
  const watch = table.watch();
  const waiting = watch.next();
  table.close();
  t.throws(() => [...keys, ...keys], closed);
  await t.rejects(waiting, closed);
  await t.rejects(async () => {
    for await (const _ of table.watch());
  }, closed);
  const closing = Table.open(table.name, { columns });
  const row = {
    get n(): number {
      closing.close();
      return 7;
    },
  };
  t.throws(() => closing.set('new', row), closed, 'closed by a getter of its row');
  t.equal(other.has('new'), false);
  t.equal(other.size, 5);
  other.close();
});

testShared('handles that become unreachable without close free their slot', async (t) => {
  const name = scratchName(t);
  Table.create({ name, capacity: 10, columns, maxParticipants: 1 });
  const isFree = async (): Promise<boolean> => {
    const probe = openMemory(name);
    const locks = probe.openByteLocks();
    const free = !locks.isLocked(0);
    locks.close();
    probe.close();
    return free;
  };
  let rounds = 0;
  while (!(await isFree()) && rounds++ < 100) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(rounds < 100);
});

testShared('a table that is created again under the name of a destroyed one shares nothing with it', async (t) => {
  const name = scratchName(t);
  const kept: { close(): void }[] = [];
  for (let round = 0; round < 20; round++) {
    const table = Table.create({ name, capacity: 10, columns });
    const other = Table.open(name, { columns });
    t.equal(other.size, 0);
    other.set('k', { n: round });
    t.equal(table.get('k', 'n'), round);
    table.destroy();
    t.throws(() => other.get('k'), closed);
    kept.push(other);
  }
  for (const other of kept) other.close();
});

testShared('read-only handles share only with each other', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  const readers = [1, 2].map(() => Table.open(table.name, { columns, readOnly: true }));
  table.set('k', { n: 1 });
  for (const reader of readers) {
    t.equal(reader.get('k', 'n'), 1);
    t.throws(() => reader.set('k', { n: 2 }), { code: 'ERR_READ_ONLY' });
  }
  table.close();
  t.equal(readers[1].get('k', 'n'), 1);
  for (const reader of readers) reader.close();
});

testOfProcesses('each handle waits for a lock for its own lockTimeoutMs', async (t) => {
  // One bucket.
  const table = scratchTable(t, { capacity: 5, columns, lockTimeoutMs: 5 });
  const patient = Table.open(table.name, { columns, lockTimeoutMs: 60 });
  const threads = await openInThreads(table.name, 1);
  const memory = openMemory(table.name);
  const lock = readHeader(memory.buffer, table.name).indexAt / 4 + LOCK;
  const words = new Int32Array(memory.buffer);
  // As if the thread, which is alive, had stopped in the middle of a write. It is the second participant.
  words[lock] = 2;
  const timeout = (ms: number) => ({ code: 'ERR_LOCK_TIMEOUT', message: new RegExp(`lockTimeoutMs = ${ms}$`) });
  t.throws(() => table.set('k', { n: 1 }), timeout(5));
  t.throws(() => patient.set('k', { n: 1 }), timeout(60));
  const nested = {
    get n(): number {
      t.throws(() => patient.delete('k'), timeout(60));
      return 2;
    },
  };
  t.throws(() => table.set('k', nested), timeout(5), 'also when another handle has waited in between');
  words[lock] = 0;
  memory.close();
  patient.close();
  await threads.close();
});

for (const which of ['the same handle', 'another handle']) {
  testShared(`a getter of the caller that runs during a write may write through ${which}`, async (t) => {
    const table = scratchTable(t, { capacity: 50, columns });
    const inner = which === 'the same handle' ? table : Table.open(table.name, { columns });
    let nested = 0;
    const write = (): void => {
      nested++;
      inner.set('inner', { n: nested, text: 'inner', data: Uint8Array.of(1) });
      inner.delete('k');
      inner.increment('count', 'n');
      inner.set('k', { text: 'between' });
      inner.modify('inner', (row) => ({ n: (row?.n ?? 0) + 100 }));
    };
    const getter = {
      get n(): number {
        write();
        return 5;
      },
      text: 'outer',
    };
    const proxy = new Proxy<{ n: number; text: string }>(
      { n: 5, text: 'outer' },
      {
        get: (target, name, receiver) => {
          write();
          return Reflect.get(target, name, receiver);
        },
        ownKeys: (target) => {
          write();
          return Reflect.ownKeys(target);
        },
      },
    );
    for (const row of [getter, proxy]) {
      for (const mode of ['set', 'put', 'update'] as const) {
        table[mode]('k', row);
        t.match(table.get('k'), { n: 5, text: 'outer' }, mode);
      }
      table.delete('k');
      t.equal(table.insert('k', row), false, 'its getter has inserted the row');
      t.equal(table.compareAndSet('k', { text: 'between' }, row), true);
      t.match(table.get('k'), { n: 5, text: 'outer' });
      t.match(
        table.modify('fresh', () => row),
        { n: 5, text: 'outer' },
      );
      table.delete('fresh');
    }
    t.match(table.get('inner'), { n: nested + 100, text: 'inner' });
    t.equal(table.get('count', 'n'), nested);
    t.same(table.verify(), { ok: true, problems: [] });
    if (inner !== table) inner.close();
  });
}

testShared('opening and closing in a loop without turns of the event loop leaks nothing', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  const measure = (loop: () => void): number => {
    for (let i = 0; i < 20; i++) loop();
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 200; i++) loop();
    collectGarbage();
    return (process.memoryUsage().heapUsed - before) / 200;
  };
  const use = (other: PlainTable<typeof columns>): void => {
    other.set('k', { n: 1 });
    other.get('k');
  };
  const shared = measure(() => {
    using other = Table.open(table.name, { columns });
    use(other);
  });
  const name = scratchName(t);
  const alone = measure(() => {
    const made = Table.create({ name, capacity: 10, columns });
    use(made);
    made.destroy();
  });
  t.comment(`${shared.toFixed(0)} and ${alone.toFixed(0)} bytes a round`);
  // A leak would take 80,000.
  t.ok(shared < 4_000);
  t.ok(alone < 16_000);
});

t.test('a Table that was not returned by create or open throws', async (t) => {
  const Constructor = PlainTable as unknown as new (...args: unknown[]) => unknown;
  for (const args of [[], [{}], [undefined], [null, null], [{ name: 'a', capacity: 1, columns }]]) {
    t.throws(() => new Constructor(...args), { code: 'ERR_ARGUMENT', message: /Table\.create/ });
  }
});

t.test('detached bytes are rejected and change nothing', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('k', { data: Uint8Array.of(1, 2) });
  const detached = Uint8Array.of(3);
  structuredClone(detached, { transfer: [detached.buffer] });
  for (const mode of ['set', 'put', 'insert', 'update'] as const) {
    t.throws(() => table[mode]('k', { data: detached }), { code: 'ERR_COLUMN_TYPE', message: /detached/ }, mode);
  }
  t.throws(() => table.compareAndSet('k', { data: detached }, { n: 1 }), { code: 'ERR_COLUMN_TYPE' });
  t.same(table.get('k'), { n: 0, text: '', data: Uint8Array.of(1, 2) });
  table.set('k', { data: new Uint8Array(0) });
  table.set('l', { data: new Uint8Array(new SharedArrayBuffer(2)) });
  t.same([table.get('k', 'data')?.length, table.get('l', 'data')?.length], [0, 2]);
});
