import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { ByteCollector } from '../../../src/server/bodies/byte-collector.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

t.test('the bytes come back in order, whatever the sizes of the pieces', async (t) => {
  const all = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
  const collector = new ByteCollector();
  t.same(collector.take(), Buffer.alloc(0));
  for (const sizes of [[1], [1023], [1024], [1, 1024], [3, 0, 70_000, 1, 500], [300_000], [1, 2000, 1, 1]]) {
    for (let at = 0, i = 0; at < all.length; i++) {
      const size = sizes[i % sizes.length];
      // A copy, because the sender of a piece may not use its memory again.
      collector.add(Buffer.from(all.subarray(at, at + size)));
      at += size;
      if (collector.length !== Math.min(at, all.length)) t.equal(collector.length, at);
    }
    t.ok(collector.take().equals(all), `pieces of ${sizes}`);
    t.equal(collector.length, 0);
  }
});

t.test('pieces take about as much memory as their bytes', async (t) => {
  const bytes = 300_000;
  for (const sizes of [[1], [1, 1024]]) {
    const collector = new ByteCollector();
    const before = usedBytes();
    for (let i = 0; collector.length < bytes; i++) collector.add(Buffer.alloc(sizes[i % sizes.length], 'a'));
    const used = usedBytes() - before;
    t.ok(used < 8 * bytes, `${bytes} bytes in pieces of ${sizes} take ${used}`);
    t.ok(collector.take().length >= bytes);
  }
});

function usedBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
