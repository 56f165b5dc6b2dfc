import { existsSync } from 'node:fs';
import t from 'tap';
import type { BackendName } from '../../src/memory/index.js';
import { Segment } from '../../src/memory/index.js';
import { placeOf } from '../fixtures/segment-place.js';
import { BACKENDS, openFiles, scratchName, scratchSegment } from './scratch-segment.js';

/** Values of a wrong type, as a JavaScript program could pass them. */
function untyped<T>(value: unknown): T {
  return value as T;
}

t.test('invalid names are rejected', async (t) => {
  for (const name of [
    '',
    '.hidden',
    '..',
    '/a',
    'a/b',
    'a b',
    'ä',
    'a\0b',
    'a\n',
    'x'.repeat(201),
    untyped<string>(7),
  ]) {
    const expected = { code: 'ERR_ARGUMENT', message: /1 to 200 characters/ };
    for (const backend of BACKENDS) {
      t.throws(() => Segment.create({ ...placeOf(backend, name), size: 64 }), expected, `create ${String(name)}`);
      t.throws(() => Segment.open({ ...placeOf(backend, name) }), expected, `open ${String(name)}`);
    }
  }
  for (const backend of BACKENDS) {
    const name = `${scratchName()}.a:B_-`.padEnd(200, 'x');
    t.equal(scratchSegment(t, { backend, name }).name, name, 'the longest name');
  }
});

t.test('invalid sizes are rejected', async (t) => {
  for (const size of [
    0,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    untyped<number>('64'),
    untyped<number>(undefined),
  ]) {
    const expected = { code: 'ERR_ARGUMENT', message: new RegExp(`got ${size}|got "64"`) };
    t.throws(() => Segment.create({ name: scratchName(), size }), expected, `size ${size}`);
  }
  for (const backend of BACKENDS) {
    const segment = scratchSegment(t, { backend, size: 1 });
    t.equal(segment.size, 1);
    t.equal(segment.buffer.byteLength, 1);
  }
});

t.test('a size that is too large for an ArrayBuffer or for the machine is rejected', async (t) => {
  const before = openFiles();
  for (const backend of BACKENDS) {
    const name = scratchName();
    t.throws(() => Segment.create({ ...placeOf(backend, name), size: 2 ** 52 }), {
      code: process.versions.node.startsWith('20.') ? 'ERR_SEGMENT_TOO_LARGE' : 'ERR_SEGMENT_NO_SPACE',
      // With the file backend, the size includes the boot record.
      message: /45035996\d{8} bytes.*\d+/,
    });
    const expected = { code: 'ERR_SEGMENT_TOO_LARGE', message: /8589934592 bytes exceeds the 4294967296/ };
    if (process.versions.node.startsWith('20.')) {
      t.throws(() => Segment.create({ ...placeOf(backend, name), size: 2 ** 33 }), expected);
    }
    const segment = scratchSegment(t, { backend, name });
    new Uint8Array(segment.buffer)[0] = 1;
    t.throws(() => segment.grow(2 ** 52), { code: /^ERR_(SEGMENT_(TOO_LARGE|NO_SPACE)|BACKEND_UNSUPPORTED)$/ });
    t.equal(segment.size, 4096);
    t.equal(new Uint8Array(segment.buffer)[0], 1, 'a failed grow changes nothing');
    segment.unlink();
    segment.close();
  }
  t.same(openFiles(), before, 'no descriptor is left open');
});

t.test('an unknown backend is rejected', async (t) => {
  for (const backend of [untyped<BackendName>('constructor'), untyped<BackendName>(3)] as const) {
    const expected = { code: 'ERR_BACKEND_UNSUPPORTED', message: new RegExp(`posix, anonymous.*got "?${backend}`) };
    t.throws(() => Segment.create({ ...placeOf(backend, 'a'), size: 64 }), expected);
    t.throws(() => Segment.open({ ...placeOf(backend, 'a') }), expected);
  }
});

t.test('flags that are not booleans are rejected', async (t) => {
  const name = scratchName();
  t.throws(() => Segment.create({ name, size: 64, readOnly: true }), { code: 'ERR_ARGUMENT', message: /read-only/ });
  t.throws(() => Segment.create({ name, size: 64, hugePages: untyped('yes') }), {
    code: 'ERR_ARGUMENT',
    message: 'hugePages must be true or false, got "yes"',
  });
  t.throws(() => Segment.open({ name, readOnly: untyped(1) }), { code: 'ERR_ARGUMENT', message: /readOnly.*got 1/ });
  t.notOk(existsSync(`/dev/shm/${name}`));
});

t.test('firstBytes is accepted only by open', async (t) => {
  for (const backend of BACKENDS) {
    const place = placeOf(backend, scratchName());
    t.throws(() => Segment.create(untyped({ ...place, size: 8192, firstBytes: 4096 })), {
      code: 'ERR_ARGUMENT',
      message: /unknown option firstBytes/,
    });
    scratchSegment(t, { backend, name: place.name, size: 8192 });
    const segment = Segment.open({ ...place, firstBytes: 4096 });
    t.equal(segment.buffer.byteLength, 4096);
    segment.close();
  }
});

t.test('missing options are rejected', async (t) => {
  t.throws(() => Segment.create(untyped(undefined)), { code: 'ERR_ARGUMENT', message: /options/ });
  t.throws(() => Segment.open(untyped('name')), { code: 'ERR_ARGUMENT', message: /options/ });
});

t.test('a segment that does not exist is not found', async (t) => {
  for (const backend of BACKENDS) {
    const name = scratchName();
    const expected = { code: 'ERR_SEGMENT_NOT_FOUND', message: new RegExp(name) };
    t.throws(() => Segment.open({ ...placeOf(backend, name) }), expected);
    t.throws(() => Segment.open({ ...placeOf(backend, name), readOnly: true }), expected);
  }
});
