import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { Table } from '../../src/index.js';
import { checksumColumns, createRow, isWhole } from '../fixtures/checksum-row.js';
import { tries } from '../fixtures/tries.js';
import { Child } from './child.js';
import { namespace } from './scratch-table.js';

/** The offset of the table in its file, and the byte offsets of the header fields that these tests read or change. */
const TABLE_AT = 65_536;
const IN_USE = 92;
const CLOCK_OFFSET = 64;
const CREATED_AT = 72;
const BOOT_ID = 96;
const WALL_AHEAD = 120;

const backend = 'file';
let created = 0;

/** A place for a table; the file is removed when the test ends. */
function scratchFile(t: Test): { name: string; backend: 'file'; path: string } {
  const name = `file-${++created}`;
  const path = join(tmpdir(), `${namespace}-${name}.table`);
  t.teardown(() => rmSync(path, { force: true }));
  return { name, backend, path };
}

function patch(path: string, at: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.length, TABLE_AT + at);
  closeSync(file);
}

function bytesAt(path: string, at: number, length: number): Buffer {
  const file = openSync(path, 'r');
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, TABLE_AT + at);
  closeSync(file);
  return bytes;
}

/** Changes the file into one from another boot of the machine, whose processes are all dead. */
function reboot(path: string): void {
  patch(path, BOOT_ID, Buffer.alloc(16, 7));
}

/** Adds to a number of the header. */
function addAt(path: string, at: number, by: number): void {
  const number = bytesAt(path, at, 8);
  number.writeDoubleLE(number.readDoubleLE() + by);
  patch(path, at, number);
}

function isInUse(path: string): boolean {
  return bytesAt(path, IN_USE, 4).readUInt32LE() !== 0;
}

const columns = checksumColumns;
const keys = Array.from({ length: 200 }, (_, i) => `row-${i}`);

t.test('a path is required, and only for this backend', async (t) => {
  const table = { name: 'a', capacity: 10, columns: { a: 'int32' } } as const;
  for (const path of [undefined, '', 5 as unknown as string]) {
    const expected = { code: 'ERR_ARGUMENT', message: /backend file needs path/ };
    t.throws(() => Table.create({ ...table, backend, path }), expected);
    t.throws(() => Table.open('a', { backend, path }), expected);
    t.throws(() => Table.destroy('a', { backend, path }), expected);
  }
  t.throws(() => Table.create({ ...table, path: '/tmp/a' }), { code: 'ERR_ARGUMENT', message: /not for posix/ });
});

t.test('after a clean shutdown, a reopened table has every row', async (t) => {
  const place = scratchFile(t);
  const table = Table.create({ ...place, capacity: 300, columns });
  t.equal(isInUse(place.path), true);
  const second = Table.open(place.name, place);
  const rows = new Map(keys.map((key) => [key, { ...createRow(key), hits: 0 }]));
  for (const [key, row] of rows) table.set(key, row);
  table.expire('row-7', 100_000);
  const { revision } = table.entry('row-1') ?? {};
  table.close();
  t.equal(isInUse(place.path), true, 'another process has it open');
  second.close();
  t.equal(isInUse(place.path), false);
  t.same(
    Table.list({ backend, path: place.path }).map(({ name, rows, owners }) => ({ name, rows, owners })),
    [{ name: place.name, rows: 200, owners: [] }],
  );

  for (const boots of [0, 1]) {
    if (boots > 0) reboot(place.path);
    using again = Table.open(place.name, { ...place, columns });
    t.same(new Map(again), rows);
    t.equal(again.entry('row-1')?.revision, revision);
    t.ok(Number(again.ttl('row-7')) <= 100_000 && Number(again.ttl('row-7')) > 90_000);
    t.same(again.verify(), { ok: true, problems: [] });
  }
  t.equal(isInUse(place.path), false);
});

t.test('killed processes do not count as a crash of the machine', async (t) => {
  const place = scratchFile(t);
  Table.create({ ...place, capacity: 300, columns }).close();
  for (let round = 0; round < tries(2, 5); round++) {
    const child = Child.start(t, 'backend-process', 'write', JSON.stringify(place));
    t.equal(await child.next(), 'writing');
    child.process.kill('SIGKILL');
    await child.ended;
    t.equal(isInUse(place.path), true);
    using table = Table.open(place.name, { ...place, columns });
    t.ok([...table].every(([key, row]) => isWhole(key, row)));
  }
  t.equal(isInUse(place.path), false, 'the last process settles their operations');
  using table = Table.open(place.name, { ...place, columns });
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('after a reboot, the operations of the old processes are settled', async (t) => {
  const place = scratchFile(t);
  Table.create({ ...place, capacity: 300, columns }).close();
  for (let round = 0; round < tries(2, 10); round++) {
    const child = Child.start(t, 'backend-process', 'write', JSON.stringify(place));
    t.equal(await child.next(), 'writing');
    await sleep(Math.random() * 10);
    child.process.kill('SIGKILL');
    await child.ended;
    // The page cache has survived, so the file is in the best state that a crash between two stores could leave.
    reboot(place.path);
    using table = Table.open(place.name, { ...place, columns });
    t.same(table.verify(), { ok: true, problems: [] });
    t.equal(table.stats().participants, 1);
    t.ok([...table].every(([key, row]) => isWhole(key, row)));
  }
});

t.test('a file that is inconsistent after a crash is refused each time', async (t) => {
  const place = scratchFile(t);
  const table = Table.create({ ...place, capacity: 300, columns });
  for (const key of keys) table.set(key, createRow(key));
  // As if the index had not reached the disk before the crash: its pages are those of an empty table.
  const whole = readFileSync(place.path);
  table.close();
  const { other } = Table.bytesFor({ ...place, capacity: 300, columns });
  const index = whole.subarray(TABLE_AT + other, TABLE_AT + other + 1024);
  t.ok(index.some((byte) => byte !== 0));
  index.fill(0);
  writeFileSync(place.path, whole);
  reboot(place.path);
  const expected = { code: 'ERR_TABLE_CORRUPT', message: /was in use when the machine stopped.*snapshot/ };
  for (const options of [{}, { readOnly: true }, {}]) {
    t.throws(() => Table.open(place.name, { ...place, ...options }), expected);
  }
  t.throws(() => Table.openOrCreate({ ...place, capacity: 300, columns }), expected);
  t.same(Table.list({ backend, path: place.path }), []);
  Table.destroy(place.name, place);
  t.notOk(existsSync(place.path));
});

t.test('table time never goes back from one boot to the next', async (t) => {
  const place = scratchFile(t);
  const table = Table.create({ ...place, capacity: 10, columns: { a: 'int32' } });
  table.set('short', { a: 1 }, { ttl: 20 });
  table.set('long', { a: 1 }, { ttl: 1_000_000 });
  while (table.has('short')) await sleep(5);
  table.close();
  reboot(place.path);
  // The wall clock of the new boot is an hour behind that of the old one.
  addAt(place.path, WALL_AHEAD, 3_600_000);
  using again = Table.open(place.name, place);
  t.equal(again.has('short'), false, 'no expired row reappears');
  t.ok(Number(again.ttl('long')) > 900_000 && Number(again.ttl('long')) <= 1_000_000);
});

t.test('table time continues while the machine is off', async (t) => {
  const place = scratchFile(t);
  const table = Table.create({ ...place, capacity: 10, columns: { a: 'int32' } });
  table.set('k', { a: 1 }, { ttl: 3_000_000 });
  table.close();
  reboot(place.path);
  // The wall clock of the new boot is an hour ahead of that of the old one.
  addAt(place.path, WALL_AHEAD, -3_600_000);
  using again = Table.open(place.name, { ...place, readOnly: true });
  t.equal(again.has('k'), false);
});

t.test('a wall clock that was set after the table was created does not count as elapsed time', async (t) => {
  const place = scratchFile(t);
  const table = Table.create({ ...place, capacity: 10, columns: { a: 'int32' } });
  for (const at of [CLOCK_OFFSET, CREATED_AT]) addAt(place.path, at, -7_200_000);
  table.set('k', { a: 1 }, { ttl: 3_000_000 });
  const { expiresAt } = table.entry('k') ?? {};
  table.close();
  reboot(place.path);
  using again = Table.open(place.name, place);
  t.ok(Number(again.ttl('k')) > 2_900_000 && Number(again.ttl('k')) <= 3_000_000, `${again.ttl('k')} ms left`);
  t.equal(again.entry('k')?.expiresAt, expiresAt);
});

t.test('eight processes may be the first to open it after a reboot', async (t) => {
  const place = scratchFile(t);
  const table = Table.create({ ...place, capacity: 300, columns });
  for (const key of keys) table.set(key, createRow(key));
  writeFileSync(place.path, readFileSync(place.path));
  table.close();
  patch(place.path, IN_USE, Buffer.from([1, 0, 0, 0]));
  reboot(place.path);
  const children = Array.from({ length: 8 }, (_, i) =>
    Child.start(t, 'backend-process', i % 2 === 0 ? 'increment' : 'read', JSON.stringify(place)),
  );
  for (const child of children) {
    t.match(await child.next(), /done|\[object/);
    t.equal(await child.ended, 0);
  }
  using after = Table.open(place.name, { ...place, columns });
  t.equal(after.get('counter', 'hits'), 40_000);
  t.same(after.verify(), { ok: true, problems: [] });
});

t.test('a file that is not a table is refused and not changed', async (t) => {
  const place = scratchFile(t);
  const options = { ...place, capacity: 10, columns: { a: 'int32' } } as const;
  writeFileSync(place.path, 'x'.repeat(100_000));
  t.throws(() => Table.open(place.name, place), { code: 'ERR_TABLE_NOT_FOUND' });
  t.throws(() => Table.create(options), { code: 'ERR_TABLE_EXISTS' });
  t.throws(() => Table.openOrCreate(options), { code: 'ERR_TABLE_CORRUPT' });
  t.equal(readFileSync(place.path, 'latin1').length, 100_000, 'and it is not changed');
  rmSync(place.path);
  Table.create(options).close();
  t.throws(
    () => Table.open('another', { backend, path: place.path }),
    { code: 'ERR_TABLE_NOT_FOUND' },
    'the file contains its name',
  );
  truncateSync(place.path, TABLE_AT + 1000);
  t.throws(() => Table.open(place.name, place), { code: 'ERR_TABLE_CORRUPT' });
  Table.destroy(place.name, place);
});
