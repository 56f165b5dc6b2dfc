import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { RingBuffer, type Segment } from '../../src/pools/index.js';
import { eventually } from '../fixtures/deadline.js';
import { tries } from '../fixtures/tries.js';
import { canTrapStores } from '../proofs/store-trap.js';
import { Child } from '../table/child.js';
import { scratchSegment } from './scratch-segment.js';

const READERS = 4;
const RING_BYTES = 4 << 20;
const RECORDS = tries(4_000, 10_000);
/** The number of the store in `alloc` before which the producer has taken the lock and written its id. */
const LOCKED = 2;

function createRing(t: Test, bytes: number): { ring: RingBuffer; segment: Segment } {
  const segment = scratchSegment(t, RingBuffer.bytesFor(bytes));
  const ring = RingBuffer.create(segment, { bytes });
  t.teardown(() => ring.close());
  return { ring, segment };
}

/** Starts writers, and four readers that each read every record and check every byte. */
async function runWriters(t: Test, writers: number): Promise<void> {
  const { ring, segment } = createRing(t, RING_BYTES);
  const each = RECORDS / writers;
  const readers = Array.from({ length: READERS }, () => Child.start<unknown>(t, 'ring-reader', segment.name, RECORDS));
  const producers = Array.from({ length: writers }, (_, i) =>
    Child.start<unknown>(t, 'ring-writer', segment.name, i + 1, each, READERS),
  );
  for (const child of [...readers, ...producers]) t.equal(await child.next(), 'ready');
  const start = performance.now();
  for (const producer of producers) producer.go();
  for (const producer of producers) t.equal(await producer.next(), 'done');
  const expected = Object.fromEntries(producers.map((_, i) => [i + 1, each]));
  for (const reader of readers) t.same(await reader.next(), expected, 'every serial of every writer, in order');
  t.comment(`${RECORDS} records in ${(performance.now() - start).toFixed(0)} ms`);
  t.same(ring.stats(), { total: RING_BYTES, used: 0, spare: RING_BYTES });
  t.equal(ring.read(), undefined);
}

t.test('4 readers get all records of 1 writer, of 10 to 100 KB', (t) => runWriters(t, 1));

t.test('4 readers get all records of 4 writers', (t) => runWriters(t, 4));

t.test('killing a producer neither stops the others nor loses a record', async (t) => {
  const { ring, segment } = createRing(t, 16_384);
  const survivor = Child.start<unknown>(t, 'ring-killed-producer', segment.name);
  t.equal(await survivor.next(), 'ready');
  let newest = 0;
  for (let round = 0; round < 5; round++) {
    const producers = [1, 2].map(() => Child.start<unknown>(t, 'ring-killed-producer', segment.name));
    for (const producer of producers) await producer.next();
    for (const producer of producers) producer.process.kill('SIGKILL');
    for (const producer of producers) t.equal(await producer.ended, 'SIGKILL');
    const before = newest;
    // The newest record may be freed between two polls: any later one counts.
    const continues = (): boolean => {
      newest = Math.max(newest, ring.read(newest)?.sequence ?? 0);
      return newest > before;
    };
    await eventually('the survivor continues', continues);
  }
  survivor.process.kill('SIGKILL');
  t.equal(await survivor.ended, 'SIGKILL');
  ring.settle();
  for (let record = ring.read(); record !== undefined; record = ring.read(record.sequence)) ring.free(record.offset);
  t.same(ring.stats(), { total: 16_384, used: 0, spare: 16_384 });
  t.not(ring.alloc(ring.maxRecordBytes), 0, 'the whole ring in one record');
});

t.test('readers wait for an unfinished record of a live process, and skip that of a dead one', async (t) => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const { ring, segment } = createRing(t, 1024);
    const holder = Child.start<number | string>(t, 'ring-holder', segment.name, 400);
    const held = await holder.next();
    const offset = ring.alloc(500);
    ring.commit(offset);
    // A stopped process is alive: neither readers nor producers take anything from it.
    holder.process.kill('SIGSTOP');
    t.equal(ring.read(), undefined);
    t.equal(ring.settle(), 0);
    t.equal(ring.alloc(500), 0);
    t.throws(() => ring.free(Number(held)), { code: 'ERR_POOL_FOREIGN' });
    holder.process.kill('SIGCONT');
    holder.process.kill(signal);
    t.equal(await holder.ended, signal);
    t.same(ring.read(), { sequence: 2, offset, bytes: 500 }, 'readers see that it is dead');
    t.not(ring.alloc(400), 0, 'so do producers');
  }
});

t.test('a stopped producer continues where it stopped', async (t) => {
  const { ring, segment } = createRing(t, 1024);
  const holder = Child.start<number | string>(t, 'ring-holder', segment.name, 100);
  const offset = await holder.next();
  holder.process.kill('SIGSTOP');
  const later = ring.alloc(100);
  ring.commit(later);
  t.equal(ring.read(), undefined);
  holder.process.kill('SIGCONT');
  holder.go();
  t.equal(await holder.next(), 'done');
  t.same(ring.read(), { sequence: 1, offset, bytes: 100 });
  t.same(ring.read(1), { sequence: 2, offset: later, bytes: 100 });
});

/** Resolves when a child has stopped itself. */
async function isStopped(child: Child): Promise<void> {
  const stat = `/proc/${child.process.pid}/stat`;
  await eventually('the child stops itself', () => / T \d/.test(readFileSync(stat, 'utf8')), 60_000);
}

if (canTrapStores) {
  t.test(
    'a producer that is stopped with the lock keeps it; one that is killed with the lock delays no other',
    async (t) => {
      const { ring, segment } = createRing(t, 1024);
      const first = ring.alloc(10);
      ring.commit(first);
      const stopped = Child.start<number>(t, 'ring-stopped-producer', segment.name, 100, LOCKED);
      await isStopped(stopped);
      const { pid } = stopped.process;
      for (const operation of [() => ring.alloc(10), () => ring.settle()]) {
        t.throws(operation, { code: 'ERR_LOCK_TIMEOUT', message: new RegExp(`process ${pid} .*is alive`) });
      }
      t.same(ring.read(), { sequence: 1, offset: first, bytes: 10 }, 'readers need no lock');
      ring.free(first);
      stopped.process.kill('SIGCONT');
      const offset = await stopped.next();
      t.same(ring.read(), { sequence: 2, offset, bytes: 100 });
      ring.free(offset);
      t.not(ring.alloc(10), 0);

      const killed = Child.start<number>(t, 'ring-stopped-producer', segment.name, 100, LOCKED);
      await isStopped(killed);
      killed.process.kill('SIGKILL');
      t.equal(await killed.ended, 'SIGKILL');
      t.not(ring.alloc(10), 0, 'immediately; for a live process, alloc would wait and fail');
    },
  );
}

t.test('records that a dead process has committed remain', async (t) => {
  const { ring, segment } = createRing(t, 1024);
  const holder = Child.start<number | string>(t, 'ring-holder', segment.name, 100);
  const offset = await holder.next();
  holder.go();
  await holder.next();
  await holder.ended;
  t.equal(ring.settle(), 0);
  t.same(ring.read(), { sequence: 1, offset, bytes: 100 });
});
