import { randomBytes } from 'node:crypto';
import t from 'tap';
import xxhash from 'xxhash-wasm';
import { xxh32 } from '../../src/table/hash.js';

t.test('is XXH32: bytes of length 0 to 255, random seeds', async (t) => {
  const { h32Raw } = await xxhash();
  const wrong: unknown[] = [];
  for (let length = 0; length <= 255; length++) {
    for (const seed of [
      0,
      1,
      -1,
      0x7fffffff,
      -0x80000000,
      randomBytes(4).readInt32LE(),
      randomBytes(4).readInt32LE(),
    ]) {
      const words = new Int32Array(64);
      const bytes = Buffer.from(words.buffer);
      randomBytes(length).copy(bytes);
      const expected = h32Raw(bytes.subarray(0, length), seed >>> 0);
      const actual = xxh32(words, length, seed) >>> 0;
      if (actual !== expected) wrong.push({ length, seed, actual, expected });
    }
  }
  t.same(wrong.slice(0, 5), []);
});

t.test('reads no byte behind the last', async (t) => {
  for (let length = 0; length <= 40; length++) {
    const words = new Int32Array(64);
    Buffer.from(words.buffer).fill(7, 0, length);
    const before = xxh32(words, length, 5);
    Buffer.from(words.buffer).fill(0xff, length);
    t.equal(xxh32(words, length, 5), before);
  }
});
