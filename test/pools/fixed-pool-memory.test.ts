import { readFileSync } from 'node:fs';
import t from 'tap';
import { FixedPool, type Segment } from '../../src/pools/index.js';
import { canTrapStores, loadStoreTrap } from '../proofs/store-trap.js';
import { scratchSegment } from './scratch-segment.js';

const SLICES = 1_000_000;
const SLICE_BYTES = 128;
const PAGE_BYTES = 4096;

/** Bytes of a segment that this process has touched, according to the kernel. */
function touchedBytes(segment: Segment): number {
  const maps = readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const own = maps.filter((map) => map.includes(segment.name));
  return own.reduce((sum, map) => sum + 1024 * Number(/^Rss: +(\d+) kB/m.exec(map)?.[1] ?? 0), 0);
}

t.test('a pool of 1,000,000 slices of 128 bytes takes no resident memory before it is used', async (t) => {
  const before = process.memoryUsage.rss();
  const segment = scratchSegment(t, FixedPool.bytesFor(SLICES, SLICE_BYTES));
  const pool = FixedPool.create(segment, { slices: SLICES, sliceBytes: SLICE_BYTES });
  const added = process.memoryUsage.rss() - before;
  t.ok(added < 5e6, `${added} bytes more in this process, of ${segment.size} reserved`);
  t.ok(touchedBytes(segment) <= 8 * PAGE_BYTES, `${touchedBytes(segment)} bytes of it touched`);

  const words = new Int32Array(segment.buffer);
  const held = Array.from({ length: 10_000 }, () => pool.alloc());
  for (const offset of held) words[offset / 4] = 1;
  const used = held.length * pool.strideBytes;
  t.ok(touchedBytes(segment) < used + 16 * PAGE_BYTES, `${touchedBytes(segment)} bytes touched for ${used} used`);
  for (const offset of held) pool.free(offset);
  for (let i = 0; i < 100_000; i++) pool.free(pool.alloc());
  t.ok(touchedBytes(segment) < used + 16 * PAGE_BYTES, 'freed slices are used again before untouched ones');
});

if (canTrapStores) {
  t.test('create stores a few words, whatever the number of slices', async (t) => {
    const trap = loadStoreTrap();
    const counts = [100, 1_000, 100_000, SLICES].map((slices) => {
      const segment = scratchSegment(t, FixedPool.bytesFor(slices, SLICE_BYTES));
      trap.arm(segment.buffer, -1, 0);
      FixedPool.create(segment, { slices, sliceBytes: SLICE_BYTES });
      return trap.disarm();
    });
    // Header, and one word for each level of the tree of hints: four levels for a million.
    t.ok(Math.max(...counts) <= 8, `stores for 100, 1,000, 100,000 and 1,000,000 slices: ${counts.join(', ')}`);
  });
}
