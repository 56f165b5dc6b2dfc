/** Snapshots are consistent during writes, refused when damaged anywhere, and never incomplete. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { hasCode } from '../../../src/errors.js';
import type { Columns, TableOptions } from '../../../src/index.js';
import { checksumColumns, createRow, isWhole } from '../../fixtures/checksum-row.js';
import { eventually } from '../../fixtures/deadline.js';
import { placeOf, Table } from '../../fixtures/placed-table.js';
import { tries } from '../../fixtures/tries.js';
import { seededRandom } from '../../proofs/seeded-random.js';
import { Child, fixturePath } from '../child.js';
import { namespace, scratchName, scratchTable, testOfProcesses } from '../scratch-table.js';

const columns = { n: 'int32' } as const;

/** Restores under a separate name; the table is closed when the test ends. */
async function restore<const C extends Columns>(
  t: Test,
  path: string,
  options: Partial<TableOptions<C>> = {},
): Promise<Table<C>> {
  const table = await Table.restore<C>(path, { ...options, name: scratchName(t) });
  t.teardown(() => table.close());
  return table;
}

function tableNames(): string[] {
  return Table.list({ namespace }).map(({ name }) => name);
}

t.test('every type of column, key and lifetime is restored', async (t) => {
  const types = {
    i8: 'int8',
    u16: 'uint16',
    i64: 'int64',
    f32: 'float32',
    f64: 'float64',
    flag: 'boolean',
    text: 'string(40)',
    data: 'bytes(5)',
  } as const;
  const table = scratchTable(t, { capacity: 40, columns: types, maxKeyBytes: 255, evict: 'lru', changes: 1 << 16 });
  table.set('whole', {
    i8: -128,
    u16: 65_535,
    i64: -(2n ** 63n),
    f32: Math.fround(0.1),
    f64: -0,
    flag: true,
    text: 'żółw 🐢 \u0000 end',
    data: Uint8Array.of(0, 255, 1, 2, 3),
  });
  table.set('odd', { f64: Number.NaN, f32: Number.NEGATIVE_INFINITY, data: Uint8Array.of(7) });
  table.set('k'.repeat(255), {});
  table.set('🐢', { text: 'x'.repeat(40) }, { ttl: 100_000 });
  table.set('for ever', {}, { ttl: Number.MAX_SAFE_INTEGER });
  for (let i = 0; i < 30; i++) table.set(`more-${i}`, { i64: i });
  const path = join(t.testdir(), 'snapshot');
  await table.snapshot(path);
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.same(readdirSync(join(path, '..')), ['snapshot'], 'no temporary file is left');

  const restored = await restore<typeof types>(t, path);
  t.match(restored, { capacity: 40, columns: types, maxKeyBytes: 255, evict: 'lru', changes: 1 << 16 });
  t.same(Object.fromEntries(restored), Object.fromEntries(table));
  t.ok(Object.is(restored.get('whole', 'f64'), -0));
  for (const key of table.keys()) {
    const [before, after] = [table.entry(key), restored.entry(key)];
    if (before?.expiresAt !== after?.expiresAt) t.fail(`the lifetime of ${key}`);
  }
  t.ok(Number(restored.ttl('for ever')) > 2 ** 52);
  t.same(restored.verify(), { ok: true, problems: [] });
});

t.test('an empty table and one without numbers are restored', async (t) => {
  const table = scratchTable(t, { capacity: 5, columns: { text: 'string(3)' } });
  const path = join(t.testdir(), 'snapshot');
  await table.snapshot(path);
  t.equal((await restore(t, path)).size, 0);
  table.set('k', { text: 'abc' });
  await table.snapshot(path);
  t.same([...(await restore(t, path))], [['k', { text: 'abc' }]]);
});

t.test('a snapshot can be restored with another capacity', async (t) => {
  const table = scratchTable(t, { capacity: 1_000, columns });
  for (let i = 0; i < 700; i++) table.set(`${i}`, { n: i });
  const path = join(t.testdir(), 'snapshot');
  await table.snapshot(path);
  for (const capacity of [700, 50_000]) {
    const restored = await restore<typeof columns>(t, path, { capacity });
    t.equal(restored.capacity, capacity);
    t.equal(restored.size, 700);
    t.same(Object.fromEntries(restored), Object.fromEntries(table));
    t.same(restored.verify(), { ok: true, problems: [] });
  }
  const before = tableNames();
  const name = scratchName(t);
  await t.rejects(Table.restore(path, { name, capacity: 699 }), { code: 'ERR_TABLE_FULL' });
  await t.rejects(Table.restore(path, { name, maxKeyBytes: 2 }), { code: 'ERR_KEY_INVALID' });
  await t.rejects(Table.restore(path, { name, columns: { n: 'int64' } }), { code: 'ERR_SCHEMA_MISMATCH' });
  await t.rejects(Table.restore(path, placeOf(table.name)), { code: 'ERR_TABLE_EXISTS' });
  t.same(tableNames(), before, 'a failed restore leaves no table behind');
  t.equal(table.size, 700);
});

t.test('revisions after a restore are above those of the snapshot', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  for (let i = 0; i < 1_000; i++) table.increment('k', 'n');
  const path = join(t.testdir(), 'snapshot');
  await table.snapshot(path);
  const before = table.entry('k')?.revision ?? 0;
  // The creation time, from which revisions are derived, does not help, because the clock is behind.
  const { now } = Date;
  t.teardown(() => {
    Date.now = now;
  });
  Date.now = () => now() - 3_600_000;
  const restored = await restore<typeof columns>(t, path);
  Date.now = now;
  t.ok((restored.entry('k')?.revision ?? 0) > before);
  restored.delete('k');
  restored.set('k', { n: 1 });
  t.ok((restored.entry('k')?.revision ?? 0) > before);
});

t.test('lifetimes continue while a snapshot is on disk', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('stays', { n: 1 }).set('goes', { n: 2 }, { ttl: 1_000 }).set('later', { n: 3 }, { ttl: 60_000 });
  const path = join(t.testdir(), 'snapshot');
  await table.snapshot(path);
  const early = await restore(t, path);
  t.same([...early.keys()].sort(), ['goes', 'later', 'stays']);
  await eventually('the row also expires in the restored table', () => !early.has('goes'));
  await eventually('it expires', () => !table.has('goes'));
  t.same([...(await restore(t, path)).keys()].sort(), ['later', 'stays']);
});

testOfProcesses('during writes, a snapshot has one commit of each row, and every remaining row once', async (t) => {
  const staying = 3_000;
  const table = scratchTable(t, { capacity: 4_000, columns: checksumColumns, lockTimeoutMs: 10_000 });
  for (let i = 0; i < staying; i++) table.set(`stays-${i}`, createRow(`stays-${i}`));
  const writers = [1, 2].map(() => Child.start(t, 'snapshot-churner', table.name, staying));
  for (const writer of writers) await writer.next();
  const path = join(t.testdir(), 'snapshot');
  for (let round = 0; round < tries(2, 4); round++) {
    await table.snapshot(path);
    const restored = await restore<typeof checksumColumns>(t, path);
    let stayed = 0;
    const torn: string[] = [];
    for (const [key, row] of restored) {
      if (key.startsWith('stays-')) stayed++;
      if (!isWhole(key, row)) torn.push(key);
    }
    t.equal(stayed, staying);
    t.same(torn, []);
    t.equal(restored.stats().updates, 0, 'no key is in the file twice');
    restored.destroy();
  }
});

t.test('a file with any damaged byte is refused', async (t) => {
  const table = scratchTable(t, { capacity: 300, columns: { n: 'int32', text: 'string(30)' } });
  for (let i = 0; i < 300; i++) table.set(`row-${i}`, { n: i, text: `text ${i}` });
  const path = join(t.testdir(), 'snapshot');
  await table.snapshot(path);
  const sound = readFileSync(path);
  const before = tableNames();
  const random = seededRandom(7);
  const accepted: object[] = [];
  const places = Array.from({ length: 140 }, () => Math.floor(random() * sound.length));
  // The beginning and the end, where each byte has a separate meaning.
  for (let i = 0; i < 30; i++) places.push(i, sound.length - 1 - i);
  const name = scratchName(t);
  for (const place of places) {
    const damaged = Buffer.from(sound);
    damaged[place] ^= 1 << Math.floor(random() * 8);
    writeFileSync(path, damaged);
    try {
      (await Table.restore(path, { name })).destroy();
      accepted.push({ place });
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code !== 'ERR_SNAPSHOT_DAMAGED' || !/at byte \d+: /.test(message)) accepted.push({ place, code, message });
    }
  }
  t.same(accepted, []);
  t.same(tableNames(), before);
  t.comment(`${places.length} damaged files`);

  const future = Buffer.from(sound);
  future.writeUInt32LE(2, 8);
  writeFileSync(path, future);
  await t.rejects(Table.restore(path, { name }), { code: 'ERR_SNAPSHOT_DAMAGED', message: /byte 8: .*version 2/ });
  writeFileSync(path, sound);
  t.equal((await restore(t, path)).size, 300);
});

t.test('a truncated or too long file is refused', async (t) => {
  const table = scratchTable(t, { capacity: 200, columns: { data: 'bytes(20000)' } });
  for (let i = 0; i < 200; i++) table.set(`row-${i}`, { data: new Uint8Array(20_000).fill(i) });
  const path = join(t.testdir(), 'snapshot');
  await table.snapshot(path);
  const sound = readFileSync(path);
  // The parts of the file, as drawn in snapshot-format.ts.
  const boundaries = [0, 8, 16, 16 + sound.readUInt32LE(12)];
  for (let at = boundaries[3] + 8; at < sound.length - 32; at += 24 + sound.readUInt32LE(at + 4)) {
    boundaries.push(at, at + 24);
  }
  boundaries.push(sound.length - 32, sound.length - 8, sound.length);
  t.ok(boundaries.length >= 11, `${boundaries.length} boundaries`);
  const name = scratchName(t);
  for (const boundary of boundaries) {
    for (const length of [boundary - 1, boundary, boundary + 1]) {
      if (length < 0 || length === sound.length) continue;
      writeFileSync(path, length < sound.length ? sound.subarray(0, length) : Buffer.concat([sound, Buffer.alloc(1)]));
      await t.rejects(
        Table.restore(path, { name }),
        { code: 'ERR_SNAPSHOT_DAMAGED', message: /byte \d+/ },
        `${length} bytes of ${sound.length}`,
      );
    }
  }
});

testOfProcesses('kill -9 during a snapshot leaves the previous one', async (t) => {
  const table = scratchTable(t, { capacity: 30_000, columns: { n: 'int32', text: 'string(200)' } });
  for (let i = 0; i < 30_000; i++) table.set(`${i}`, { n: i, text: 'x'.repeat(200) });
  const path = join(t.testdir(), 'snapshot');
  await table.snapshot(path);
  for (let kill = 0; kill < tries(2, 8); kill++) {
    const taker = Child.start(t, 'snapshot-taker', table.name, path, 0);
    await taker.next();
    await sleep(Math.random() * 80);
    taker.process.kill('SIGKILL');
    await taker.ended;
    const restored = await restore(t, path);
    t.equal(restored.size, 30_000);
    restored.destroy();
  }
});

t.test('nobody finds a table before all of its rows are restored', async (t) => {
  const table = scratchTable(t, { capacity: 8_000, columns });
  for (let i = 0; i < 8_000; i++) table.set(`${i}`, { n: i });
  const path = join(t.testdir(), 'snapshot');
  await table.snapshot(path);

  const name = scratchName(t);
  const restoring = Table.restore(path, { name });
  let looks = 0;
  const find = async (): Promise<Table> => {
    for (; ; looks++) {
      try {
        return Table.open(name);
      } catch (error) {
        if (!hasCode(error, 'ERR_TABLE_NOT_FOUND')) throw error;
        t.notOk(tableNames().includes(name));
      }
      await setImmediate();
    }
  };
  using found = await find();
  t.equal(found.size, 8_000);
  t.ok(looks > 1, `after ${looks} turns of the event loop`);
  (await restoring).close();

  const other = scratchName(t);
  const later = Table.restore(path, { name: other });
  const refused = t.rejects(later, { code: 'ERR_TABLE_EXISTS' }, 'the name was taken meanwhile');
  await setImmediate();
  using taken = Table.create({ name: other, capacity: 1, columns });
  await refused;
  t.equal(taken.size, 0, 'the other table is unharmed');
});

t.test('kill -9 during a restore leaves nothing', async (t) => {
  const table = scratchTable(t, { capacity: 8_000, columns });
  for (let i = 0; i < 8_000; i++) table.set(`${i}`, { n: i });
  const path = join(t.testdir(), 'snapshot');
  await table.snapshot(path);
  for (const turns of [1, 3, 6]) {
    const name = scratchName(t);
    const restorer = Child.start(t, 'snapshot-restorer', path, name, turns);
    await t.rejects(restorer.next(), /SIGKILL/, `killed after ${turns} turns of its event loop`);
    t.throws(() => Table.open(name), { code: 'ERR_TABLE_NOT_FOUND' });
    using restored = await Table.restore(path, { name });
    t.equal(restored.size, 8_000);
  }
});

testOfProcesses('a disk that becomes full at any byte leaves the previous snapshot and no other file', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns });
  for (let i = 0; i < 100; i++) table.set(`${i}`, { n: i });
  const folder = t.testdir();
  const path = join(folder, 'snapshot');
  await table.snapshot(path);
  const { size } = statSync(path);
  const before = readFileSync(path);
  table.set('0', { n: 7 });
  for (const limit of [1, 30, size >> 1, size - 33, size - 9, size - 8, size - 3]) {
    const taker = spawn(
      'prlimit',
      [`--fsize=${limit}`, process.execPath, fixturePath('snapshot-taker'), table.name, path, '1'],
      { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    );
    const messages: unknown[] = [];
    taker.on('message', (message) => messages.push(message));
    await once(taker, 'exit');
    t.same(messages, ['ready', 'ERR_SEGMENT_TOO_LARGE'], `${limit} bytes of ${size} fit`);
    t.same(readFileSync(path), before);
    t.same(readdirSync(folder), ['snapshot']);
  }
});

t.test('invalid paths and files are rejected', async (t) => {
  const table = scratchTable(t, { capacity: 50_000, columns });
  const folder = t.testdir({ text: 'no snapshot, but long enough to have the preamble of one' });
  for (const path of ['', 5, undefined, null, join(folder, 'a\0b')] as never[]) {
    await t.rejects(table.snapshot(path), { code: 'ERR_ARGUMENT' });
    await t.rejects(Table.restore(path), { code: 'ERR_ARGUMENT' });
  }
  await t.rejects(Table.restore(join(folder, 'text'), null as never), { code: 'ERR_ARGUMENT' });
  await t.rejects(Table.restore(join(folder, 'text')), { code: 'ERR_SNAPSHOT_DAMAGED', message: /byte 0: / });
  await t.rejects(Table.restore(join(folder, 'missing')), {
    code: 'ERR_SEGMENT_NOT_FOUND',
    message: /missing: ENOENT/,
  });
  const nowhere = join(folder, 'missing', 'snapshot');
  await t.rejects(table.snapshot(nowhere), { code: 'ERR_SEGMENT_NOT_FOUND', message: /missing\/snapshot: ENOENT/ });
  for (let i = 0; i < 50_000; i++) table.set(`${i}`, { n: i });
  const taking = table.snapshot(join(folder, 'snapshot'));
  table.close();
  await t.rejects(taking, { code: 'ERR_TABLE_CLOSED' });
  await t.rejects(table.snapshot(join(folder, 'snapshot')), { code: 'ERR_TABLE_CLOSED' });
  t.same(readdirSync(folder), ['text']);
});

t.test('restoring with readOnly is refused and creates nothing', async (t) => {
  const table = scratchTable(t, { capacity: 1, columns: { n: 'int32' } });
  const path = `${t.testdir()}/table.snapshot`;
  await table.snapshot(path);
  const name = `${table.name}-again`;
  await t.rejects(Table.restore(path, { name, readOnly: true }), { code: 'ERR_READ_ONLY' });
  t.notOk(Table.list().some((info) => info.name === name));
});
