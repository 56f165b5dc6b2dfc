/** The backend process: memory of one thread, where there is no shared memory or where it is asked for. */
import t from 'tap';
import { Table } from '../../src/index.js';
import { Segment } from '../../src/pools/index.js';
import { Child } from './child.js';

const backend = 'process';

t.test('its clocks are not those that a test framework replaces', async (t) => {
  Object.assign(process.env, { SHMTABLE_ADDON: 'none' });
  const child = Child.start<Record<string, unknown>>(t, 'process-table-time');
  Reflect.deleteProperty(process.env, 'SHMTABLE_ADDON');
  const { there, gone, ttl, expiresAt } = await child.next();
  t.same([there, gone], [true, true]);
  t.ok(Number(ttl) > 30_000 && Number(ttl) <= 59_960, `${ttl} ms are left`);
  t.ok(Math.abs(Number(expiresAt) - Date.now() - 60_000) < 10_000, 'in wall time');
  t.equal(await child.ended, 0);
});

t.test('beside shared memory it is chosen for single tables, which have names of their own', async (t) => {
  const options = { name: `process-${process.pid}`, capacity: 10, columns: { n: 'int32' }, changes: 8192 } as const;
  using own = Table.create({ ...options, backend: 'process' });
  own.set('k', { n: 1 });
  t.throws(() => Table.create({ ...options, backend: 'process' }), { code: 'ERR_TABLE_EXISTS' });
  t.throws(() => Table.open(options.name, { backend: own.options.backend, readOnly: true }).set('k', {}), {
    code: 'ERR_READ_ONLY',
  });
  const place = { backend: 'process' } as const;
  const watch = Table.open(options.name, place).watch();
  const next = watch.next();
  const began = performance.now();
  own.delete('k');
  t.match((await next).value, { type: 'delete', key: 'k' });
  t.ok(performance.now() - began < 500, 'without waiting for the next look, which is up to a second away');
  await watch.return?.();
  t.throws(() => Table.open(options.name), { code: 'ERR_TABLE_NOT_FOUND' });
  Table.destroy(options.name, place);
  t.throws(() => own.get('k'), { code: 'ERR_TABLE_CLOSED' });
  t.throws(() => Table.open(options.name, place), { code: 'ERR_TABLE_NOT_FOUND' });
});

t.test('a segment is found by its name until that is removed, and used until it is closed', async (t) => {
  const name = `process-${process.pid}`;
  t.throws(() => Segment.open({ backend, name }), { code: 'ERR_SEGMENT_NOT_FOUND' });
  const segment = Segment.create({ backend, name, size: 100 });
  t.throws(() => Segment.create({ backend, name, size: 100 }), { code: 'ERR_SEGMENT_EXISTS' });
  const other = Segment.open({ backend, name, readOnly: true });
  new Uint8Array(segment.buffer)[7] = 1;
  t.equal(new Uint8Array(other.buffer)[7], 1);
  t.equal(Segment.identify({ backend, name }), segment.identity);
  t.match(
    Segment.list().find((listed) => listed.name === name),
    { backend, bytes: 100, attached: 1, mode: 0o600, location: `process ${process.pid}` },
  );
  t.throws(() => segment.grow(200), { code: 'ERR_BACKEND_UNSUPPORTED' });
  t.throws(() => segment.protect('read'), { code: 'ERR_BACKEND_UNSUPPORTED' });
  t.throws(() => other.unlink(), { code: 'ERR_READ_ONLY' });
  segment.sync();
  t.equal(segment.unlink(), true);
  t.equal(segment.unlink(), false);
  const next = Segment.create({ backend, name, size: 50 });
  t.not(next.identity, segment.identity);
  t.equal(segment.unlink(), false, 'a newer one of the same name stays');
  t.equal(other.size, 100);
  for (const open of [segment, other]) open.close();
  t.throws(() => segment.buffer, { code: 'ERR_SEGMENT_NOT_FOUND' });
  t.equal(next.unlink(), true);
  next.close();
  t.same(
    Segment.list().filter((listed) => listed.name === name),
    [],
  );
});

t.test('its byte locks exclude the other handles, and end with close', async (t) => {
  const segment = Segment.create({ backend, name: `process-${process.pid}`, size: 100 });
  const [a, b] = [segment.openByteLocks(), segment.openByteLocks()];
  t.equal(a.tryLock(5), true);
  t.equal(a.tryLock(5), true, 'again');
  t.same([b.tryLock(5), b.isLocked(5), a.isLocked(5)], [false, true, false]);
  b.unlock(5);
  t.equal(b.tryLock(5), false, 'only its holder unlocks it');
  const words = new Int32Array(segment.buffer);
  a.announceEnd(words, 2);
  a.close();
  t.same([words[2], words[3]], [1, 1]);
  t.equal(b.tryLock(5), true);
  t.throws(() => a.tryLock(5), { code: 'ERR_SEGMENT_NOT_FOUND' });
  t.throws(() => b.tryLock(-1), { code: 'ERR_ARGUMENT' });
  const reader = Segment.open({ backend, name: segment.name, readOnly: true }).openByteLocks();
  t.throws(() => reader.tryLock(1), { code: 'ERR_READ_ONLY' });
  t.equal(reader.isLocked(5), true);
  for (const locks of [b, reader]) locks.close();
  segment.unlink();
  segment.close();
});
