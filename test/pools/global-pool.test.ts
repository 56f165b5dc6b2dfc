import t from 'tap';
import { GlobalPool, type GlobalPoolOptions } from '../../src/pools/index.js';
import { Child } from '../table/child.js';
import { scratchSegment } from './scratch-segment.js';

const argument = { code: 'ERR_ARGUMENT' };
const HEADER_BYTES = 64;

/** A pool in memory of this thread: of a segment it needs only the buffer. */
function createPool(options: GlobalPoolOptions, bytes: number): { buffer: ArrayBuffer; pool: GlobalPool } {
  const buffer = new ArrayBuffer(bytes);
  return { buffer, pool: GlobalPool.create({ buffer }, options) };
}

t.test('invalid options are rejected', async (t) => {
  const segment = { buffer: new ArrayBuffer(4096) };
  const create = (options: unknown): unknown => GlobalPool.create(segment, options as GlobalPoolOptions);
  for (const pageBytes of [0, -1, 1.5, 2 ** 31, '5', undefined, Number.NaN]) {
    t.throws(() => create({ pageBytes }), { ...argument, message: /pageBytes/ }, `pageBytes ${pageBytes}`);
  }
  for (const offset of [-64, 1, 63, 0.5, '0']) t.throws(() => create({ pageBytes: 8, offset }), argument);
  t.throws(() => create({ pageBytes: 4096 }), { code: 'ERR_POOL_FULL', message: /4096.*4160.*4096/ });
  for (const offset of [4032, 4096, 8192]) {
    t.throws(() => create({ pageBytes: 8, offset }), { code: 'ERR_POOL_FULL', message: new RegExp(`${offset}`) });
  }
  for (const offset of [0, 64, 4096, 8192])
    t.throws(() => GlobalPool.open(segment, offset), argument, 'nothing was created');
});

t.test('a page may fit exactly', async (t) => {
  const { pool } = createPool({ pageBytes: 100 }, HEADER_BYTES + 104);
  t.same(pool.stats(), { total: 104, used: 0, spare: 104 });
  t.equal(pool.alloc(100), HEADER_BYTES);
  t.equal(pool.alloc(1), 0);
  t.throws(() => createPool({ pageBytes: 100 }, HEADER_BYTES + 103), { code: 'ERR_POOL_FULL' });
});

t.test('a request must be an integer from 1 to pageBytes', async (t) => {
  const { pool } = createPool({ pageBytes: 256 }, 4096);
  for (const bytes of [0, -1, 1.5, Number.NaN, '8', undefined]) {
    t.throws(() => pool.alloc(bytes as number), argument, `${bytes} bytes`);
  }
  t.throws(() => pool.alloc(257), { ...argument, message: /256.*257/ }, 'the message has both numbers');
  t.equal(pool.stats().used, 0);
});

t.test('allocations never overlap, are aligned and zero, and are within one page', async (t) => {
  const pageBytes = 1000;
  const { pool, buffer } = createPool({ pageBytes, offset: 128 }, 1 << 16);
  const bytes = new Uint8Array(buffer);
  const { total } = pool.stats();
  t.equal(total, Math.floor((65_536 - 128 - HEADER_BYTES) / pageBytes) * pageBytes);
  let used = 0;
  let last = 0;
  for (let i = 0; ; i++) {
    const asked = 1 + ((i * 37) % pageBytes);
    const offset = pool.alloc(asked);
    if (offset === 0) break;
    if (offset % 8 !== 0) t.fail(`${offset} is not aligned`);
    if (offset < last) t.fail(`${offset} overlaps`);
    const page = (at: number) => Math.floor((at - 128 - HEADER_BYTES) / pageBytes);
    if (page(offset) !== page(offset + asked - 1)) t.fail(`${offset} with ${asked} bytes crosses a page`);
    if (bytes.subarray(offset, offset + asked).some((byte) => byte !== 0)) t.fail(`${offset} was written to`);
    bytes.fill(0xff, offset, offset + asked);
    last = offset + asked;
    const stats = pool.stats();
    if (stats.used <= used || stats.used + stats.spare !== total) t.fail(`stats ${JSON.stringify(stats)}`);
    used = stats.used;
  }
  t.ok(used > total - 2 * pageBytes, `${used} bytes of ${total}`);
});

t.test('when no page is left, smaller requests get the rest of the last one', async (t) => {
  const { pool } = createPool({ pageBytes: 64 }, HEADER_BYTES + 128);
  t.equal(pool.alloc(40), HEADER_BYTES);
  t.equal(pool.alloc(40), HEADER_BYTES + 64, 'the next page');
  t.equal(pool.alloc(40), 0);
  t.same(pool.stats(), { total: 128, used: 104, spare: 24 });
  t.equal(pool.alloc(24), HEADER_BYTES + 104);
  t.equal(pool.alloc(1), 0);
  t.same(pool.stats(), { total: 128, used: 128, spare: 0 });
});

t.test('open continues with the current page; destroy closes the pool', async (t) => {
  const { pool, buffer } = createPool({ pageBytes: 64, offset: 64 }, 4096);
  const first = pool.alloc(8);
  const other = GlobalPool.open({ buffer }, 64);
  t.equal(other.pageBytes, 64);
  t.equal(other.alloc(8), first + 8);
  t.equal(pool.alloc(8), first + 16);
  t.same(other.stats(), pool.stats());
  for (const wrong of [0, 128, 4096, 1 << 20]) t.throws(() => GlobalPool.open({ buffer }, wrong), argument);
  pool.destroy();
  t.throws(() => GlobalPool.open({ buffer }, 64), argument);
  t.equal(GlobalPool.create({ buffer }, { pageBytes: 64, offset: 64 }).stats().used, 0);
});

t.test('with damaged memory nothing outside the pool is allocated', async (t) => {
  const { buffer } = createPool({ pageBytes: 64 }, 4096);
  const words = new Int32Array(buffer);
  const [, , pages] = words;
  for (const position of [-1, -(2 ** 31), 2 ** 31 - 1]) {
    words[3] = position;
    t.equal(GlobalPool.open({ buffer }).alloc(8), 0, `position ${position}`);
  }
  for (const wrong of [0, -1, pages + 1]) {
    words[2] = wrong;
    t.throws(() => GlobalPool.open({ buffer }), argument, `${wrong} pages`);
  }
});

t.test('a pool does not grow with its segment, and keeps its allocations', async (t) => {
  const segment = scratchSegment(t, 8192);
  const pool = GlobalPool.create(segment, { pageBytes: 1024 });
  const { total } = pool.stats();
  const offset = pool.alloc(8);
  segment.grow(1 << 20);
  const again = GlobalPool.open(segment);
  t.equal(again.stats().total, total);
  t.equal(again.alloc(8), offset + 8);
});

t.test('when 4 processes allocate until nothing is left, no byte is allocated twice', async (t) => {
  const segment = scratchSegment(t, 32 << 20);
  const pool = GlobalPool.create(segment, { pageBytes: 4096 });
  const children = [1, 2, 3, 4].map((own) =>
    Child.start<{ allocations: number; bytes: number }>(t, 'global-allocator', segment.name, own),
  );
  for (const child of children) t.equal(await child.next(), 'ready');
  for (const child of children) child.go();
  const words = new Int32Array(segment.buffer);
  let expected = 0;
  for (const child of children) {
    const { allocations, bytes } = await child.next();
    t.comment(`${allocations} allocations`);
    expected += bytes;
  }
  for (const child of children) t.equal(await child.ended, 0);
  let marked = 0;
  for (let word = HEADER_BYTES / 4; word < words.length; word++) if (words[word] !== 0) marked += 4;
  t.equal(marked, expected, 'every byte that was marked is still marked, once');
  t.equal(pool.alloc(8), 0);
});

t.test('memory of any size can be used; an incomplete word at the end is left out', async (t) => {
  for (let rest = 0; rest < 8; rest++) {
    const { pool, buffer } = createPool({ pageBytes: 64 }, 4096 + rest);
    t.equal(GlobalPool.open({ buffer }).alloc(64), pool.alloc(64) - 64, `${rest} bytes more`);
  }
});
