import { randomBytes } from 'node:crypto';
import t from 'tap';
import { halfSipHash } from '../../src/table/hash.js';

/**
 * SipHash on 32-bit words, with c rounds for each word and d at the end, written as in its paper: slow, but readable.
 */
function reference(bytes: Buffer, key0: number, key1: number, c: number, d: number): number {
  const v = Uint32Array.of(key0, key1, 0x6c796765 ^ key0, 0x74656462 ^ key1);
  const rotate = (i: number, by: number): void => {
    v[i] = (v[i] << by) | (v[i] >>> (32 - by));
  };
  const mix = (a: number, b: number, by: number): void => {
    v[a] += v[b];
    rotate(b, by);
    v[b] ^= v[a];
  };
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      mix(0, 1, 5);
      rotate(0, 16);
      mix(2, 3, 8);
      mix(0, 3, 7);
      mix(2, 1, 13);
      rotate(2, 16);
    }
  };
  const padded = Buffer.alloc(Math.floor(bytes.length / 4) * 4 + 4);
  bytes.copy(padded);
  padded[padded.length - 1] = bytes.length;
  for (let at = 0; at < padded.length; at += 4) {
    v[3] ^= padded.readUInt32LE(at);
    rounds(c);
    v[0] ^= padded.readUInt32LE(at);
  }
  v[2] ^= 0xff;
  rounds(d);
  return (v[1] ^ v[3]) >>> 0;
}

function hashOf(bytes: Buffer, key0: number, key1: number): number {
  const words = new Int32Array(64);
  bytes.copy(Buffer.from(words.buffer));
  return halfSipHash(words, bytes.length, key0, key1) >>> 0;
}

/** The key of the published vectors: bytes 0 to 7. Message n consists of the bytes 0 to n - 1. */
const [KEY0, KEY1] = [0x03020100, 0x07060504];
const message = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => i));

t.test('the reference implementation computes the published vectors of HalfSipHash-2-4', async (t) => {
  const published = [0x5b9f35a9, 0xb85a4727, 0x03a662fa, 0x04e7fe8a];
  t.same(
    published.map((_, length) => reference(message(length), KEY0, KEY1, 2, 4)),
    published,
  );
});

t.test('the hash gives the published vectors of HalfSipHash-1-3', async (t) => {
  const published = [0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6];
  t.same(
    published.map((_, length) => hashOf(message(length), KEY0, KEY1)),
    published,
  );
});

t.test('the hash of 0 to 255 bytes is that of the reference, with random keys', async (t) => {
  const wrong: unknown[] = [];
  for (let length = 0; length <= 255; length++) {
    const bytes = randomBytes(length);
    for (const key of [0, -1, 0x7fffffff, -0x80000000, randomBytes(4).readInt32LE()]) {
      const expected = reference(bytes, key, ~key, 1, 3);
      const actual = hashOf(bytes, key, ~key);
      if (actual !== expected) wrong.push({ length, key, actual, expected });
    }
  }
  t.same(wrong.slice(0, 5), []);
});

t.test('no byte beyond the last is read', async (t) => {
  for (let length = 0; length <= 40; length++) {
    const words = new Int32Array(64);
    Buffer.from(words.buffer).fill(7, 0, length);
    const before = halfSipHash(words, length, 5, 6);
    words.fill(-1, Math.ceil(length / 4));
    t.equal(halfSipHash(words, length, 5, 6), before);
  }
});
