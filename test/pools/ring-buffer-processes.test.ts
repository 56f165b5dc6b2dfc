import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { RingBuffer, type Segment } from '../../src/pools/index.js';
import { eventually } from '../fixtures/deadline.js';
import { Child } from '../table/child.js';
import { scratchSegment } from './scratch-segment.js';

const READERS = 4;
const RING_BYTES = 4 << 20;
const RECORDS = 10_000;
/** The store of an allocation before which its producer has taken the lock and said who it is. */
const LOCKED = 2;

function makeRing(t: Test, bytes: number): { ring: RingBuffer; segment: Segment } {
  const segment = scratchSegment(t, RingBuffer.bytesFor(bytes));
  const ring = RingBuffer.create(segment, { bytes });
  t.teardown(() => ring.close());
  return { ring, segment };
}

/** Writers and four readers, each of which reads every record and checks every byte. */
async function runWriters(t: Test, writers: number): Promise<void> {
  const { ring, segment } = makeRing(t, RING_BYTES);
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

t.test('1 writer of records of 10 to 100 KB, 4 readers of each', (t) => runWriters(t, 1));

t.test('safe for several processes: 4 writers at once, 4 readers of each record', (t) => runWriters(t, 4));

t.test('no kill of a producer stops the others, and nothing is lost by it', async (t) => {
  const { ring, segment } = makeRing(t, 16_384);
  const survivor = Child.start<unknown>(t, 'ring-killed-producer', segment.name);
  t.equal(await survivor.next(), 'ready');
  let newest = 0;
  for (let round = 0; round < 5; round++) {
    const producers = [1, 2].map(() => Child.start<unknown>(t, 'ring-killed-producer', segment.name));
    for (const producer of producers) await producer.next();
    for (const producer of producers) producer.process.kill('SIGKILL');
    for (const producer of producers) t.equal(await producer.ended, 'SIGKILL');
    const before = newest;
    // The newest record is now and then freed between two looks: any later one will do.
    const goesOn = (): boolean => {
      newest = Math.max(newest, ring.read(newest)?.sequence ?? 0);
      return newest > before;
    };
    await eventually('the survivor goes on', goesOn);
  }
  survivor.process.kill('SIGKILL');
  t.equal(await survivor.ended, 'SIGKILL');
  ring.settle();
  for (let record = ring.read(); record !== undefined; record = ring.read(record.sequence)) ring.free(record.offset);
  t.same(ring.stats(), { total: 16_384, used: 0, spare: 16_384 });
  t.not(ring.alloc(ring.maxRecordBytes), 0, 'all of it, in one piece');
});

t.test('an unfinished record of a living process is waited for, that of a dead one is passed over', async (t) => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const { ring, segment } = makeRing(t, 1024);
    const holder = Child.start<number | string>(t, 'ring-holder', segment.name, 400);
    const held = await holder.next();
    const offset = ring.alloc(500);
    ring.commit(offset);
    // Stopped, it lives: neither readers nor producers take anything from it.
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

t.test('a stopped producer goes on where it was', async (t) => {
  const { ring, segment } = makeRing(t, 1024);
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

t.test('a producer stopped with the lock lives: it is never robbed of it; one killed there stops nobody', async (t) => {
  const { ring, segment } = makeRing(t, 1024);
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
  t.not(ring.alloc(10), 0, 'at once: a living one would be waited for, in vain');
});

t.test('records committed by a process that died stay', async (t) => {
  const { ring, segment } = makeRing(t, 1024);
  const holder = Child.start<number | string>(t, 'ring-holder', segment.name, 100);
  const offset = await holder.next();
  holder.go();
  await holder.next();
  await holder.ended;
  t.equal(ring.settle(), 0);
  t.same(ring.read(), { sequence: 1, offset, bytes: 100 });
});
