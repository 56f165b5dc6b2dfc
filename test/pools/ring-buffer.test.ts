import t, { type Test } from 'tap';
import { RingBuffer, type RingBufferOptions, Segment } from '../../src/pools/index.js';
import { BACKENDS, scratchName, scratchSegment } from '../memory/scratch-segment.js';

const argument = { code: 'ERR_ARGUMENT' };
const foreign = { code: 'ERR_POOL_FOREIGN' };
const doubleFree = { code: 'ERR_POOL_DOUBLE_FREE' };

/** Bytes that a record takes in addition to those requested, which are rounded up to 8. */
const HEADER = 24;

/** A ring with space for this many bytes; its handle is closed when the test ends. */
function createRing(t: Test, bytes: number): { ring: RingBuffer; segment: Segment } {
  const segment = scratchSegment(t, { size: RingBuffer.bytesFor(bytes) });
  const ring = RingBuffer.create(segment, { bytes });
  t.teardown(() => ring.close());
  return { ring, segment };
}

function openRing(t: Test, segment: Segment, offset = 0): RingBuffer {
  const ring = RingBuffer.open(segment, offset);
  t.teardown(() => ring.close());
  return ring;
}

function commitRecord(ring: RingBuffer, bytes: number): number {
  const offset = ring.alloc(bytes);
  if (offset !== 0) ring.commit(offset);
  return offset;
}

/** The sequences of all records after `after`. */
function readAll(ring: RingBuffer, after = 0): number[] {
  const sequences: number[] = [];
  for (let record = ring.read(after); record !== undefined; record = ring.read(record.sequence)) {
    sequences.push(record.sequence);
  }
  return sequences;
}

t.test('invalid options are rejected', async (t) => {
  const segment = scratchSegment(t, { size: 8192 });
  const create = (options: unknown): unknown => RingBuffer.create(segment, options as RingBufferOptions);
  for (const bytes of [0, -1, 63, 64.5, 2 ** 31, '4096', undefined, null, Number.NaN]) {
    t.throws(() => create({ bytes }), { ...argument, message: /64 to 2147483640/ }, `bytes ${bytes}`);
  }
  for (const offset of [-64, 1, 63, 0.5, '0', null]) t.throws(() => create({ bytes: 64, offset }), argument);
  t.throws(() => create({ bytes: 8192 }), { code: 'ERR_POOL_FULL', message: /8192 bytes.*has 8192/ });
  t.throws(() => create({ bytes: 64, offset: 8064 }), { code: 'ERR_POOL_FULL' });
  t.throws(() => create({ bytes: 64, offset: 1 << 20 }), { code: 'ERR_POOL_FULL' });
  for (const offset of [0, 64, 8192, 1 << 20]) t.throws(() => RingBuffer.open(segment, offset), argument, 'none there');
  t.throws(() => RingBuffer.open(segment, 1), argument);
});

t.test('a ring fits exactly into bytesFor, in memory of any length', async (t) => {
  for (const bytes of [64, 65, 1_000, 4_096]) {
    const needed = RingBuffer.bytesFor(bytes);
    const small = scratchSegment(t, { size: needed - 1 });
    t.throws(() => RingBuffer.create(small, { bytes }), { code: 'ERR_POOL_FULL' });
    for (const more of [0, 1, 2, 5]) {
      const ring = RingBuffer.create(scratchSegment(t, { size: needed + more }), { bytes });
      const total = Math.ceil(bytes / 8) * 8;
      t.same(ring.stats(), { total, used: 0, spare: total });
    }
  }
});

t.test('invalid arguments change nothing', async (t) => {
  const { ring } = createRing(t, 1024);
  const offset = commitRecord(ring, 100);
  for (const bytes of [0, -1, 1.5, Number.NaN, 1001, 2 ** 31, '8', undefined]) {
    t.throws(() => ring.alloc(bytes as number), { ...argument, message: /from 1 to 1000/ }, `alloc(${bytes})`);
  }
  for (const after of [-1, 0.5, Number.NaN, 2 ** 53, '0', null]) {
    t.throws(() => ring.read(after as number), { ...argument, message: /after/ }, `read(${after})`);
  }
  for (const wrong of [0, -8, offset + 1, offset + 8, offset - 8, offset + 128, 1 << 20, 0.5, Number.NaN, 2 ** 60]) {
    t.throws(() => ring.free(wrong), { ...foreign, message: new RegExp(`${wrong}`) }, `free(${wrong})`);
    t.throws(() => ring.commit(wrong), foreign, `commit(${wrong})`);
  }
  t.throws(() => ring.commit(offset), { ...argument, message: /already committed/ });
  t.same(readAll(ring), [1]);
  t.equal(ring.stats().used, 128);
});

t.test('a record can be read from its commit until it is freed', async (t) => {
  const { ring, segment } = createRing(t, 4096);
  const bytes = Buffer.from(segment.buffer);
  t.equal(ring.read(), undefined);
  const offset = ring.alloc(11);
  t.equal(offset % 8, 0);
  t.equal(ring.read(), undefined, 'not committed');
  bytes.write('eleven byte', offset);
  ring.commit(offset);
  t.same(ring.read(), { sequence: 1, offset, bytes: 11 });
  t.same(ring.read(0), { sequence: 1, offset, bytes: 11 }, 'reading does not remove a record');
  t.equal(ring.read(1), undefined, 'after is exclusive');
  t.equal(ring.read(1_000), undefined);
  t.equal(bytes.toString('utf8', offset, offset + 11), 'eleven byte');
  ring.free(offset);
  t.equal(ring.read(), undefined);
  const next = commitRecord(ring, 1);
  t.same(ring.read(1), { sequence: 2, offset: next, bytes: 1 });
});

t.test('records are read in the order of their allocation, whatever the order of the commits', async (t) => {
  const { ring, segment } = createRing(t, 4096);
  const reader = openRing(t, segment);
  const offsets = [ring.alloc(10), ring.alloc(20), ring.alloc(30)];
  ring.commit(offsets[2]);
  ring.commit(offsets[1]);
  t.equal(reader.read(), undefined, 'the first is still being written, and a reader must not miss it');
  ring.commit(offsets[0]);
  t.same(readAll(reader), [1, 2, 3]);
  t.same(readAll(reader, 1), [2, 3]);
  ring.free(offsets[1]);
  t.same(readAll(reader), [1, 3], 'a freed record is skipped');
  t.same(readAll(reader, 1), [3]);
});

t.test('a record that is discarded before its commit never appears', async (t) => {
  const { ring, segment } = createRing(t, 4096);
  const [first, second] = [ring.alloc(10), ring.alloc(10)];
  ring.commit(second);
  ring.free(first);
  t.same(readAll(ring), [2]);
  t.throws(() => ring.commit(first), doubleFree);
  t.throws(() => ring.free(first), doubleFree);
  const other = openRing(t, segment);
  const third = ring.alloc(10);
  t.throws(() => other.free(third), { ...foreign, message: /written by another/ });
  t.throws(() => other.commit(third), foreign);
  other.alloc(10);
  t.throws(() => other.free(third), foreign);
  ring.commit(third);
  other.free(third);
  t.throws(() => ring.free(third), doubleFree);
});

t.test('alloc returns 0 in a full ring, until the oldest record is freed', async (t) => {
  const { ring } = createRing(t, 1024);
  const offsets = Array.from({ length: 8 }, () => commitRecord(ring, 128 - HEADER));
  t.notOk(offsets.includes(0));
  t.same(ring.stats(), { total: 1024, used: 1024, spare: 0 });
  t.equal(ring.alloc(1), 0);
  ring.free(offsets[1]);
  ring.free(offsets[2]);
  t.equal(ring.alloc(1), 0, 'the oldest record blocks the ring');
  t.equal(ring.stats().used, 1024);
  ring.free(offsets[0]);
  t.same(ring.stats(), { total: 1024, used: 640, spare: 384 });
  t.equal(ring.alloc(3 * 128 - HEADER + 1), 0);
  t.equal(commitRecord(ring, 3 * 128 - HEADER), offsets[0], 'the space of all three in one record');
  t.equal(ring.alloc(1), 0);
  t.same(readAll(ring), [4, 5, 6, 7, 8, 9]);
});

t.test('after a failed allocation, a shorter one can use the end of the memory', async (t) => {
  const { ring } = createRing(t, 1024);
  const first = commitRecord(ring, 512 - HEADER);
  commitRecord(ring, 256 - HEADER);
  t.equal(ring.alloc(512 - HEADER), 0);
  t.not(commitRecord(ring, 256 - HEADER), 0);
  ring.free(first);
  t.equal(commitRecord(ring, 512 - HEADER), first);
});

t.test('an empty ring has room for its longest record, wherever its head is', async (t) => {
  for (const bytes of [64, 72, 80, 88, 200, 1024]) {
    const { ring } = createRing(t, bytes);
    for (let first = 1; first <= ring.maxRecordBytes; first += 3) {
      const offset = ring.alloc(first);
      ring.free(offset);
      t.throws(() => ring.free(offset), doubleFree);
      const longest = ring.alloc(ring.maxRecordBytes);
      if (longest === 0) t.fail(`${bytes} bytes, after a record of ${first}`);
      t.same(ring.stats(), { total: bytes, used: bytes, spare: 0 });
      t.equal(ring.alloc(1), 0);
      ring.free(longest);
      t.same(ring.stats(), { total: bytes, used: 0, spare: bytes });
    }
  }
});

t.test('a filler and the remains of reclaimed records cannot be freed', async (t) => {
  const { ring } = createRing(t, 1024);
  const offsets = [commitRecord(ring, 500), commitRecord(ring, 300)];
  ring.free(offsets[0]);
  t.equal(commitRecord(ring, 400), offsets[0], 'restarts at the beginning');
  const filler = offsets[1] + 304 + HEADER;
  t.throws(() => ring.free(filler), foreign);
  t.throws(() => ring.commit(filler), foreign);
  ring.free(offsets[1]);
  commitRecord(ring, 500);
  t.throws(() => ring.free(offsets[1]), doubleFree, 'its space has not been overwritten');
  t.same(readAll(ring), [3, 4]);
});

t.test('bytes that look like a header are not a record', async (t) => {
  const { ring, segment } = createRing(t, 1024);
  const offset = ring.alloc(500);
  for (const value of [0, 0xff, 1]) {
    Buffer.from(segment.buffer).fill(value, offset, offset + 500);
    for (let at = offset + 8; at < offset + 500; at += 4) t.throws(() => ring.free(at), foreign);
  }
});

t.test('over a thousand laps, every byte of records of all lengths arrives, in order', async (t) => {
  for (const bytes of [64, 256, 1000, 4096]) {
    const { ring, segment } = createRing(t, bytes);
    const reader = openRing(t, segment);
    const memory = Buffer.from(segment.buffer);
    let [written, read, seed] = [0, 0, bytes];
    const random = (limit: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
      return (seed >>> 8) % limit;
    };
    const held: number[] = [];
    while (read < 4_000) {
      const length = 1 + random(Math.min(ring.maxRecordBytes, 400));
      const offset = random(3) > 0 ? ring.alloc(length) : 0;
      if (offset !== 0) {
        memory.fill(++written & 0xff, offset, offset + length);
        ring.commit(offset);
      }
      const record = random(3) > 0 ? reader.read(read) : undefined;
      if (record !== undefined) {
        if (record.sequence !== ++read) t.fail(`record ${record.sequence} instead of ${read}`);
        const payload = memory.subarray(record.offset, record.offset + record.bytes);
        if (!payload.every((byte) => byte === (read & 0xff))) t.fail(`record ${read} is damaged`);
        held.push(record.offset);
      }
      // Freed out of order.
      if (held.length > 0 && random(2) > 0) reader.free(held.splice(random(held.length), 1)[0]);
    }
    t.ok(reader.stats().used <= bytes, `${bytes} bytes`);
  }
});

t.test('a reader that has fallen behind continues with the oldest record', async (t) => {
  const { ring, segment } = createRing(t, 1024);
  const reader = openRing(t, segment);
  commitRecord(ring, 40);
  t.equal(reader.read()?.sequence, 1);
  for (let sequence = 2; sequence <= 100; sequence++) {
    while (commitRecord(ring, 40) === 0) {
      const oldest = ring.read();
      if (oldest !== undefined) ring.free(oldest.offset);
    }
  }
  const seen = readAll(reader, 1);
  t.equal(seen[seen.length - 1], 100);
  t.same(
    seen,
    Array.from({ length: seen.length }, (_, i) => 101 - seen.length + i),
  );
  t.same(readAll(reader), seen, 'from the beginning');
});

t.test('reading and freeing the oldest record repeatedly does not walk over records freed before', async (t) => {
  const { ring } = createRing(t, 1 << 20);
  const records = 20_000;
  for (let i = 0; i < records; i++) commitRecord(ring, 8);
  const start = performance.now();
  for (let sequence = 1; sequence <= records; sequence++) {
    const oldest = ring.read();
    if (oldest?.sequence !== sequence) t.fail(`${oldest?.sequence} instead of ${sequence}`);
    ring.free(oldest?.offset ?? 0);
  }
  const ms = performance.now() - start;
  t.ok(ms < 1_000, `${records} records in ${ms.toFixed(0)} ms; walking takes several seconds`);
  t.equal(ring.stats().used, 0);
});

t.test('rings and other pools may share a segment, and open finds each', async (t) => {
  const segment = scratchSegment(t, { size: 1 << 16 });
  const rings = [0, 4096, 8192].map((offset) => RingBuffer.create(segment, { bytes: 2048, offset }));
  t.teardown(() => {
    for (const ring of rings) ring.close();
  });
  for (const [i, ring] of rings.entries()) for (let n = 0; n <= i; n++) commitRecord(ring, 100);
  for (const [i, ring] of rings.entries()) {
    const again = openRing(t, segment, i * 4096);
    t.equal(again.bytes, 2048);
    t.same(again.stats(), ring.stats());
    t.equal(readAll(again).length, i + 1);
  }
});

t.test('create creates an empty ring, whatever the memory contains', async (t) => {
  const segment = scratchSegment(t, { size: 8192 });
  Buffer.from(segment.buffer).fill(0xff);
  const ring = RingBuffer.create(segment, { bytes: 8000 });
  t.teardown(() => ring.close());
  t.equal(ring.read(), undefined);
  commitRecord(ring, 4000);
  t.same(readAll(ring), [1]);
});

t.test('close discards uncommitted records; destroy closes the ring for every handle', async (t) => {
  const { ring, segment } = createRing(t, 1024);
  const other = openRing(t, segment);
  // Otherwise it would take the slot of the closed handle, and discard its records.
  ring.free(ring.alloc(1));
  const kept = commitRecord(other, 10);
  const lost = other.alloc(10);
  other.close();
  other.close();
  t.throws(() => other.commit(lost), foreign);
  t.throws(() => other.alloc(10), { code: 'ERR_SEGMENT_NOT_FOUND' });
  commitRecord(ring, 10);
  t.same(readAll(ring), [2, 4]);
  ring.free(kept);
  t.equal(ring.stats().used, 80, 'discarded records count as used until settle is called');
  t.equal(ring.settle(), 1);
  t.equal(ring.settle(), 0);
  t.equal(ring.stats().used, 40);

  const reader = openRing(t, segment);
  ring.destroy();
  for (const operation of [() => reader.alloc(1), () => reader.read(), () => reader.stats(), () => reader.settle()]) {
    t.throws(operation, { ...argument, message: /no RingBuffer/ });
  }
  t.throws(() => RingBuffer.open(segment), argument);
});

t.test('records can be read in a read-only segment', async (t) => {
  const { ring, segment } = createRing(t, 1024);
  const readOnly = Segment.open({ name: segment.name, readOnly: true });
  t.teardown(() => readOnly.close());
  const reader = openRing(t, readOnly);
  const offset = commitRecord(ring, 10);
  const writing = ring.alloc(10);
  t.same(readAll(reader), [1]);
  ring.commit(writing);
  t.same(readAll(reader), [1, 2]);
  t.equal(reader.stats().used, 80);
  ring.alloc(10);
  ring.close();
  commitRecord(openRing(t, segment), 10);
  t.same(readAll(reader), [1, 2, 4], 'a read-only handle also detects that a producer is dead');
  for (const operation of [
    () => reader.alloc(1),
    () => reader.commit(offset),
    () => reader.free(offset),
    () => reader.settle(),
    () => reader.destroy(),
    () => RingBuffer.create(readOnly, { bytes: 64 }),
  ]) {
    t.throws(operation, { code: 'ERR_READ_ONLY' });
  }
});

t.test('a ring works in segments of every backend', async (t) => {
  for (const backend of [...BACKENDS, 'devzero'] as const) {
    const segment =
      backend === 'devzero'
        ? Segment.create({ backend, name: scratchName(), size: 4096 })
        : scratchSegment(t, { backend });
    const ring = RingBuffer.create(segment, { bytes: 1024 });
    const offset = ring.alloc(10);
    t.equal(ring.read(), undefined, backend);
    ring.commit(offset);
    t.same(ring.read(), { sequence: 1, offset, bytes: 10 });
    ring.close();
    if (backend === 'devzero') segment.close();
  }
});

t.test('exactly the maximum number of handles can write, and closing one allows another', async (t) => {
  const { ring, segment } = createRing(t, 64);
  const limit = 128 + 64 - 1;
  const handles = Array.from({ length: limit }, () => RingBuffer.open(segment));
  t.teardown(() => {
    for (const handle of handles) handle.close();
  });
  for (const handle of handles) handle.free(handle.alloc(1));
  t.throws(() => ring.alloc(1), { code: 'ERR_TOO_MANY_PARTICIPANTS', message: new RegExp(`${limit}`) });
  t.equal(ring.read(), undefined, 'reading needs no slot');
  handles[70].alloc(1);
  handles[70].close();
  t.not(ring.alloc(40), 0, 'its records are reclaimed');
});
