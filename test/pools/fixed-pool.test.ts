import t from 'tap';
import { FixedPool, type FixedPoolOptions } from '../../src/pools/index.js';
import { Child } from '../table/child.js';
import { scratchSegment } from './scratch-segment.js';

const argument = { code: 'ERR_ARGUMENT' };

/** A pool in memory of this thread: of a segment it needs only the buffer. */
function createPool(options: FixedPoolOptions, bytes = 1 << 20): { buffer: ArrayBuffer; pool: FixedPool } {
  const buffer = new ArrayBuffer(bytes);
  return { buffer, pool: FixedPool.create({ buffer }, options) };
}

t.test('invalid options are rejected', async (t) => {
  const segment = { buffer: new ArrayBuffer(4096) };
  const create = (options: unknown): unknown => FixedPool.create(segment, options as FixedPoolOptions);
  for (const slices of [0, -1, 1.5, 2 ** 31, '5', undefined, Number.NaN]) {
    t.throws(() => create({ slices, sliceBytes: 8 }), { ...argument, message: /slices/ }, `slices ${slices}`);
  }
  for (const sliceBytes of [0, -1, 1.5, 2 ** 31, '5', undefined]) {
    t.throws(
      () => create({ slices: 1, sliceBytes }),
      { ...argument, message: /sliceBytes/ },
      `sliceBytes ${sliceBytes}`,
    );
  }
  for (const offset of [-64, 1, 63, 0.5, '0']) t.throws(() => create({ slices: 1, sliceBytes: 8, offset }), argument);
  t.throws(() => create({ slices: 1_000, sliceBytes: 8 }), { code: 'ERR_POOL_FULL', message: /1000.*4096/ });
  const most = 2 ** 31 - 1;
  t.throws(() => create({ slices: most, sliceBytes: most }), { code: 'ERR_POOL_FULL' }, 'a product beyond all memory');
  t.throws(() => create({ slices: 1, sliceBytes: 8, offset: 8192 }), { code: 'ERR_POOL_FULL' });
  t.throws(() => create({ slices: 1, sliceBytes: 8, offset: 4096 }), { code: 'ERR_POOL_FULL' });
  t.throws(() => FixedPool.open(segment), argument, 'nothing was created');
});

t.test('a pool fits exactly into bytesFor', async (t) => {
  for (const slices of [1, 31, 32, 33, 1_000, 1_024, 1_025, 33_000]) {
    const bytes = FixedPool.bytesFor(slices, 20);
    t.throws(() => createPool({ slices, sliceBytes: 20 }, bytes - 64), { code: 'ERR_POOL_FULL' });
    const { pool } = createPool({ slices, sliceBytes: 20 }, bytes);
    t.same(pool.stats(), { total: slices, used: 0, spare: slices });
  }
});

t.test('alloc returns each slice once, then 0; freed slices are allocated again', async (t) => {
  for (const slices of [1, 2, 31, 32, 33, 64, 1_000, 1_025, 40_000]) {
    const { pool, buffer } = createPool({ slices, sliceBytes: 12 }, 4 << 20);
    const bytes = new Uint8Array(buffer);
    for (let round = 0; round < 2; round++) {
      const offsets = Array.from({ length: slices }, () => pool.alloc());
      const sorted = [...offsets].sort((a, b) => a - b);
      if (sorted[0] <= 0) t.fail('0 is not a slice');
      for (let i = 1; i < slices; i++) if (sorted[i] - sorted[i - 1] < 12) t.fail('slices overlap');
      if (offsets.some((offset) => offset % 8 !== 0)) t.fail('slices are aligned to 8 bytes');
      for (const offset of offsets) bytes.fill(0xff, offset, offset + 12);
      t.equal(pool.alloc(), 0, `none of ${slices} is left`);
      t.equal(pool.alloc(), 0);
      t.same(pool.stats(), { total: slices, used: slices, spare: 0 });
      const middle = offsets[slices >> 1];
      pool.free(middle);
      t.equal(pool.alloc(), middle, 'the slice that was freed');
      for (const offset of offsets.sort(() => Math.random() - 0.5)) pool.free(offset);
      t.same(pool.stats(), { total: slices, used: 0, spare: slices });
    }
  }
});

t.test('writing and freeing every slice, the last one included, touches nothing around the pool', async (t) => {
  const guard = 0xa5;
  for (const slices of [1, 2, 32, 33]) {
    const poolBytes = FixedPool.bytesFor(slices, 20);
    const buffer = new ArrayBuffer(64 + poolBytes + 64);
    const [front, behind] = [
      new Uint8Array(buffer, 0, 64).fill(guard),
      new Uint8Array(buffer, 64 + poolBytes).fill(guard),
    ];
    const pool = FixedPool.create({ buffer }, { slices, sliceBytes: 20, offset: 64 });
    const bytes = new Uint8Array(buffer);
    const offsets = Array.from({ length: slices }, () => pool.alloc(20));
    for (const [i, offset] of offsets.entries()) bytes.fill(i + 1, offset, offset + 20);
    for (const [i, offset] of offsets.entries()) {
      if (bytes.subarray(offset, offset + 20).some((byte) => byte !== i + 1)) t.fail(`slice at ${offset}`);
    }
    t.equal(pool.alloc(), 0);
    for (const offset of offsets) pool.free(offset);
    t.same(pool.stats(), { total: slices, used: 0, spare: slices });
    t.ok(
      [...front, ...behind].every((byte) => byte === guard),
      `${slices} slices`,
    );
  }
});

t.test('a double free and a foreign offset are errors', async (t) => {
  const { pool } = createPool({ slices: 10, sliceBytes: 16 });
  const [a, b] = [pool.alloc(), pool.alloc()];
  pool.free(a);
  t.throws(() => pool.free(a), { code: 'ERR_POOL_DOUBLE_FREE', message: new RegExp(`${a}`) });
  t.throws(() => pool.link(a), { code: 'ERR_POOL_DOUBLE_FREE' });
  const stride = pool.strideBytes;
  for (const offset of [0, -8, b + 1, b + 8, b - 1, b + 100 * stride, 0.5, Number.NaN, 2 ** 40]) {
    t.throws(() => pool.free(offset), { code: 'ERR_POOL_FOREIGN' }, `offset ${offset}`);
    t.throws(() => pool.link(offset), { code: 'ERR_POOL_FOREIGN' });
  }
  t.same(pool.stats(), { total: 10, used: 1, spare: 9 });
});

t.test('alloc checks the requested bytes and the owner', async (t) => {
  const { pool } = createPool({ slices: 10, sliceBytes: 16 });
  t.ok(pool.alloc(16) > 0);
  t.ok(pool.alloc(1) > 0);
  for (const bytes of [17, 0, -1, 1.5, Number.NaN]) t.throws(() => pool.alloc(bytes), argument, `${bytes} bytes`);
  t.throws(() => pool.alloc(17), { message: /17.*16|16.*17/ });
  for (const owner of [0, -1, 1.5, 2 ** 31]) t.throws(() => pool.alloc(16, owner), argument, `owner ${owner}`);
  t.equal(pool.stats().used, 2);
});

t.test('open finds the same slices; destroy closes the pool', async (t) => {
  const { pool, buffer } = createPool({ slices: 10, sliceBytes: 16, offset: 128 });
  const offset = pool.alloc();
  const other = FixedPool.open({ buffer }, 128);
  t.same(other.stats(), { total: 10, used: 1, spare: 9 });
  t.equal(other.sliceBytes, 16);
  other.free(offset);
  t.equal(pool.stats().used, 0);
  for (const wrong of [0, 64, 1 << 20, 1 << 21]) t.throws(() => FixedPool.open({ buffer }, wrong), argument);
  pool.destroy();
  t.throws(() => FixedPool.open({ buffer }, 128), argument);
});

t.test('settle frees the slices that a dead owner had allocated but not linked', async (t) => {
  const { pool } = createPool({ slices: 10, sliceBytes: 16 });
  const linked = pool.alloc(16, 7);
  pool.link(linked);
  pool.alloc(16, 7);
  pool.alloc(16, 7);
  const others = pool.alloc(16, 8);
  t.equal(pool.settle(7), 2);
  t.equal(pool.settle(7), 0);
  t.equal(pool.stats().used, 2);
  pool.free(others);
  pool.free(linked);
  t.equal(pool.stats().used, 0);
});

t.test('in a full pool, freeing one slice allows one allocation', async (t) => {
  const { pool } = createPool({ slices: 5, sliceBytes: 16 });
  const offsets = Array.from({ length: 5 }, () => pool.alloc());
  for (const offset of offsets) {
    t.equal(pool.alloc(), 0);
    pool.free(offset);
    t.equal(pool.alloc(), offset);
    t.equal(pool.alloc(), 0);
  }
});

t.test('while 4 processes allocate and free, no slice has two owners and none leaks', async (t) => {
  const segment = scratchSegment(t, 1 << 20);
  const pool = FixedPool.create(segment, { slices: 100, sliceBytes: 16 });
  const children = [1, 2, 3, 4].map((own) => Child.start<unknown>(t, 'pool-taker', segment.name, own, 60_000));
  for (const child of children) t.equal(await child.next(), 'ready');
  for (const child of children) child.go();
  for (const child of children) t.same(await child.next(), { stolen: 0 });
  for (const child of children) t.equal(await child.ended, 0);
  t.same(pool.stats(), { total: 100, used: 0, spare: 100 });
  t.same([...pool.problems()], []);
  const offsets = new Set(Array.from({ length: 100 }, () => pool.alloc()));
  t.equal(offsets.size, 100);
  t.equal(offsets.has(0), false);
});

t.test('settle frees everything that killed processes had allocated', async (t) => {
  const segment = scratchSegment(t, 1 << 20);
  const pool = FixedPool.create(segment, { slices: 100, sliceBytes: 16 });
  for (let round = 1; round <= 10; round++) {
    const child = Child.start<unknown>(t, 'pool-taker', segment.name, round, 1e9);
    await child.next();
    child.go();
    while (pool.stats().used === 0) await new Promise((resolve) => setImmediate(resolve));
    child.process.kill('SIGKILL');
    t.equal(await child.ended, 'SIGKILL');
    pool.settle(round);
    t.same(pool.stats(), { total: 100, used: 0, spare: 100 });
    t.same([...pool.problems()], []);
  }
});
