/** What a table is after it was altered, for its rows, its handles, and those who are in the middle of something. */
import t, { type Test } from 'tap';
import { type Change, type Gap, ShmTableError } from '../../../src/index.js';
import { MOVED, STATE } from '../../../src/table/layout/segment.js';
import { generous, within } from '../../fixtures/deadline.js';
import { Table, testBackend } from '../../fixtures/placed-table.js';
import { openMemory, scratchName, scratchTable, segmentsOf } from '../scratch-table.js';

const columns = { n: 'int32', ratio: 'float64', name: 'string(10)' } as const;

/** A test that alters tables of the tested backend. */
function testAltered(name: string, run: (t: Test) => Promise<void>): void {
  if (testBackend === 'posix' || testBackend === 'file' || testBackend === 'process') t.test(name, run);
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof ShmTableError) return error.code;
    throw error;
  }
}

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return String(error);
  }
  return '';
}

testAltered('rows keep keys, values and expiry, added columns are zero, and revisions rise', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns });
  for (let i = 0; i < 100; i++) table.set(`row-${i}`, { n: i, ratio: i / 3, name: `é${i}` });
  table.expire('row-7', 100_000);
  const before = new Map([...table.keys()].map((key) => [key, table.entry(key)]));
  const { altered, rows } = Table.alter(table.name, { capacity: 250, add: { flag: 'boolean', note: 'text' } });
  t.same({ altered, rows }, { altered: true, rows: 100 });
  t.equal(table.capacity, 250);
  t.same(table.columns, { ...columns, flag: 'boolean', note: 'text' });
  t.equal(table.size, 100);
  for (const [key, entry] of before) {
    const now = table.entry(key);
    t.same(now?.row, { ...entry?.row, flag: false, note: '' });
    t.ok((now?.revision ?? 0) > (entry?.revision ?? 0), 'the revision is higher');
    t.equal(now?.expiresAt, entry?.expiresAt);
  }
  for (let i = 100; i < 250; i++) t.ok(table.insert(`row-${i}`, { n: i }));
  t.equal(
    codeOf(() => table.insert('one more', { n: 1 })),
    'ERR_TABLE_FULL',
  );
  t.ok(table.verify().ok);
});

testAltered('an alteration to the schema that the table has changes nothing', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('a', { n: 1 });
  const revision = table.entry('a')?.revision;
  t.equal(Table.alter(table.name, { capacity: 10 }).altered, false);
  t.equal(table.entry('a')?.revision, revision);
});

testAltered('numbers and strings become wider, and narrower if all fit', async (t) => {
  const table = scratchTable(t, {
    capacity: 10,
    columns: { a: 'int8', b: 'int32', c: 'float32', d: 'int64', e: 'string(5)', f: 'bytes(4)', g: 'float64' },
  });
  table.set('k', { a: -5, b: 2 ** 31 - 1, c: 0.5, d: 2n ** 53n, e: 'abcde', f: Uint8Array.of(1, 2, 3, 4), g: 12 });
  Table.alter(table.name, {
    type: { a: 'int16', b: 'int64', c: 'float64', d: 'float64', e: 'text', f: 'blob', g: 'uint8' },
  });
  const wide = Table.open(table.name);
  t.same(wide.get('k'), {
    a: -5,
    b: 2n ** 31n - 1n,
    c: 0.5,
    d: 2 ** 53,
    e: 'abcde',
    f: Uint8Array.of(1, 2, 3, 4),
    g: 12,
  });
  wide.close();
});

testAltered('a row that does not fit is named, and the table is as before', async (t) => {
  const table = scratchTable(t, {
    capacity: 10,
    maxKeyBytes: 20,
    columns: { n: 'int32', f: 'float64', s: 'string(20)', i: 'int64' },
  });
  table.set('a long key here', { n: 300, f: 0.1, s: 'twelve chars', i: 2n ** 60n + 1n });
  table.set('other', { n: 1 });
  const before = table.entry('a long key here');
  const cases = [
    [{ type: { n: 'uint8' } }, 'ERR_VALUE_RANGE'],
    [{ type: { f: 'int32' } }, 'ERR_VALUE_RANGE'],
    [{ type: { f: 'float32' } }, 'ERR_VALUE_RANGE'],
    [{ type: { i: 'float64' } }, 'ERR_VALUE_RANGE'],
    [{ type: { s: 'string(11)' } }, 'ERR_VALUE_TOO_LONG'],
    [{ maxKeyBytes: 14 }, 'ERR_KEY_INVALID'],
  ] as const;
  for (const [changes, code] of cases) {
    const message = messageOf(() => Table.alter(table.name, changes));
    t.match(message, /a long key here/, code);
    t.equal(
      codeOf(() => Table.alter(table.name, changes)),
      code,
    );
  }
  t.equal(
    codeOf(() => Table.alter(table.name, { capacity: 1 })),
    'ERR_TABLE_FULL',
  );
  t.same(table.entry('a long key here'), before, 'not even the revision has changed');
  t.ok(table.insert('writable', { n: 1 }));
});

testAltered('changes that make no sense are refused', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  const refused = (changes: object): string | undefined => codeOf(() => Table.alter(table.name, changes));
  t.equal(refused({ drop: ['missing'] }), 'ERR_COLUMN_UNKNOWN');
  t.equal(refused({ type: { missing: 'int8' } }), 'ERR_COLUMN_UNKNOWN');
  t.equal(refused({ add: { n: 'int8' } }), 'ERR_SCHEMA_INVALID');
  t.equal(refused({ type: { name: 'int32' } }), 'ERR_SCHEMA_INVALID');
  t.equal(refused({ drop: ['n', 'ratio', 'name'] }), 'ERR_SCHEMA_INVALID');
  t.equal(refused({ drop: 'n' }), 'ERR_ARGUMENT');
  t.equal(refused({ capacity: 0 }), 'ERR_ARGUMENT');
  t.equal(refused({ rows: 5 }), 'ERR_ARGUMENT');
  t.equal(refused({ columns, add: { x: 'int8' } }), 'ERR_ARGUMENT');
  t.equal(
    codeOf(() => Table.alter('no-such-table', { capacity: 5 })),
    'ERR_TABLE_NOT_FOUND',
  );
  t.same(table.columns, columns);
});

testAltered('every handle follows at its next operation, whatever that is', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('k', { n: 1 });
  const operations: [string, (handle: Table) => unknown][] = [
    ['get', (handle) => handle.get('k', 'n')],
    ['has', (handle) => handle.has('k')],
    ['size', (handle) => handle.size],
    ['set', (handle) => handle.set('k', { n: 1 })],
    ['increment', (handle) => handle.increment('k', 'n' as never, 0)],
    ['delete', (handle) => handle.delete('none')],
    ['take', (handle) => handle.take('none')],
    ['getMany', (handle) => handle.getMany(['k'])],
    ['setMany', (handle) => handle.setMany([['k', { n: 1 }]])],
    ['scan', (handle) => handle.scan()],
    ['entries', (handle) => [...handle]],
    ['modify', (handle) => handle.modify('k', () => ({ n: 1 }))],
    ['compareAndSet', (handle) => handle.compareAndSet('k', { n: 1 }, { n: 1 })],
    ['stats', (handle) => handle.stats()],
    ['verify', (handle) => handle.verify()],
    ['ttl', (handle) => handle.ttl('k')],
  ];
  let capacity = 10;
  for (const readOnly of [false, true]) {
    for (const [name, operation] of operations) {
      if (readOnly && /set|increment|delete|take|modify|compare/i.test(name)) continue;
      const handle = Table.open(table.name, { readOnly });
      Table.alter(table.name, { capacity: ++capacity });
      t.doesNotThrow(() => operation(handle), name);
      t.equal(handle.capacity, capacity, `${name}: the handle is on the altered table`);
      t.same(handle.get('k', 'n'), 1);
      handle.close();
    }
  }
});

testAltered('a handle whose column is gone or of another kind says so from then on; the others go on', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('k', { n: 1, name: 'a' });
  const late = Table.open(table.name);
  Table.alter(table.name, { type: { name: 'string(200)' }, add: { more: 'int8' } });
  t.same(late.get('k', 'name'), 'a', 'a longer string is still a string');
  Table.alter(table.name, { drop: ['more'] });
  t.same(late.get('k', 'n'), 1, 'the handle was not opened with that column');
  Table.alter(table.name, { type: { n: 'float64' } });
  for (let i = 0; i < 2; i++) {
    t.equal(
      codeOf(() => late.get('k')),
      'ERR_SCHEMA_MISMATCH',
    );
    t.equal(
      codeOf(() => late.set('k', { n: 1 })),
      'ERR_SCHEMA_MISMATCH',
    );
  }
  t.equal(late.isOpen, false);
  late.close();
  t.equal(
    codeOf(() => late.get('k')),
    'ERR_TABLE_CLOSED',
  );
  const now = Table.open(table.name);
  t.same(now.get('k'), { n: 1, ratio: 0, name: 'a' });
  now.close();
});

testAltered('a scan and an iteration go on where they are, with every row that stays exactly once', async (t) => {
  const table = scratchTable(t, { capacity: 2_000, columns });
  for (let i = 0; i < 2_000; i++) table.set(`row-${i}`, { n: i });
  for (const capacity of [9_000, 2_100, 30_000]) {
    const scanned: string[] = [];
    const iterated: string[] = [];
    const iteration = table.keys();
    let page = table.scan({ limit: 333 });
    for (const { key } of page.entries) scanned.push(key);
    for (let i = 0; i < 700; i++) iterated.push(iteration.next().value as string);
    Table.alter(table.name, { capacity });
    while (page.cursor !== null) {
      page = table.scan({ limit: 333, cursor: page.cursor });
      for (const { key } of page.entries) scanned.push(key);
    }
    for (const key of iteration) iterated.push(key);
    for (const keys of [scanned, iterated]) {
      t.equal(keys.length, 2_000);
      t.equal(new Set(keys).size, 2_000);
    }
  }
});

testAltered('an iteration over long values goes on, too', async (t) => {
  const table = scratchTable(t, { capacity: 50, columns: { body: 'text' }, heap: 16 * 2 ** 20 });
  for (let i = 0; i < 50; i++) table.set(`row-${i}`, { body: `${i}`.repeat(70_000) });
  const seen = new Map<string, string>();
  for (const [key, { body }] of table) {
    t.notOk(seen.has(key), 'each row once');
    seen.set(key, body);
    if (seen.size % 20 === 0) Table.alter(table.name, { capacity: 50 + seen.size });
  }
  t.equal(seen.size, 50);
  for (const [key, body] of seen) t.ok(body === key.slice(4).repeat(70_000), key);
  t.ok(table.verify().ok);
});

testAltered(
  'a row that is written by a getter while the table is altered is written once, to the altered table',
  async (t) => {
    const table = scratchTable(t, { capacity: 10, columns });
    let altered = false;
    const row = {
      get n() {
        if (!altered) Table.alter(table.name, { capacity: 20 });
        altered = true;
        // Another operation of the same handle makes it follow in the middle of this one.
        return table.size + 5;
      },
    };
    table.set('k', row);
    t.same(table.get('k'), { n: 5, ratio: 0, name: '' });
    t.equal(table.capacity, 20);
    table.modify('k', (old) => {
      Table.alter(table.name, { capacity: 30 });
      return { n: (old?.n ?? 0) + 1 };
    });
    t.equal(table.get('k', 'n'), 6);
    t.equal(table.capacity, 30);
    t.equal(table.stats().inserts, 1);
  },
);

testAltered('a watch finds a gap and then every later change; sequences and statistics continue', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, changes: 1 << 14 });
  table.set('a', { n: 1 }).set('b', { n: 2 });
  table.delete('b');
  const watch = table.watch();
  const next = async (): Promise<Change | Gap> => (await within(10_000, 'a change', watch.next())).value;
  table.set('c', { n: 3 });
  const { sequence } = await next();
  const waiting = next();
  Table.alter(table.name, { capacity: 20, changes: 1 << 15 });
  const altered = performance.now();
  const gap = await waiting;
  t.ok(performance.now() - altered < 500, 'it does not wait for the thread that slept on the old memory');
  t.equal(gap.type, 'gap');
  t.ok(gap.sequence >= sequence);
  table.set('d', { n: 4 });
  const change = await next();
  t.match(change, { type: 'insert', key: 'd' });
  t.ok(change.sequence > gap.sequence);
  const { inserts, deletes, rows } = table.stats();
  t.same({ inserts, deletes, rows }, { inserts: 4, deletes: 1, rows: 3 });
  const ended = next();
  Table.alter(table.name, { changes: 0 });
  await t.rejects(ended, { code: 'ERR_ARGUMENT' }, 'a table without a feed cannot be watched');
});

testAltered('a snapshot that has begun contains the table as it was before', async (t) => {
  const table = scratchTable(t, { capacity: 30_000, columns });
  for (let i = 0; i < 30_000; i++) table.set(`row-${i}`, { n: i });
  const path = `${t.testdir()}/rows.snapshot`;
  const taken = table.snapshot(path);
  Table.alter(table.name, { capacity: 31_000, drop: ['name'] });
  table.close();
  await t.rejects(taken, { code: 'ERR_TABLE_CLOSED' }, 'as when its handle is closed');
  const again = Table.open(table.name);
  const second = again.snapshot(path);
  Table.alter(table.name, { capacity: 32_000 });
  await second;
  const restored = await Table.restore(path, { name: scratchName(t) });
  t.equal(restored.size, 30_000);
  t.equal(restored.capacity, 31_000);
  restored.destroy();
  again.close();
});

testAltered('rows that have expired are not copied, and the others expire when they should', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('short', { n: 1 }, { ttl: 1 }).set('long', { n: 2 }, { ttl: 1_000_000 });
  while (table.has('short'));
  Table.alter(table.name, { capacity: 20 });
  t.same([...table.keys()], ['long']);
  t.ok((table.ttl('long') ?? 0) > 900_000);
  t.equal(table.stats().rows, 1);
});

testAltered('openOrCreate alters, recreates or refuses a table of another schema', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns: { n: 'int32' } });
  table.set('k', { n: 1 });
  const { name } = table;
  const open = (options: object): Table =>
    Table.openOrCreate({ name, capacity: 10, columns: { n: 'int32' }, ...options } as never);
  const second = { columns: { n: 'int32', more: 'string(5)' } as const, schemaVersion: 2 };
  t.equal(
    codeOf(() => open(second)),
    'ERR_SCHEMA_MISMATCH',
  );
  t.equal(
    codeOf(() => open({ ...second, onMismatch: 'maybe' })),
    'ERR_ARGUMENT',
  );
  const later = open({ ...second, onMismatch: 'alter' });
  t.same(later.get('k'), { n: 1, more: '' });
  t.equal(later.schemaVersion, 2);
  const earlier = open({ schemaVersion: 1, onMismatch: 'alter' });
  t.same(earlier.get('k'), { n: 1, more: '' }, 'an earlier version leaves the table as it is');
  t.equal(
    codeOf(() => open({ columns: { other: 'int8' }, schemaVersion: 1, onMismatch: 'recreate' })),
    'ERR_SCHEMA_MISMATCH',
  );
  Table.alter(name, { drop: ['more'], schemaVersion: 3 });
  t.equal(earlier.get('k', 'n'), 1, 'it does not depend on the columns of the later version');
  t.equal(
    codeOf(() => later.get('k')),
    'ERR_SCHEMA_MISMATCH',
  );
  const fresh = open({ columns: { text: 'text' }, schemaVersion: 4, onMismatch: 'recreate' });
  t.equal(fresh.size, 0);
  t.equal(
    codeOf(() => earlier.get('k')),
    'ERR_TABLE_CLOSED',
  );
  for (const handle of [later, earlier, fresh]) handle.close();
});

testAltered('a table that was destroyed and created again is not the altered one', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  const { name } = table;
  const other = Table.open(name);
  Table.alter(name, { capacity: 20 });
  Table.destroy(name);
  const next = Table.create({ name, capacity: 5, columns });
  next.set('k', { n: 1 });
  t.equal(
    codeOf(() => other.get('k')),
    'ERR_TABLE_CLOSED',
  );
  t.equal(
    codeOf(() => table.get('k')),
    'ERR_TABLE_CLOSED',
  );
  t.equal(next.get('k', 'n'), 1);
  next.destroy();
  other.close();
});

testAltered('nothing is left of the old segment, and the altered table is listed once', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  Table.alter(table.name, { capacity: 20 });
  Table.alter(table.name, { capacity: 30 });
  t.equal(table.capacity, 30);
  t.equal(segmentsOf(table.name).length, 1);
  t.equal(Table.list().filter(({ name }) => name === table.name).length, 1);
});

t.test('a table that has moved to a segment which is not there cannot be opened, but destroyed', async (t) => {
  const table = scratchTable(t, { capacity: 100_000, columns });
  const segment = openMemory(table.name);
  Atomics.store(new Int32Array(segment.buffer), STATE, MOVED);
  segment.close();
  // A service asks for it again with each request: it must not be looked for again and again each time.
  const began = performance.now();
  for (const use of [() => Table.open(table.name), () => table.get('k')]) t.equal(codeOf(use), 'ERR_TABLE_CORRUPT');
  table.close();
  Table.destroy(table.name);
  t.ok(performance.now() - began < generous(500), 'not mapped a thousand times');
  t.same(segmentsOf(table.name), []);
});

t.test('memory that cannot be exchanged under its name says so', async (t) => {
  for (const backend of ['anonymous', 'sysv'] as const) {
    if (process.env.SHMTABLE_ADDON === 'none') break;
    const table = Table.create({ name: scratchName(t), capacity: 10, columns, backend });
    t.equal(
      codeOf(() => Table.alter(table.name, { backend, capacity: 20 })),
      'ERR_BACKEND_UNSUPPORTED',
    );
    table.set('k', { n: 1 });
    table.destroy();
  }
});
