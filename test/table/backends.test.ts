/** Properties of tables of each backend, whatever backend the other tests run over. */
import '../fixtures/under-refused-calls.js';
import { existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ShmTableError, Table } from '../../src/index.js';
import { engineOf } from '../../src/table/engine.js';
import { checksumColumns, createRow, isWhole } from '../fixtures/checksum-row.js';
import { refusing } from '../fixtures/refused-calls.js';
import { tries } from '../fixtures/tries.js';
import { Child } from './child.js';
import { namespace } from './scratch-table.js';

/** Backends whose tables other processes can open, even if only descendants. */
const SHARED = ['posix', 'anonymous', 'sysv', 'file'] as const;

interface Place {
  name: string;
  backend: (typeof SHARED)[number];
  path?: string;
}

let created = 0;

/** A place for a table, which is removed when the test ends. */
function scratchPlace(t: Test, backend: Place['backend']): Place {
  const name = `backend-${++created}`;
  const place = { name, backend, ...(backend === 'file' && { path: join(tmpdir(), `${namespace}-${name}.table`) }) };
  t.teardown(() => {
    try {
      Table.destroy(name, place);
    } catch (error) {
      if (!(error instanceof ShmTableError && error.code === 'ERR_TABLE_NOT_FOUND')) throw error;
    }
  });
  return place;
}

for (const backend of SHARED) {
  t.test(backend, async (t) => {
    t.test('a table is created, found, listed and destroyed', async (t) => {
      const place = scratchPlace(t, backend);
      const options = { ...place, capacity: 10, columns: { a: 'int32' } } as const;
      t.throws(() => Table.open(place.name, place), { code: 'ERR_TABLE_NOT_FOUND' });
      const table = Table.create(options);
      t.equal(table.backend, backend);
      t.throws(() => Table.create(options), { code: 'ERR_TABLE_EXISTS' });
      table.set('k', { a: 1 });
      const other = Table.openOrCreate(options);
      t.same(other.get('k'), { a: 1 });
      t.throws(() => Table.open(place.name, { ...place, capacity: 11 }), { code: 'ERR_SCHEMA_MISMATCH' });
      const found = Table.list({ backend });
      t.match(
        found.filter(({ name }) => name === place.name),
        [{ capacity: 10, rows: 1, backend, owners: [process.pid] }],
      );
      Table.destroy(place.name, place);
      t.throws(() => table.get('k'), { code: 'ERR_TABLE_CLOSED' });
      t.throws(() => other.set('k', { a: 2 }), { code: 'ERR_TABLE_CLOSED' });
      t.throws(() => Table.destroy(place.name, place), { code: 'ERR_TABLE_NOT_FOUND' });
      t.notOk(Table.list({ backend }).some(({ name }) => name === place.name));
      table.close();
      other.close();
      const fresh = Table.create(options);
      t.equal(fresh.size, 0);
      fresh.destroy();
      if (place.path !== undefined) t.notOk(existsSync(place.path));
    });

    t.test('a table holds exactly its capacity', async (t) => {
      const place = scratchPlace(t, backend);
      using table = Table.create({ ...place, capacity: 1000, columns: { a: 'float64', b: 'string(20)' } });
      for (let i = 0; i < 1000; i++) table.set(`key-${i}`, { a: i, b: String(i) });
      t.throws(() => table.set('one more', { a: 1 }), { code: 'ERR_TABLE_FULL' });
      t.equal(table.size, 1000);
      t.ok(Array.from({ length: 1000 }, (_, i) => table.get(`key-${i}`)).every((row, i) => row?.a === i));
      table.delete('key-5');
      table.set('one more', { a: 1 });
      t.same(table.verify(), { ok: true, problems: [] });
    });

    t.test('two processes lose no increment of a counter', async (t) => {
      const place = scratchPlace(t, backend);
      using table = Table.create({ ...place, capacity: 300, columns: checksumColumns });
      const children = [1, 2].map(() => Child.start(t, 'backend-process', 'increment', JSON.stringify(place)));
      for (const child of children) t.equal(await child.next(), 'done');
      for (const child of children) t.equal(await child.ended, 0);
      t.equal(table.get('counter', 'hits'), 20_000);
    });

    t.test('a killed writer leaves intact rows, and others continue immediately', async (t) => {
      const place = scratchPlace(t, backend);
      using table = Table.create({ ...place, capacity: 300, columns: checksumColumns });
      for (let round = 0; round < tries(1, 5); round++) {
        const child = Child.start(t, 'backend-process', 'write', JSON.stringify(place));
        t.equal(await child.next(), 'writing');
        child.process.kill('SIGKILL');
        await child.ended;
        for (let i = 0; i < 200; i++) table.set(`row-${i}`, createRow(`row-${i}`));
        t.ok([...table].every(([key, row]) => isWhole(key, row)));
      }
      engineOf(table).settleDead();
      t.same(table.verify(), { ok: true, problems: [] });
      t.equal(table.size, 200);
    });

    t.test('a read-only handle reads and refuses writes', async (t) => {
      const place = scratchPlace(t, backend);
      using table = Table.create({ ...place, capacity: 300, columns: checksumColumns });
      for (let i = 0; i < 50; i++) table.set(`row-${i}`, createRow(`row-${i}`));
      const child = Child.start(t, 'backend-process', 'read', JSON.stringify(place));
      t.same(await child.next(), { rows: 50, whole: true, refused: 'ERR_READ_ONLY' });
      t.equal(await child.ended, 0);
    });

    t.test('a snapshot is restored to the same backend', async (t) => {
      const place = scratchPlace(t, backend);
      const again = scratchPlace(t, backend);
      const snapshot = join(tmpdir(), `${namespace}-${place.name}.snapshot`);
      using table = Table.create({ ...place, capacity: 100, columns: checksumColumns });
      for (let i = 0; i < 50; i++) table.set(`row-${i}`, createRow(`row-${i}`));
      await table.snapshot(snapshot);
      t.teardown(() => rmSync(snapshot));
      using restored = await Table.restore<typeof checksumColumns>(snapshot, again);
      t.equal(restored.backend, backend);
      t.same([...restored].sort(), [...table].sort());
    });
  });
}

t.test('devzero: only the handle that created a table has it', async (t) => {
  const options = { name: 'devzero', backend: 'devzero', capacity: 1000, columns: { a: 'float64' } } as const;
  using table = Table.create(options);
  for (let i = 0; i < 1000; i++) table.set(`key-${i}`, { a: i });
  t.throws(() => table.set('one more', { a: 1 }), { code: 'ERR_TABLE_FULL' });
  t.equal(table.increment('key-5', 'a'), 6);
  t.same(table.verify(), { ok: true, problems: [] });
  t.throws(() => Table.open('devzero', options), { code: 'ERR_TABLE_NOT_FOUND' });
  using other = Table.openOrCreate(options);
  t.equal(other.size, 0, 'another table');
  table.destroy();
  t.throws(() => table.size, { code: 'ERR_TABLE_CLOSED' });
});

t.test('auto: the table is found by other processes', async (t) => {
  const options = { name: 'auto', backend: 'auto', capacity: 10, columns: { a: 'int32' } } as const;
  for (const [refused, chosen] of [
    [{}, 'anonymous'],
    [{ memfd: 'ENOSYS' }, 'sysv'],
  ] as const) {
    using table = refusing(refused, () => Table.create(options));
    t.equal(table.backend, chosen);
    using other = Table.openOrCreate(options);
    t.equal(other.backend, chosen);
    t.match(Table.list({ backend: 'auto' }), [{ name: 'auto', backend: chosen }]);
    Table.destroy('auto', { backend: 'auto' });
    t.throws(() => other.size, { code: 'ERR_TABLE_CLOSED' });
  }
  t.throws(() => refusing({ memfd: 'ENOSYS', shmget: 'EPERM' }, () => Table.create(options)), {
    code: 'ERR_BACKEND_UNSUPPORTED',
    message: /anonymous: .* sysv: /,
  });
});
